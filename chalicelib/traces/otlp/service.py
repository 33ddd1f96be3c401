"""Taking spans in: as events of a run for each trace. A span that is there already changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, groupby
from math import ceil
from operator import attrgetter
from uuid import UUID

from chalicelib.adapters.crashpoints import CrashPoints
from chalicelib.adapters.postgres import Transaction
from chalicelib.traces import store as trace_store
from chalicelib.traces.models import DERIVED, Made, Prepared
from chalicelib.traces.otlp import events, store
from chalicelib.traces.otlp.numbering import Growth
from chalicelib.traces.otlp.spans import Malformed, Span
from chalicelib.traces.otlp.store import SpanStep
from chalicelib.traces.preparing import Preparer
from chalicelib.traces.service import TraceIngestion
from chalicelib.traces.store import Used

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
    """
    Args:
        late_window: seconds that spans of a trace may still come once its root is there.
    """

    def __init__(self, ingestion: TraceIngestion, crash_points: CrashPoints, *, late_window: int) -> None:
        self._ingestion = ingestion
        self._reach = crash_points
        self._late = late_window

    def take(self, tx: Transaction, user_id: UUID, spans: Iterable[Span | Malformed]) -> Taken:
        """Stores the spans that are new, each whole or not at all, in a number of statements that is bounded.

        A large body is taken in a few parts: the database stores one while the next is prepared. Their order is that of
        the traces, so that runs are locked in one order; contents, which runs share, are stored last.
        """
        taken = Taken()
        by_id = _by_id(spans, taken)
        body = _Body(self._ingestion, tx, user_id, by_id.values(), taken)
        with tx.pipeline():
            for part in _parts(by_id):
                body.send(part)
                self._reach("mid_transaction")
            body.end(self._late)
        return taken


class _Body:
    """The spans of one body on their way into the database, in one transaction."""

    def __init__(
        self, ingestion: TraceIngestion, tx: Transaction, user_id: UUID, spans: Collection[Span], taken: Taken
    ) -> None:
        self._ingestion = ingestion
        self._spans = spans
        self._taken = taken
        self._tx = tx
        self._user_id = user_id
        self._preparer = ingestion.preparer(tx, user_id)
        self._runs: dict[UUID, Growth] = {}
        self._known: set[bytes] = set()
        self._used: Used = {}

    def send(self, part: Part) -> None:
        """Sends what is new of a part."""
        steps = _steps(self._preparer, part, self._taken)
        self._lock(steps.values())
        fresh = self._fresh(steps)
        if not fresh:
            return
        beside = self._begin([span for name, span in part if name in fresh])
        for run_id, of_run in groupby(fresh.values(), key=attrgetter("run_id")):
            self._runs[run_id].add(list(of_run))
        beside += [note for step in fresh.values() for note in step.notes]
        if beside:
            trace_store.insert_events(self._tx, self._user_id, beside)
        hidden = [run_id for run_id, growth in self._runs.items() if growth.run.has_gap]
        store.insert_steps(self._tx, self._user_id, list(fresh.values()), hidden)
        self._used |= trace_store.used_by(chain(beside, (step.end for step in fresh.values())))

    def end(self, late: int) -> None:
        """Moves the runs on, and stores the contents."""
        given = [growth.advance for growth in self._runs.values() if growth.high > growth.run.high]
        if not given:
            return
        advanced = self._ingestion.advance(self._tx, self._user_id, given)
        store.note_roots(self._tx, self._user_id, [one.run_id for one in given], late)
        self._ingestion.store_contents(self._tx, self._user_id, self._used)
        self._ingestion.examine(self._tx, self._user_id, advanced())

    def _lock(self, steps: Iterable[SpanStep]) -> None:
        """Makes and locks the runs that are not locked yet, and looks which of the body's spans they hold."""
        if others := {step.run_id for step in steps} - self._runs.keys():
            standings = self._ingestion.lock(self._tx, self._user_id, dict.fromkeys(sorted(others), DERIVED))
            self._runs |= {run_id: Growth(run, run.high) for run_id, run in standings.items()}
            self._known |= self._held({run_id for run_id, run in standings.items() if run.high >= 0})

    def _held(self, run_ids: set[UUID]) -> set[bytes]:
        """The spans of the body, in this part and later ones, that are there."""
        if not run_ids:
            return set()
        steps = ((events.run_id(span.trace_id), events.step_id(span.span_id)) for span in self._spans)
        return store.known_steps(self._tx, self._user_id, [step for step in steps if step[0] in run_ids])

    def _fresh(self, steps: Steps) -> Steps:
        """Those that are not there and may still come; all are counted."""
        fresh = {name: step for name, step in steps.items() if name not in self._known}
        open_ones = {name: step for name, step in fresh.items() if not self._runs[step.run_id].run.is_over}
        self._taken.duplicates += len(steps) - len(fresh)
        self._taken.accepted += len(open_ones)
        self._taken.rejected += Counter(run_closed=len(fresh) - len(open_ones))  # which drops it where it is zero
        return open_ones

    def _begin(self, spans: Iterable[Span]) -> list[Prepared]:
        """The start of each new run, made of its first span; none where that cannot be kept."""
        first: dict[UUID, Span] = {}
        for span in spans:
            run_id = events.run_id(span.trace_id)
            if self._runs[run_id].high < 0:
                first.setdefault(run_id, span)
        starts, _ = self._preparer.prepare_made(events.of_run(span) for span in first.values())
        for start in starts:
            self._runs[start.run_id].begin(start)
        return starts


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
            steps[name] = SpanStep(event.run_id, began[name], event, notes.get(name, []))
    return steps
