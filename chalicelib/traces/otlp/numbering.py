"""The numbers of events made of spans: as they came at first, by start and span id when their trace ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.traces.otlp import store


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
