"""When a story is due: after anything that changed the cards of its topic."""

from __future__ import annotations

from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.cards.stories import store
from chalicelib.jobs.models import JobKind
from chalicelib.jobs.outbox import Outbox


class Renewal:
    """Queues stories.

    Args:
        delay: seconds that a story waits, so that changes which follow each other closely make one.
    """

    def __init__(self, outbox: Outbox, *, delay: int) -> None:
        self._outbox = outbox
        self._delay = delay

    def after_change(self, tx: Transaction, user_id: UUID, topic_id: UUID, *, cause: str, request_id: str) -> None:
        """For who has changed cards of a topic so that a reader sees it, and holds it."""
        self._outbox.add(
            tx, user_id, JobKind.STORY, topic_id, cause=cause, request_id=request_id, delay=self._delay
        )  # fmt: skip

    def if_due(self, tx: Transaction, user_id: UUID, topic_id: UUID, *, cause: str, request_id: str) -> None:
        """For who has found that the cards of a topic are as they should be: the story may have gone with messages."""
        if store.is_due(tx, user_id, topic_id):
            self.after_change(tx, user_id, topic_id, cause=cause, request_id=request_id)

    def by_hand(self, tx: Transaction, user_id: UUID, topic_id: UUID, request_id: str) -> UUID:
        """Without delay. Returns the job's id."""
        return self._outbox.add(tx, user_id, JobKind.STORY, topic_id, cause="manual", request_id=request_id)
