"""Turns as clients see them: taking a message in, following the answer, retrying, cancelling."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from chalicelib.adapters.clock import Monotonic, NewId
from chalicelib.adapters.crashpoints import CrashPoints
from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.conversations import store as conversations
from chalicelib.conversations.errors import (
    BlankMessage,
    MessageGone,
    MessageTooLong,
    TopicNotFound,
    TurnEnded,
    TurnNotFailed,
    TurnNotFound,
    TurnRunning,
)
from chalicelib.conversations.limits import Limits
from chalicelib.conversations.models import MAX_MESSAGE, Conversation, Decision, Message
from chalicelib.conversations.routers import Router
from chalicelib.conversations.turns import store
from chalicelib.conversations.turns.explaining import explained
from chalicelib.conversations.turns.models import FINAL, Accepted, Turn, TurnEvent
from chalicelib.explaining.explainer import Explainer
from chalicelib.jobs import store as jobs
from chalicelib.jobs.errors import IdempotencyConflict
from chalicelib.jobs.models import JobKind, JobMessage
from chalicelib.jobs.outbox import Outbox

POLL = 0.08  # seconds between looks for new events
PAGE = 500  # events in one answer


class TurnService:
    def __init__(
        self,
        db: Database,
        outbox: Outbox,
        new_id: NewId,
        crash_points: CrashPoints,
        monotonic: Monotonic,
        sleep: Callable[[float], None],
        limits: Limits,
        router: Router,
        explainer: Explainer,
        *,
        extract_delay: int,
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._new_id = new_id
        self._reach = crash_points
        self._monotonic = monotonic
        self._sleep = sleep
        self._limits = limits
        self._router = router
        self._explainer = explainer
        self._extract_delay = extract_delay

    def start(
        self,
        tx: Transaction,
        user_id: UUID,
        content: str,
        *,
        topic_id: UUID | None,
        client_message_id: str | None,
        request_id: str,
    ) -> Accepted:
        """Takes a message in: routed, recorded, its turn queued. A repeated client_message_id gets the first answer.

        Raises:
            BlankMessage, MessageTooLong, TopicNotFound, IdempotencyConflict, RateLimited, TokensUsedUp
        """
        if len(content) > MAX_MESSAGE:
            raise MessageTooLong()
        if not content.strip():
            raise BlankMessage()
        conversation = conversations.lock(tx, user_id)
        if not conversation.is_new:
            first = client_message_id and self._first_answer(tx, user_id, client_message_id, content, topic_id)
            if first:
                return first
            self._limits.check(tx, user_id)
        decision = self._router.decide(tx, user_id, content, topic_id, conversation.active_topic_id)
        target = self._target(tx, user_id, conversation, decision)
        turn_id, job_id = self._new_id(), self._new_id()
        message_id = conversations.record_turn(
            tx,
            user_id,
            conversation,
            target,
            decision,
            content=content,
            client_message_id=client_message_id,
            turn_id=turn_id,
            trace_run_id=self._new_id(),
            job_id=job_id,
            request_id=request_id,
        )
        self._send_turn(tx, user_id, job_id, request_id)
        self._reach("mid_transaction")
        return Accepted(turn_id, message_id, target, decision.rule, decision.policy)

    def _first_answer(
        self, tx: Transaction, user_id: UUID, client_message_id: str, content: str, topic_id: UUID | None
    ) -> Accepted | None:
        first = conversations.first_turn(tx, user_id, client_message_id)
        if first is None:
            return None
        asked_topic = first.to_topic_id if first.rule == "explicit_topic" else None
        if first.content != content or asked_topic != topic_id or first.turn_id is None:
            raise IdempotencyConflict("This client_message_id was used before with another message.")
        return Accepted(first.turn_id, first.message_id, first.to_topic_id, first.rule, first.policy)

    def _target(self, tx: Transaction, user_id: UUID, conversation: Conversation, decision: Decision) -> UUID:
        """The topic the message goes to: opened, made active or unarchived as the decision has it."""
        if decision.topic_id is None:
            topic_id = self._new_id()
            conversations.open_topic(tx, user_id, conversation.conversation_id, topic_id, None)
            return topic_id
        is_explicit = decision.rule == "explicit_topic"
        if is_explicit and not conversations.activate_topic(tx, user_id, decision.topic_id):
            raise TopicNotFound()
        return decision.topic_id

    def _send_turn(self, tx: Transaction, user_id: UUID, job_id: UUID, request_id: str) -> None:
        message = JobMessage(job_id=job_id, user_id=user_id, kind=JobKind.TURN, request_id=request_id)
        self._outbox.send_after_commit(tx, message)

    def get(self, user_id: UUID, turn_id: UUID) -> Turn:
        with self._db.user(user_id) as tx:
            return self._turn(tx, user_id, turn_id)

    def _turn(self, tx: Transaction, user_id: UUID, turn_id: UUID, *, lock: bool = False) -> Turn:
        turn = store.get(tx, user_id, turn_id, lock=lock)
        if turn is None:
            raise TurnNotFound()
        return turn

    def events(self, user_id: UUID, turn_id: UUID, after: int, hold: float) -> list[TurnEvent] | None:
        """The events after a sequence number, waiting up to `hold` seconds for the first of them.

        Returns:
            The events, none if the time ran out; None if `after` is the final event: there will be no more.
        """
        deadline = self._monotonic() + hold
        while True:
            with self._db.user(user_id) as tx:
                turn = self._turn(tx, user_id, turn_id)
                found = store.events(tx, user_id, turn_id, after, PAGE)
            if found:
                return found
            if turn.has_ended:
                return None
            if self._monotonic() >= deadline:
                return []
            self._sleep(POLL)

    def retry(self, tx: Transaction, user_id: UUID, turn_id: UUID, request_id: str) -> Turn:
        """A new turn on the same user message.

        Raises:
            TurnNotFound, TurnNotFailed, MessageGone
        """
        turn = self._turn(tx, user_id, turn_id)
        if turn.status != "failed":
            raise TurnNotFailed()
        if turn.user_message_id is None:
            raise MessageGone()
        self._limits.check(tx, user_id)
        new_id = self._new_id()
        if not store.insert_retry(tx, user_id, new_id, self._new_id(), turn_id, turn.user_message_id, request_id):
            raise TurnNotFailed("The message is being answered, or has been.")
        self._outbox.add(tx, user_id, JobKind.TURN, new_id, cause="retry", request_id=request_id)
        return self._turn(tx, user_id, new_id)

    def cancel(self, tx: Transaction, user_id: UUID, turn_id: UUID, request_id: str) -> Turn:
        """Ends a live turn as failed, of class `cancelled`. Its user message is extracted all the same.

        Raises:
            TurnNotFound, TurnEnded
        """
        conversations.lock(tx, user_id)
        turn = self._turn(tx, user_id, turn_id)
        ended = store.fail(tx, user_id, turn_id, "cancelled", "The turn was cancelled.")
        if ended is None:
            raise TurnEnded()
        jobs.complete_subject(tx, JobKind.TURN, turn_id, {"ok": False, "reason": "cancelled"})
        self._outbox.add(
            tx, user_id, JobKind.EXTRACT, turn.topic_id, cause="turn", request_id=request_id, delay=self._extract_delay
        )
        if told := explained(ended):
            self._explainer.explain(tx, user_id, told)
        return ended.turn


class TurnTraces:
    """What deleted messages leave in turns (`conversations.service.TurnState`)."""

    def forget_message(self, tx: Transaction, user_id: UUID, message: Message) -> None:
        for turn in store.turns_of_message(tx, user_id, message.message_id):
            if not turn.has_ended:
                raise TurnRunning()
            if turn.assistant_message_id == message.message_id:
                store.forget_deltas(tx, turn.turn_id)


def ends(events: list[TurnEvent]) -> bool:
    """Whether the last of these events is the final one of its turn."""
    return bool(events) and events[-1].type in FINAL
