"""The numbers of events made of spans: as they came at first, by start and span id when their trace ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import NamedTuple
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.traces import marks
from chalicelib.traces.marks import Start
from chalicelib.traces.models import Prepared
from chalicelib.traces.otlp import store
from chalicelib.traces.otlp.store import SpanStep
from chalicelib.traces.progress.store import Advance
from chalicelib.traces.store import Standing


@dataclass(slots=True)
class Growth:
    """What the spans of a body bring to a run.

    Args:
        run: as it stood when it was locked.
        high: its highest number since.
    """

    run: Standing
    high: int
    flags: set[str] = field(default_factory=set)
    start: Start | None = None

    def begin(self, event: Prepared) -> None:
        """Of a new run."""
        event.sequence_no = self.high = 0
        self.flags.update(event.flags)
        self.start = marks.start(event)

    def add(self, steps: Sequence[SpanStep]) -> None:
        """Gives the events of steps the numbers after those that the run holds."""
        numbers = count(self.high + 1)
        for step in steps:
            step.started_no = next(numbers)
            for event in (*step.notes, step.end):
                event.sequence_no = next(numbers)
                self.flags.update(event.flags)
        self.high = steps[-1].end.sequence_no

    @property
    def advance(self) -> Advance:
        low = None if self.run.has_gap else self.high + 1
        return Advance(
            self.run.run_id, self.run.low, low, self.high - self.run.high, self.high, sorted(self.flags), False,
            self.start, None,
        )  # fmt: skip


class Ended(NamedTuple):
    """A trace that got its numbers for good: its last one, when its last span ended, whether a root of it failed."""

    run_id: UUID
    last: int
    ended_at: datetime
    is_failed: bool


def renumber(tx: Transaction, user_id: UUID, run_ids: Sequence[UUID]) -> list[Ended]:
    """Of locked runs, all of whose events are there."""
    store.renumber(tx, user_id, run_ids)
    return [Ended(*row) for row in store.ended(tx, user_id, run_ids)]
