"""What a batch brings to a locked run, and what becomes of each of its events. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from chalicelib.traces import marks
from chalicelib.traces.models import Prepared, Receipt, ReceiptStatus
from chalicelib.traces.progress.store import Advance
from chalicelib.traces.store import Standing


@dataclass(slots=True)
class Incoming:
    """The events of a batch that are of one run.

    Args:
        first: of each number, the batch's first event.
        there: of numbers that are taken already, the fingerprint of the event that is there.
    """

    run: Standing
    first: dict[int, Prepared] = field(default_factory=dict)
    there: dict[int, bytes] = field(default_factory=dict)

    def add(self, events: Iterable[Prepared]) -> None:
        for event in events:
            self.first.setdefault(event.sequence_no, event)

    @property
    def doubtful(self) -> list[int]:
        """The numbers that may be taken: beyond the highest one nothing is."""
        return [number for number in self.first if number <= self.run.high]

    @property
    def fresh(self) -> list[Prepared]:
        """What is to be stored, in order."""
        if self.run.is_over:
            return []
        return [self.first[number] for number in sorted(self.first.keys() - self.there.keys())]

    def advance(self, fresh: list[Prepared]) -> Advance:
        starts = [event for event in fresh if event.event_type == marks.STARTED]
        ends = [event for event in fresh if event.event_type == marks.COMPLETED]
        return Advance(
            self.run.run_id, self.run.low, self._next(fresh), len(fresh), fresh[-1].sequence_no if fresh else -1,
            sorted({flag for event in fresh for flag in event.flags}), self.run.is_due,
            marks.start(starts[0]) if starts else None, marks.end(ends[0]) if ends else None,
        )  # fmt: skip

    def _next(self, fresh: list[Prepared]) -> int | None:
        """The lowest gap once these are stored. None: events beyond it are there already, and have to be looked at."""
        if self.run.has_gap:
            return None
        numbers = {event.sequence_no for event in fresh}
        return next(number for number in range(self.run.low, self.run.low + len(numbers) + 1) if number not in numbers)

    def receipt(self, event: Prepared, low: int) -> Receipt:
        """
        Args:
            low: the run's lowest gap now.
        """
        number = event.sequence_no
        is_new = number not in self.there and not self.run.is_over
        if is_new and self.first[number] is event:
            status: ReceiptStatus = "accepted" if number < low else "held"
            return Receipt(event.index, event.run_id, number, status)
        kept = self.first[number].fingerprint if is_new else self.there.get(number)
        if kept == event.fingerprint:
            return Receipt(event.index, event.run_id, number, "duplicate")
        code = "run_closed" if self.run.is_over else "sequence_conflict"
        return Receipt(event.index, event.run_id, number, "rejected", code)
