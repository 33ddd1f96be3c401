"""Merging and splitting topics, moving messages, and undoing each: one transaction, however many messages.

All of them are moves of messages and differ only in what becomes of the topics. Writers hold the conversation first,
then the topics in the order of their ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from chalicelib.adapters.clock import NewId
from chalicelib.adapters.crashpoints import CrashPoints
from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.conversations import store as conversations
from chalicelib.conversations.errors import (
    MergeIntoItself,
    MessageNotFound,
    OperationNotFound,
    OperationUndone,
    SplitLeavesNothing,
    TopicNotFound,
)
from chalicelib.conversations.models import Message, Topic
from chalicelib.conversations.operations import moves as ways
from chalicelib.conversations.operations import store
from chalicelib.conversations.operations.models import Move, Operation, OperationKind
from chalicelib.conversations.service import DerivedState
from chalicelib.jobs.models import JobKind
from chalicelib.jobs.outbox import Outbox


class OperationService:
    def __init__(
        self,
        db: Database,
        outbox: Outbox,
        derived: DerivedState,
        new_id: NewId,
        crash_points: CrashPoints,
        *,
        extract_delay: int,
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._derived = derived
        self._new_id = new_id
        self._reach = crash_points
        self._extract_delay = extract_delay

    def operations(self, user_id: UUID, topic_id: UUID | None, before: UUID | None, limit: int) -> list[Operation]:
        """Newest first; of all topics, or those that touched one."""
        with self._db.user(user_id) as tx:
            return store.list_operations(tx, user_id, topic_id, before, limit)

    def operation(self, user_id: UUID, operation_id: UUID) -> Operation:
        with self._db.user(user_id) as tx:
            return self._operation(tx, user_id, operation_id)

    def merge(self, tx: Transaction, user_id: UUID, topic_id: UUID, into_id: UUID, request_id: str) -> Operation:
        """Moves all messages of a topic into another, and puts it away. If it was active, the other one is now.

        Raises:
            TopicNotFound, MergeIntoItself
        """
        conversations.lock(tx, user_id)
        source, target = self._topic(tx, user_id, topic_id), self._topic(tx, user_id, into_id)
        if topic_id == into_id:
            raise MergeIntoItself()
        conversations.lock_topics(tx, user_id, topic_id, into_id)
        moves = [Move(message_id, topic_id, into_id) for message_id in store.messages_from(tx, user_id, topic_id)]
        operation = self._record(tx, user_id, OperationKind.MERGE, moves, source, target, request_id)
        self._carry_out(tx, user_id, operation.operation_id, moves, operation.kind, request_id)
        store.put_away(tx, user_id, topic_id, into_id)
        if source.is_active:
            conversations.activate_topic(tx, user_id, into_id)
        self._reach("mid_transaction")
        return operation

    def split(
        self, tx: Transaction, user_id: UUID, topic_id: UUID, message_id: int, title: str | None, request_id: str
    ) -> Operation:
        """Moves a message and all later ones of its topic to a new topic, which is active if the old one was.

        Raises:
            TopicNotFound, MessageNotFound: the topic has no such message. SplitLeavesNothing
        """
        conversation = conversations.lock(tx, user_id)
        source = self._topic(tx, user_id, topic_id)
        later = store.messages_from(tx, user_id, topic_id, message_id)
        if message_id not in later[:1]:
            raise MessageNotFound()
        if len(later) == source.message_count:
            raise SplitLeavesNothing()
        new_id = self._new_id()
        store.insert_topic(tx, user_id, conversation.conversation_id, new_id, title, source.status)
        conversations.lock_topics(tx, user_id, topic_id, new_id)
        moves = [Move(later_id, topic_id, new_id) for later_id in later]
        target = self._topic(tx, user_id, new_id)
        operation = self._record(tx, user_id, OperationKind.SPLIT, moves, source, target, request_id)
        self._carry_out(tx, user_id, operation.operation_id, moves, operation.kind, request_id)
        if source.is_active:
            conversations.activate_topic(tx, user_id, new_id)
        self._reach("mid_transaction")
        return operation

    def move(
        self, tx: Transaction, user_id: UUID, topic_id: UUID, message_ids: Iterable[int], request_id: str
    ) -> Operation:
        """Moves messages, from whatever topics they are in. Those that are there already stay.

        Raises:
            TopicNotFound, MessageNotFound: one of them is not there; then none is moved.
        """
        conversations.lock(tx, user_id)
        target = self._topic(tx, user_id, topic_id)
        wanted = set(message_ids)
        found = store.whereabouts(tx, user_id, sorted(wanted))
        if len(found) < len(wanted):
            raise MessageNotFound()
        moves = [Move(message_id, at, topic_id) for message_id, at in found.items() if at != topic_id]
        operation = self._move(tx, user_id, moves, target, request_id)
        self._reach("mid_transaction")
        return operation

    def move_message(self, user_id: UUID, message_id: int, topic_id: UUID, request_id: str) -> Message:
        """Moves one message. Where it is in that topic already nothing happens, and nothing is recorded.

        Raises:
            MessageNotFound, TopicNotFound
        """
        with self._db.user(user_id) as tx:
            conversations.lock(tx, user_id)
            message = self._message(tx, user_id, message_id)
            target = self._topic(tx, user_id, topic_id)
            if message.topic_id != topic_id:
                self._move(tx, user_id, [Move(message_id, message.topic_id, topic_id)], target, request_id)
            self._reach("mid_transaction")
            return self._message(tx, user_id, message_id)

    def _move(self, tx: Transaction, user_id: UUID, moves: Sequence[Move], target: Topic, request_id: str) -> Operation:
        conversations.lock_topics(tx, user_id, target.topic_id, *ways.topics_of(moves))
        only = ways.only_source(moves)
        source = self._topic(tx, user_id, only) if only else None
        operation = self._record(tx, user_id, OperationKind.MOVE, moves, source, target, request_id)
        self._carry_out(tx, user_id, operation.operation_id, moves, operation.kind, request_id)
        return operation

    def undo(self, tx: Transaction, user_id: UUID, operation_id: UUID, request_id: str) -> Operation:
        """Moves back what still is where the operation put it, and restores the topics as far as nobody has changed
        them since.

        Raises:
            OperationNotFound, OperationUndone
        """
        conversation = conversations.lock(tx, user_id)
        operation = self._operation(tx, user_id, operation_id)
        if operation.undone_at is not None:
            raise OperationUndone()
        moves = store.way_back(tx, user_id, operation_id)
        sources = [operation.from_topic_id] if operation.from_topic_id else []
        conversations.lock_topics(tx, user_id, operation.to_topic_id, *sources, *ways.topics_of(moves))
        is_active = conversation.active_topic_id == operation.to_topic_id
        if operation.kind is OperationKind.MERGE:
            self._bring_back(tx, user_id, operation, is_active=is_active)
        self._carry_out(tx, user_id, operation_id, moves, "undo", request_id)
        if operation.kind is OperationKind.SPLIT:
            self._close_if_empty(tx, user_id, operation, is_active=is_active)
        undone = store.mark_undone(tx, user_id, operation_id, len(moves))
        self._reach("mid_transaction")
        return undone

    def _bring_back(self, tx: Transaction, user_id: UUID, merge: Operation, *, is_active: bool) -> None:
        assert merge.from_topic_id is not None
        assert merge.from_status is not None
        store.bring_back(tx, user_id, merge.from_topic_id, merge.from_status, merge.to_topic_id)
        if merge.was_active and is_active:
            conversations.activate_topic(tx, user_id, merge.from_topic_id)
            conversations.update_topic(tx, user_id, merge.to_topic_id, None, merge.to_status)

    def _close_if_empty(self, tx: Transaction, user_id: UUID, split: Operation, *, is_active: bool) -> None:
        """Puts the new topic of a split away, unless something has come into it since."""
        assert split.from_topic_id is not None
        if self._topic(tx, user_id, split.to_topic_id).message_count:
            return
        conversations.update_topic(tx, user_id, split.to_topic_id, None, "archived")
        if is_active and split.was_active:
            conversations.activate_topic(tx, user_id, split.from_topic_id)
        elif is_active:
            conversations.deactivate_topic(tx, user_id, split.to_topic_id)

    def _record(
        self, tx: Transaction, user_id: UUID, kind: OperationKind, moves: Sequence[Move], source: Topic | None,
        target: Topic, request_id: str,
    ) -> Operation:  # fmt: skip
        return store.insert(
            tx,
            user_id,
            self._new_id(),
            kind,
            source.topic_id if source else None,
            target.topic_id,
            message_count=len(moves),
            request_id=request_id,
            was_active=source is not None and source.is_active,
            from_status=source.status if source else None,
            to_status=target.status,
        )

    def _carry_out(
        self, tx: Transaction, user_id: UUID, operation_id: UUID, moves: Sequence[Move], cause: str, request_id: str
    ) -> None:
        """Moves the messages, takes along what was derived from them, and has every topic extracted that has some."""
        if not moves:
            return
        by_correction = {self._new_id(): move for move in moves}
        store.carry_out(tx, user_id, operation_id, by_correction)
        for (from_id, to_id), message_ids in ways.by_way(moves).items():
            self._derived.follow(tx, user_id, message_ids, from_id, to_id)
        left = conversations.raise_revisions(tx, ways.first_changed(moves))
        for topic_id, count in left.items():
            if count == 0:
                self._derived.clear_topic(tx, topic_id)
        self._outbox.add_many(
            tx, user_id, JobKind.EXTRACT, sorted(topic_id for topic_id, count in left.items() if count),
            cause=cause, request_id=request_id, delay=self._extract_delay,
        )  # fmt: skip

    def _topic(self, tx: Transaction, user_id: UUID, topic_id: UUID) -> Topic:
        topic = conversations.get_topic(tx, user_id, topic_id)
        if topic is None:
            raise TopicNotFound()
        return topic

    def _message(self, tx: Transaction, user_id: UUID, message_id: int) -> Message:
        message = conversations.get_message(tx, user_id, message_id)
        if message is None:
            raise MessageNotFound()
        return message

    def _operation(self, tx: Transaction, user_id: UUID, operation_id: UUID) -> Operation:
        operation = store.get(tx, user_id, operation_id)
        if operation is None:
            raise OperationNotFound()
        return operation
