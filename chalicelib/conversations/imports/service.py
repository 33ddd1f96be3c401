"""Taking in history that was written elsewhere: batches, each in one transaction, any of them twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chalicelib.adapters.clock import Clock, NewId
from chalicelib.adapters.postgres import Transaction
from chalicelib.conversations import store as conversations
from chalicelib.conversations.errors import QueuesAreOld
from chalicelib.conversations.imports import store
from chalicelib.conversations.imports.models import ImportedMessage, ImportReport, Skipped
from chalicelib.conversations.models import MAX_MESSAGE
from chalicelib.jobs.models import JobKind
from chalicelib.jobs.outbox import Outbox

ROLES = frozenset({"user", "assistant"})
LONGEST_TITLE = 200
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)  # a clock may be off


class ImportService:
    def __init__(
        self,
        outbox: Outbox,
        new_id: NewId,
        clock: Clock,
        oldest_job: Callable[[], float],
        *,
        max_queue_age: int,
        extract_delay: int,
    ) -> None:
        """
        Args:
            oldest_job: seconds that the oldest waiting job has waited.
            max_queue_age: an import waits while a job has waited longer; 0 is never.
        """
        self._outbox = outbox
        self._new_id = new_id
        self._clock = clock
        self._oldest_job = oldest_job
        self._max_queue_age = max_queue_age
        self._extract_delay = extract_delay

    def check_queues(self) -> None:
        """
        Raises:
            QueuesAreOld: more work would only wait longer.
        """
        if self._max_queue_age and self._oldest_job() > self._max_queue_age:
            raise QueuesAreOld()

    def take(
        self, tx: Transaction, user_id: UUID, source: str, messages: Sequence[ImportedMessage], request_id: str
    ) -> ImportReport:
        """Imports a batch: original order and times, one topic for each named one, no message twice.

        Args:
            source: names where it came from; keys and topics belong to it.
        """
        skipped = [Skipped(n, reason) for n, message in enumerate(messages) if (reason := self._fault(message))]
        left_out = {skip.index for skip in skipped}
        good = [message for n, message in enumerate(messages) if n not in left_out]
        if not good:
            return ImportReport(0, 0, skipped)
        conversation = conversations.lock(tx, user_id)
        topics = self._topics(tx, user_id, conversation.conversation_id, source, good)
        placed = [(topics[f"{source}:{message.topic}"], message) for message in good]
        keyed = [(topic_id, _keyed(source, message)) for topic_id, message in placed]
        changed = store.insert_messages(tx, user_id, conversation.conversation_id, keyed)
        topic_ids = [row.topic_id for row in changed]
        self._outbox.add_many(
            tx, user_id, JobKind.EXTRACT, topic_ids, cause="import", request_id=request_id, delay=self._extract_delay
        )
        imported = sum(row.messages for row in changed)
        return ImportReport(imported, len(good) - imported, skipped, sorted(set(topics.values())))

    def _topics(
        self, tx: Transaction, user_id: UUID, conversation_id: str, source: str, messages: Sequence[ImportedMessage]
    ) -> dict[str, UUID]:
        names = dict.fromkeys(message.topic for message in messages)
        wanted = [(self._new_id(), f"{source}:{name}", name[:LONGEST_TITLE]) for name in names]
        return store.ensure_topics(tx, user_id, conversation_id, wanted)

    def _fault(self, message: ImportedMessage) -> str | None:
        """Why a message cannot be taken; None if it can."""
        if message.role not in ROLES:
            return "role"
        if not message.content.strip():
            return "blank"
        if len(message.content) > MAX_MESSAGE:
            return "too_long"
        if not _is_storable(message.content):
            return "characters"
        if message.created_at and not EARLIEST <= message.created_at <= self._clock() + AHEAD:
            return "time"
        return None


def _is_storable(text: str) -> bool:
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text))


def _keyed(source: str, message: ImportedMessage) -> ImportedMessage:
    key = f"import:{source}:{message.key}"
    return ImportedMessage(key, message.role, message.content, message.topic, message.created_at)
