"""Taking spans in: as events of a run for each trace. A span that is there already changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from math import ceil
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.traces import store as trace_store
from chalicelib.traces.models import DERIVED, Made, Prepared
from chalicelib.traces.otlp import events, numbering, store
from chalicelib.traces.otlp.numbering import Starts
from chalicelib.traces.otlp.spans import Malformed, Span
from chalicelib.traces.otlp.store import SpanStep
from chalicelib.traces.preparing import Preparer
from chalicelib.traces.progress.store import Advanced
from chalicelib.traces.service import TraceIngestion
from chalicelib.traces.store import Standing, Used

Spans = dict[bytes, Span]  # by trace and span id
Part = Sequence[tuple[bytes, Span]]
Steps = dict[bytes, SpanStep]
PART = 250  # spans of a part, at least
MOST_PARTS = 4


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
        """Stores the spans that are new, each whole or not at all, in a number of statements that is bounded.

        A large body is taken in a few parts: the database stores one while the next is prepared. Their order is that of
        the traces, so that runs are locked in one order; contents, which runs share, are stored last.
        """
        taken, used = Taken(), Used()
        by_id = _by_id(spans, taken)
        preparer = self._ingestion.preparer(tx, user_id)
        with tx.pipeline():
            moved = [self._store(tx, user_id, preparer, part, taken, used) for part in _parts(by_id)]
            self._ingestion.examine(tx, user_id, [one for answer in moved for one in answer()])
            self._ingestion.store_contents(tx, user_id, used)
        return taken

    def _store(
        self, tx: Transaction, user_id: UUID, preparer: Preparer, part: Part, taken: Taken, used: Used
    ) -> Callable[[], list[Advanced]]:
        """Sends a part to the database. Returns what waits until it is there."""
        steps = _steps(preparer, part, taken)
        if not steps:
            return list
        standings = self._ingestion.lock(tx, user_id, dict.fromkeys(sorted(_runs(steps)), DERIVED))
        fresh = self._fresh(tx, user_id, steps, standings, taken)
        if not fresh:
            return list
        new = {run_id for run_id, run in standings.items() if run.high < 0}
        starts = _starts(preparer, [span for name, span in part if name in fresh], new)
        runs = numbering.numbered(fresh.values(), starts, standings)
        beside = [event for run in runs for event in run.beside]
        if beside:
            trace_store.insert_events(tx, user_id, beside)
        store.insert_steps(tx, user_id, list(fresh.values()), {run.run_id for run in standings.values() if run.has_gap})
        used |= trace_store.used_by(chain(beside, (step.end for step in fresh.values())))
        moved = self._ingestion.advance(tx, user_id, [run.advance for run in runs])
        store.note_roots(tx, user_id, standings, self._late)
        return moved

    def _fresh(
        self, tx: Transaction, user_id: UUID, steps: Steps, standings: dict[UUID, Standing], taken: Taken
    ) -> Steps:
        """Those that are not there and may still come; all are counted."""
        known = store.known_steps(tx, user_id, [(step.end.run_id, step.end.step_id) for step in steps.values()])
        fresh = {name: step for name, step in steps.items() if name not in known}
        open_ones = {name: step for name, step in fresh.items() if not standings[step.end.run_id].is_over}
        taken.duplicates += len(known)
        taken.accepted += len(open_ones)
        taken.rejected += Counter(run_closed=len(fresh) - len(open_ones))  # which drops it where it is zero
        return open_ones


def _by_id(spans: Iterable[Span | Malformed], taken: Taken) -> Spans:
    """The first span of each id; what is none, and what comes twice, is counted."""
    by_id: Spans = {}
    for span in spans:
        if isinstance(span, Malformed):
            taken.rejected[span.code] += 1
            continue
        name = span.trace_id + span.span_id
        taken.duplicates += name in by_id
        by_id.setdefault(name, span)
    return by_id


def _parts(by_id: Spans) -> Iterator[Part]:
    """The spans by trace, start and id; a few parts of about the same size."""
    ordered = sorted(by_id.items(), key=_by_start)
    size = max(PART, ceil(len(ordered) / MOST_PARTS))
    return (ordered[first : first + size] for first in range(0, len(ordered), size))


def _by_start(one: tuple[bytes, Span]) -> tuple[bytes, int, bytes]:
    return one[1].trace_id, one[1].start_ns, one[1].span_id


def _steps(preparer: Preparer, part: Part, taken: Taken) -> Steps:
    """What the spans are as steps. A span of which an event is refused is counted, and left out."""
    made, names, began = list[Made](), list[bytes](), dict[bytes, datetime]()
    for name, span in part:
        began[name] = events.moment(span.start_ns)
        for one in events.of_span(span):
            made.append(one)
            names.append(name)
    prepared, rejections = preparer.prepare_made(made)
    refused = {name: "ts_out_of_range" for name, moment in began.items() if not preparer.is_near(moment)}
    for rejection in rejections:
        refused.setdefault(names[rejection.index], rejection.code)
    taken.rejected.update(refused.values())
    steps, notes = Steps(), dict[bytes, list[Prepared]]()
    for event in prepared:
        name = names[event.index]
        if event.event_type == "note":
            notes.setdefault(name, []).append(event)
        elif name not in refused:
            steps[name] = SpanStep(began[name], event, notes.get(name, []))
    return steps


def _starts(preparer: Preparer, spans: Iterable[Span], new: Set[UUID]) -> Starts:
    """For each new run its start, made of the first span; none where that cannot be kept."""
    first: dict[UUID, Span] = {}
    for span in spans:
        first.setdefault(events.run_id(span.trace_id), span)
    prepared, _ = preparer.prepare_made(events.of_run(span) for run_id, span in first.items() if run_id in new)
    return {event.run_id: event for event in prepared}


def _runs(steps: Steps) -> set[UUID]:
    return {step.end.run_id for step in steps.values()}
