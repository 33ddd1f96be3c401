"""Keeps batches going: ends items with the jobs they wait for, and starts the next, in the same transaction.

Nothing rests on memory: an item at work has an open job, whose row the sweep looks after; and whoever ends a job starts
what may come next.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.cards.reextraction import store
from chalicelib.cards.reextraction.models import AT_WORK
from chalicelib.jobs.models import REEXTRACTION, JobKind
from chalicelib.jobs.outbox import Outbox


class Progress:
    """
    Args:
        concurrency: how many topics of a batch are at work at once.
    """

    def __init__(self, outbox: Outbox, *, concurrency: int) -> None:
        self._outbox = outbox
        self._concurrency = concurrency

    def advance(self, tx: Transaction, user_id: UUID, batch_ids: Iterable[UUID]) -> None:
        """Starts as many items as may be at work besides those that are, and ends a batch of which none is left."""
        for batch_id in sorted(batch_ids):
            held = store.hold(tx, user_id, batch_id)
            if held is None or held.status not in AT_WORK:
                continue
            if wanted := store.next_items(tx, batch_id, self._concurrency):
                store.start(tx, self._jobs(tx, user_id, held, wanted))
            else:
                store.end(tx, batch_id)

    def _jobs(self, tx: Transaction, user_id: UUID, held: store.Held, wanted: dict[UUID, UUID]) -> dict[UUID, UUID]:
        """The jobs of items: a preview's extracts or applies without the topic's queue, any other is an extraction."""
        kind, subjects = (
            (JobKind.REEXTRACT, list(wanted)) if held.is_preview else (JobKind.EXTRACT, list(wanted.values()))
        )
        jobs = self._outbox.add_each(tx, user_id, kind, subjects, cause=REEXTRACTION, request_id=held.request_id)
        return {item_id: jobs[item_id if held.is_preview else topic_id] for item_id, topic_id in wanted.items()}

    def on_extracted(
        self, tx: Transaction, user_id: UUID, topic_id: UUID, job_id: UUID, result: dict[str, Any]
    ) -> None:
        """An extraction for a batch is done (`cards.runs.handler.Batches`)."""
        run_id = UUID(result["run_id"]) if "run_id" in result else None
        ended = store.extracted(
            tx, user_id, topic_id, job_id, run_id, result.get("cards_changed", 0), result.get("tokens", 0)
        )
        self.advance(tx, user_id, ended)

    def on_dead(self, tx: Transaction, user_id: UUID, subject: UUID) -> None:
        """A job has been given up: of a topic, or of an item."""
        self.advance(tx, user_id, store.died(tx, user_id, subject))

    def on_redriven(self, tx: Transaction, user_id: UUID, dead: UUID, standing: UUID) -> None:
        """A dead job is at work again, or another one stands for it (`jobs.service.Redriven`)."""
        store.redriven(tx, user_id, dead, standing)
