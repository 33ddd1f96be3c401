"""Batches as clients start, follow and decide about them."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from chalicelib.adapters.clock import NewId
from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.cards.extractors import MESSAGE_OVERHEAD
from chalicelib.cards.prompts import INSTRUCTIONS
from chalicelib.cards.reextraction import store
from chalicelib.cards.reextraction.choosing import Choosing
from chalicelib.cards.reextraction.errors import BatchEnded, BatchNotFound, BatchNotReady, TooManyTopics
from chalicelib.cards.reextraction.models import (
    AT_WORK,
    Batch,
    BatchMessage,
    BatchStatus,
    Estimate,
    Item,
    ItemStatus,
    Order,
    TopicFilter,
)
from chalicelib.cards.reextraction.progress import Progress
from chalicelib.cards.reextraction.selection import store as selection
from chalicelib.cards.windows import LONGEST
from chalicelib.conversations.errors import TopicNotFound
from chalicelib.llm.tokens import tokens

MAX_TOPICS = 10_000  # that one request may plan


class ReextractionService:
    def __init__(self, db: Database, progress: Progress, choosing: Choosing, new_id: NewId) -> None:
        self._db = db
        self._progress = progress
        self._choosing = choosing
        self._new_id = new_id

    def estimate(self, tx: Transaction, user_id: UUID, order: Order) -> Estimate:
        """What a batch would do. Writes nothing.

        Raises:
            TopicNotFound, UnknownPromptVersion, ModelUnconfigured
        """
        extractor = self._choosing.extractor(order.extractor).identity
        self._check_topics(tx, user_id, order.filter)
        version = extractor.prompt_version
        found = selection.estimate(
            tx, user_id, order.filter, extractor.name, overhead=MESSAGE_OVERHEAD,
            per_window=tokens(INSTRUCTIONS[version]) if version else 0, longest=LONGEST,
        )  # fmt: skip
        return found if version else replace(found, estimated_tokens=0)

    def start(self, tx: Transaction, user_id: UUID, order: Order, request_id: str) -> Batch:
        """Plans a batch, and starts its first items.

        Raises:
            TopicNotFound, UnknownPromptVersion, ModelUnconfigured
            TooManyTopics: more than `MAX_TOPICS`.
        """
        batch_id = self._new_id()
        if self._plan(tx, user_id, batch_id, order, request_id) > MAX_TOPICS:
            raise TooManyTopics(most=MAX_TOPICS)
        return self._get(tx, user_id, batch_id)

    def start_by_message(self, message: BatchMessage, request_id: str) -> Batch:
        """The same for a message on the queue, of however many topics; one that comes again starts nothing."""
        with self._db.user(message.user_id) as tx:
            self._plan(tx, message.user_id, message.batch_id, message, request_id)
            return self._get(tx, message.user_id, message.batch_id)

    def _plan(self, tx: Transaction, user_id: UUID, batch_id: UUID, order: Order, request_id: str) -> int:
        """Returns how many topics the batch has; 0 for one that is there already."""
        extractor = self._choosing.extractor(order.extractor).identity
        self._check_topics(tx, user_id, order.filter)
        asked = order.filter.model_dump(mode="json", exclude_unset=True)
        choice = order.extractor.model_dump(mode="json", exclude_none=True) if order.extractor else None
        is_new = store.insert(
            tx, user_id, batch_id, asked, is_preview=order.preview, choice=choice, extractor=extractor.name,
            request_id=request_id,
        )  # fmt: skip
        if not is_new:
            return 0
        count = selection.plan(tx, user_id, batch_id, order.filter)
        self._progress.advance(tx, user_id, [batch_id])
        return count

    def _check_topics(self, tx: Transaction, user_id: UUID, asked: TopicFilter) -> None:
        wanted = set(asked.topics or ())
        if wanted and selection.own_topics(tx, user_id, sorted(wanted)) < len(wanted):
            raise TopicNotFound()

    def batches(self, user_id: UUID, before: UUID | None, limit: int) -> list[Batch]:
        """Newest first."""
        with self._db.user(user_id) as tx:
            return store.list_batches(tx, user_id, before, limit)

    def batch(self, user_id: UUID, batch_id: UUID) -> Batch:
        with self._db.user(user_id) as tx:
            return self._get(tx, user_id, batch_id)

    def _get(self, tx: Transaction, user_id: UUID, batch_id: UUID) -> Batch:
        batch = store.get(tx, user_id, batch_id)
        if batch is None:
            raise BatchNotFound()
        return batch

    def items(
        self, user_id: UUID, batch_id: UUID, status: ItemStatus | None, after: UUID | None, limit: int
    ) -> list[Item]:
        """By topic."""
        with self._db.user(user_id) as tx:
            if not store.exists(tx, user_id, batch_id):
                raise BatchNotFound()
            return store.items(tx, user_id, batch_id, status, after, limit)

    def cancel(self, tx: Transaction, user_id: UUID, batch_id: UUID) -> Batch:
        """What has not begun never does; what is at work goes on to its end.

        Raises:
            BatchNotFound, BatchEnded
        """
        if self._hold(tx, user_id, batch_id).status not in AT_WORK:
            raise BatchEnded()
        store.set_items(tx, batch_id, ItemStatus.QUEUED, ItemStatus.CANCELLED)
        store.drop_diffs(tx, batch_id)
        store.set_status(tx, batch_id, BatchStatus.CANCELLED)
        return self._get(tx, user_id, batch_id)

    def apply(self, tx: Transaction, user_id: UUID, batch_id: UUID) -> Batch:
        """Makes the topics' cards what the preview shows, in the background; no model is called.

        Raises:
            BatchNotFound, BatchNotReady
        """
        self._check_ready(tx, user_id, batch_id)
        store.set_items(tx, batch_id, ItemStatus.DONE, ItemStatus.QUEUED)
        store.set_status(tx, batch_id, BatchStatus.APPLYING)
        self._progress.advance(tx, user_id, [batch_id])
        return self._get(tx, user_id, batch_id)

    def discard(self, tx: Transaction, user_id: UUID, batch_id: UUID) -> Batch:
        """
        Raises:
            BatchNotFound, BatchNotReady
        """
        self._check_ready(tx, user_id, batch_id)
        store.set_items(tx, batch_id, ItemStatus.DONE, ItemStatus.DISCARDED)
        store.set_status(tx, batch_id, BatchStatus.DISCARDED)
        return self._get(tx, user_id, batch_id)

    def _check_ready(self, tx: Transaction, user_id: UUID, batch_id: UUID) -> None:
        if self._hold(tx, user_id, batch_id).status is not BatchStatus.READY:
            raise BatchNotReady()

    def _hold(self, tx: Transaction, user_id: UUID, batch_id: UUID) -> store.Held:
        held = store.hold(tx, user_id, batch_id)
        if held is None:
            raise BatchNotFound()
        return held
