"""Topics and messages: reading them, and the user's own corrections of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from chalicelib.adapters.clock import NewId
from chalicelib.adapters.crashpoints import CrashPoints
from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.conversations import store
from chalicelib.conversations.errors import ConversationNotFound, MessageNotFound, TopicNotFound
from chalicelib.conversations.models import Conversation, Message, RouterRun, Topic
from chalicelib.jobs.models import JobKind
from chalicelib.jobs.outbox import Outbox


class DerivedState(Protocol):
    """What has been derived from messages, and must go with them."""

    def forget_message(self, tx: Transaction, user_id: UUID, topic_id: UUID, message_id: int) -> None:
        """Removes every derived word that rests on a message about to be deleted."""

    def follow(
        self, tx: Transaction, user_id: UUID, message_ids: Sequence[int], from_topic_id: UUID, to_topic_id: UUID
    ) -> None:
        """Cards that rest on messages which move go with them.

        Called after the messages have moved, both topics held.
        """

    def clear_topic(self, tx: Transaction, topic_id: UUID) -> None:
        """Removes everything derived that a topic without messages must not show."""


class TurnState(Protocol):
    """What a deleted message leaves in turns."""

    def forget_message(self, tx: Transaction, user_id: UUID, message: Message) -> None:
        """Removes the message's words from the events of its turn.

        Raises:
            TurnRunning: the message is being answered right now.
        """


class ConversationService:
    def __init__(
        self,
        db: Database,
        outbox: Outbox,
        derived: DerivedState,
        turns: TurnState,
        new_id: NewId,
        crash_points: CrashPoints,
        *,
        extract_delay: int,
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._derived = derived
        self._turns = turns
        self._new_id = new_id
        self._reach = crash_points
        self._extract_delay = extract_delay

    def conversation(self, user_id: UUID) -> Conversation:
        """The user's conversation, made if there is none."""
        with self._db.user(user_id) as tx:
            return store.get(tx, user_id) or store.lock(tx, user_id)

    def active_topic(self, user_id: UUID, conversation_id: str) -> UUID | None:
        """The topic that the older, conversation-scoped routes speak of."""
        with self._db.user(user_id) as tx:
            conversation = store.get(tx, user_id)
        if conversation is None or conversation.conversation_id != conversation_id:
            raise ConversationNotFound()
        return conversation.active_topic_id

    def topics(self, user_id: UUID, status: str | None, before: UUID | None, limit: int) -> list[Topic]:
        """Newest first."""
        with self._db.user(user_id) as tx:
            return store.list_topics(tx, user_id, status, before, limit)

    def topic(self, user_id: UUID, topic_id: UUID) -> Topic:
        with self._db.user(user_id) as tx:
            return self._topic(tx, user_id, topic_id)

    def _topic(self, tx: Transaction, user_id: UUID, topic_id: UUID) -> Topic:
        topic = store.get_topic(tx, user_id, topic_id)
        if topic is None:
            raise TopicNotFound()
        return topic

    def create_topic(self, tx: Transaction, user_id: UUID, title: str | None) -> Topic:
        """A new topic; it is active from now on."""
        conversation = store.lock(tx, user_id)
        topic_id = self._new_id()
        store.open_topic(tx, user_id, conversation.conversation_id, topic_id, title)
        return self._topic(tx, user_id, topic_id)

    def update_topic(
        self, user_id: UUID, topic_id: UUID, *, title: str | None, status: str | None, active: bool | None
    ) -> Topic:
        """Renames, archives or unarchives, and makes active. Archiving the active topic leaves none active."""
        with self._db.user(user_id) as tx:
            store.lock(tx, user_id)
            if not store.update_topic(tx, user_id, topic_id, title, status):
                raise TopicNotFound()
            if active:
                store.activate_topic(tx, user_id, topic_id)
            elif active is False or status == "archived":
                store.deactivate_topic(tx, user_id, topic_id)
            return self._topic(tx, user_id, topic_id)

    def messages(self, user_id: UUID, topic_id: UUID | None, after: int, limit: int) -> list[Message]:
        """Oldest first; of one topic or of the whole conversation."""
        with self._db.user(user_id) as tx:
            if topic_id is not None:
                self._topic(tx, user_id, topic_id)
            return store.list_messages(tx, user_id, topic_id, after, limit)

    def router_runs(self, user_id: UUID, topic_id: UUID, after: int, limit: int) -> list[RouterRun]:
        with self._db.user(user_id) as tx:
            self._topic(tx, user_id, topic_id)
            return store.list_router_runs(tx, user_id, topic_id, after, limit)

    def delete_message(self, user_id: UUID, message_id: int, request_id: str) -> None:
        """Deletes a message and every word derived from it; its topic is extracted again."""
        with self._db.user(user_id) as tx:
            message = self._held_message(tx, user_id, message_id)
            store.lock_topics(tx, user_id, message.topic_id)
            self._turns.forget_message(tx, user_id, message)
            self._derived.forget_message(tx, user_id, message.topic_id, message_id)
            store.delete_message(tx, user_id, message_id)
            self._content_changed(tx, user_id, message.topic_id, message_id, "delete", request_id)
            self._reach("mid_transaction")

    def _held_message(self, tx: Transaction, user_id: UUID, message_id: int) -> Message:
        store.lock(tx, user_id)
        message = store.get_message(tx, user_id, message_id)
        if message is None:
            raise MessageNotFound()
        return message

    def _content_changed(
        self, tx: Transaction, user_id: UUID, topic_id: UUID, message_id: int, cause: str, request_id: str
    ) -> None:
        if store.raise_revisions(tx, {topic_id: message_id})[topic_id] == 0:
            self._derived.clear_topic(tx, topic_id)
        else:
            self._outbox.add(
                tx, user_id, JobKind.EXTRACT, topic_id, cause=cause, request_id=request_id, delay=self._extract_delay
            )
