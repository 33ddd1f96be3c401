"""Taking spans in: as events of a run for each trace. A span that is there already changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from math import ceil
from uuid import UUID

from chalicelib.adapters.behind import in_turn
from chalicelib.adapters.postgres import Transaction
from chalicelib.traces.models import DERIVED, Made, Prepared
from chalicelib.traces.otlp import events, store
from chalicelib.traces.otlp.spans import Malformed, Span
from chalicelib.traces.preparing import Preparer
from chalicelib.traces.service import TraceIngestion
from chalicelib.traces.store import Standing, Used

Spans = dict[bytes, Span]  # by trace and span id
Steps = dict[bytes, list[Prepared]]  # the events of each span, in order
PART = 250  # spans of a part, at least
MOST_PARTS = 3


@dataclass(slots=True)
class Taken:
    """What became of a body's spans: how many are kept or were there, and of the others how many for which code."""

    accepted: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Taken) -> Taken:
        return Taken(
            self.accepted + other.accepted, self.duplicates + other.duplicates, self.rejected + other.rejected
        )  # fmt: skip

    @property
    def message(self) -> str:
        return ", ".join(f"{code}: {count}" for code, count in sorted(self.rejected.items()))


class SpanIngestion:
    def __init__(self, ingestion: TraceIngestion, *, late_window: int) -> None:
        self._ingestion = ingestion
        self._late = late_window

    def take(self, tx: Transaction, user_id: UUID, spans: Iterable[Span | Malformed]) -> Taken:
        """Stores the spans that are new, each whole or not at all, in a number of statements that is bounded.

        A large body is taken in a few parts, of which one is stored while the next is prepared. Their order is that of
        the traces, so that runs are locked in one order; contents, which runs share, are stored last.
        """
        taken, stored = Taken(), Taken()  # the latter is the thread's
        by_id = _by_id(spans, taken)
        preparer = self._ingestion.preparer(tx, user_id)
        used: Used = {}
        with in_turn() as do:
            for part in _parts(by_id):
                steps = _steps(preparer, part, taken)
                starts = _starts(preparer, [span for name, span in part if name in steps])
                if steps:
                    do(partial(self._store, tx, user_id, steps, starts, stored, used))
        self._ingestion.store_contents(tx, user_id, used)
        return taken + stored

    def _store(
        self, tx: Transaction, user_id: UUID, steps: Steps, starts: dict[UUID, Prepared], taken: Taken, used: Used
    ) -> None:
        standings = self._ingestion.lock(tx, user_id, dict.fromkeys(sorted(_runs(steps)), DERIVED))
        fresh = self._fresh(tx, user_id, steps, standings, taken)
        events = _numbered(fresh, starts, standings)
        if events:
            used |= self._ingestion.store_events(tx, user_id, events, standings)[1]
            store.note_roots(tx, user_id, standings, self._late)

    def _fresh(
        self, tx: Transaction, user_id: UUID, steps: Steps, standings: dict[UUID, Standing], taken: Taken
    ) -> Steps:
        """Those that are not there and may still come; all are counted."""
        known = store.known_steps(tx, user_id, [(made[0].run_id, made[0].step_id) for made in steps.values()])
        fresh = {name: made for name, made in steps.items() if name not in known}
        open_ones = {name: made for name, made in fresh.items() if not standings[made[0].run_id].is_over}
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


def _parts(by_id: Spans) -> Iterator[list[tuple[bytes, Span]]]:
    """The spans by trace, start and id; a few parts of about the same size."""
    ordered = sorted(by_id.items(), key=_by_start)
    size = max(PART, ceil(len(ordered) / MOST_PARTS))
    return (ordered[first : first + size] for first in range(0, len(ordered), size))


def _by_start(one: tuple[bytes, Span]) -> tuple[bytes, int, bytes]:
    return one[1].trace_id, one[1].start_ns, one[1].span_id


def _steps(preparer: Preparer, part: Iterable[tuple[bytes, Span]], taken: Taken) -> Steps:
    """The spans' events. A span of which an event is refused is counted, and left out.

    The start of a span says nothing that its other events do not: it is made of one of those.
    """
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
    steps: Steps = {}
    for event in prepared:
        name = names[event.index]
        if name not in refused:
            steps.setdefault(name, []).append(event)
    for name, made_of_span in steps.items():
        made_of_span.insert(0, made_of_span[-1].start(began[name]))
    return steps


def _starts(preparer: Preparer, spans: Iterable[Span]) -> dict[UUID, Prepared]:
    """For each trace the start of its run, made of the first span."""
    first: Spans = {}
    for span in spans:
        first.setdefault(span.trace_id, span)
    prepared, _ = preparer.prepare_made(events.of_run(span) for span in first.values())
    return {event.run_id: event for event in prepared}


def _runs(steps: Steps) -> set[UUID]:
    return {made[0].run_id for made in steps.values()}


def _numbered(steps: Steps, starts: dict[UUID, Prepared], standings: dict[UUID, Standing]) -> list[Prepared]:
    """The events, numbered on from what their runs hold; before the first ones the run's start."""
    numbers = {run_id: run.high + 1 for run_id, run in standings.items()}
    numbered: list[Prepared] = []
    for made in steps.values():
        run_id = made[0].run_id
        first = numbers[run_id]
        if first == 0 and run_id in starts:
            made.insert(0, starts[run_id])
        for number, event in enumerate(made, first):
            event.sequence_no = number
        numbers[run_id] = first + len(made)
        numbered += made
    return numbered
