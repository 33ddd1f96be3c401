"""The numbers of events made of spans: as they came at first, by start and span id when their trace ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain, count, groupby
from typing import NamedTuple
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.traces import marks
from chalicelib.traces.models import Prepared
from chalicelib.traces.otlp import store
from chalicelib.traces.otlp.store import SpanStep
from chalicelib.traces.progress.store import Advance
from chalicelib.traces.store import Standing

Starts = Mapping[UUID, Prepared]  # the `run.started` of runs that are new


class Numbered(NamedTuple):
    """What spans bring to a run, under its numbers.

    Args:
        beside: the events beside the steps' starts and ends.
    """

    beside: list[Prepared]
    advance: Advance


class Ended(NamedTuple):
    """A trace that got its numbers for good: its last one, when its last span ended, whether a root of it failed."""

    run_id: UUID
    last: int
    ended_at: datetime
    is_failed: bool


def numbered(steps: Iterable[SpanStep], starts: Starts, standings: Mapping[UUID, Standing]) -> list[Numbered]:
    """Gives steps, ordered by run, the numbers after those that their runs hold; a new run begins with its start."""
    return [
        _numbered(standings[run_id], list(of_run), starts.get(run_id))
        for run_id, of_run in groupby(steps, key=lambda step: step.end.run_id)
    ]


def _numbered(run: Standing, steps: Sequence[SpanStep], start: Prepared | None) -> Numbered:
    beside = [start] if start else []
    numbers = count(run.high + 1)
    for event in beside:
        event.sequence_no = next(numbers)
    for step in steps:
        step.started_no = next(numbers)
        for event in (*step.notes, step.end):
            event.sequence_no = next(numbers)
        beside += step.notes
    high = steps[-1].end.sequence_no
    flags = {flag for event in chain(beside, (step.end for step in steps)) for flag in event.flags}
    return Numbered(beside, Advance(
        run.run_id, run.low, None if run.has_gap else high + 1, high - run.high, high, sorted(flags), False,
        marks.start(start) if start else None, None,
    ))  # fmt: skip


def renumber(tx: Transaction, user_id: UUID, run_ids: Sequence[UUID]) -> list[Ended]:
    """Of locked runs, all of whose events are there."""
    store.renumber(tx, user_id, run_ids)
    return [Ended(*row) for row in store.ended(tx, user_id, run_ids)]
