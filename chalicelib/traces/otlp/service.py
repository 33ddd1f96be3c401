"""Taking spans in: as events of a run for each trace. A span that is there already changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.traces.otlp import events, store
from chalicelib.traces.otlp.spans import Malformed, Span
from chalicelib.traces.service import DERIVED, TraceIngestion
from chalicelib.traces.store import Standing

ByStep = dict[tuple[UUID, UUID], Span]


@dataclass(slots=True)
class Taken:
    """What became of a body's spans: how many are kept or were there, and of the others how many for which code."""

    accepted: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def message(self) -> str:
        return ", ".join(f"{code}: {count}" for code, count in sorted(self.rejected.items()))


class SpanIngestion:
    def __init__(self, ingestion: TraceIngestion, *, late_window: int) -> None:
        self._ingestion = ingestion
        self._late = late_window

    def take(self, tx: Transaction, user_id: UUID, spans: Iterable[Span | Malformed]) -> Taken:
        """Stores the spans that are new; all of them at once, in a constant number of statements."""
        taken = Taken()
        of_step = _by_step(spans, taken)
        if not of_step:
            return taken
        standings = self._ingestion.lock(tx, user_id, sorted({run for run, _ in of_step}), DERIVED)
        known = store.known_steps(tx, user_id, of_step)
        taken.duplicates += len(known)
        fresh = {place: span for place, span in of_step.items() if place not in known}
        open_ones = {place: span for place, span in fresh.items() if not standings[place[0]].is_closed}
        refused = self._store(tx, user_id, open_ones, standings)
        taken.accepted = len(open_ones) - len(refused)
        taken.rejected.update(refused.values())
        taken.rejected += Counter(run_closed=len(fresh) - len(open_ones))  # which drops it where it is zero
        return taken

    def _store(
        self, tx: Transaction, user_id: UUID, spans: ByStep, standings: dict[UUID, Standing]
    ) -> dict[tuple[UUID, UUID], str]:
        """Stores spans whole: where an event of some is refused, the others are stored without them. Returns why."""
        try:
            with tx.attempt():
                self._write(tx, user_id, _numbered(spans, standings))
        except _Refused as error:
            left = {place: span for place, span in spans.items() if place not in error.steps}
            self._write(tx, user_id, _numbered(left, standings))
            return error.steps
        return {}

    def _write(self, tx: Transaction, user_id: UUID, numbered: list[dict[str, Any]]) -> None:
        """
        Raises:
            _Refused
        """
        if not numbered:
            return
        receipts = self._ingestion.take(tx, user_id, numbered)
        refused: dict[tuple[UUID, UUID], str] = {}
        for event, receipt in zip(numbered, receipts, strict=True):
            if receipt.status == "rejected" and event.get("step_id"):
                refused.setdefault((UUID(event["run_id"]), UUID(event["step_id"])), str(receipt.code))
        if refused:
            raise _Refused(refused)
        store.note_roots(tx, user_id, {UUID(event["run_id"]) for event in numbered}, self._late)


class _Refused(Exception):
    """Some spans have an event that cannot be stored; by step, why."""

    def __init__(self, steps: dict[tuple[UUID, UUID], str]) -> None:
        self.steps = steps
        super().__init__()


def _by_step(spans: Iterable[Span | Malformed], taken: Taken) -> ByStep:
    """The first span of each id; what is none, and what comes twice, is counted."""
    of_step: ByStep = {}
    for span in spans:
        if isinstance(span, Malformed):
            taken.rejected[span.code] += 1
            continue
        place = events.run_id(span), events.step_id(span.span_id)
        taken.duplicates += place in of_step
        of_step.setdefault(place, span)
    return of_step


def _numbered(fresh: ByStep, standings: dict[UUID, Standing]) -> list[dict[str, Any]]:
    """The spans' events, numbered on from what their runs hold; before the first ones the run's start."""
    numbers = {run_id: run.high + 1 for run_id, run in standings.items()}
    made: list[dict[str, Any]] = []
    for (run_id, _), span in sorted(fresh.items(), key=lambda one: (one[1].start_ns, one[1].span_id)):
        start = [events.of_run(span)] if numbers[run_id] == 0 else []
        for event in (*start, *events.of_span(span)):
            made.append({**event, "sequence_no": numbers[run_id]})
            numbers[run_id] += 1
    return made
