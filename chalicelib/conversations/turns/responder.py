"""Answers turns from the queue: streams the reply into the turn's events, then ends the turn in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from chalicelib.adapters.clock import Clock, Monotonic
from chalicelib.adapters.crashpoints import CrashPoints
from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.conversations import store as conversations
from chalicelib.conversations.turns import store
from chalicelib.conversations.turns.context import RECENT, Context, Note
from chalicelib.conversations.turns.explaining import Answering, explained
from chalicelib.conversations.turns.models import EventType, Reply, Turn
from chalicelib.conversations.turns.repliers import Question, Replier
from chalicelib.explaining.explainer import Explainer
from chalicelib.explaining.models import Call, Explanation, Watch
from chalicelib.jobs import store as jobs
from chalicelib.jobs.models import Claim, JobKind, JobMessage, Outcome
from chalicelib.jobs.outbox import Outbox
from chalicelib.jobs.worker import Claims
from chalicelib.llm.client import Usage
from chalicelib.llm.failures import WORDS, FailureClass, LLMError
from chalicelib.llm.text import split_surrogate, storable

if TYPE_CHECKING:
    from tenacity import Retrying

log = logging.getLogger(__name__)


class Notes(Protocol):
    """The context a responder wants besides messages; `wiring` gives it the topic's cards."""

    def of_topic(self, tx: Transaction, user_id: UUID, topic_id: UUID) -> list[Note]:
        """In reading order."""


class LostTurn(Exception):
    """Another worker holds the turn now, or it was cancelled: nothing more is to be written."""


class Responder:
    """The handler of turn jobs (`jobs.worker.Handler`)."""

    def __init__(
        self,
        db: Database,
        outbox: Outbox,
        claims: Claims,
        notes: Notes,
        replier: Replier,
        retrying: Callable[[], Retrying],
        explainer: Explainer,
        clock: Clock,
        monotonic: Monotonic,
        crash_points: CrashPoints,
        *,
        lease: int,
        delta_interval: float,
        extract_delay: int,
    ) -> None:
        self.lease = lease
        self._db = db
        self._outbox = outbox
        self._claims = claims
        self._notes = notes
        self._replier = replier
        self._retrying = retrying
        self._explainer = explainer
        self._clock = clock
        self._monotonic = monotonic
        self._reach = crash_points
        self._delta_interval = delta_interval
        self._extract_delay = extract_delay

    def handle(self, message: JobMessage, token: UUID) -> Outcome:
        watch = Watch(self._clock, self._monotonic)
        with self._db.user(message.user_id) as tx:
            claim = self._claims.claim(tx, message, token, self.lease)
            if claim is None:
                return Outcome.NOTHING_TO_DO
            turn = store.begin(tx, message.user_id, claim.job.subject, token)
            if turn is None or turn.user_message_id is None:  # it ended otherwise
                jobs.complete(tx, message.job_id, token, {"ok": True, "reason": "turn_ended"})
                return Outcome.DONE
            context = self._context(tx, message.user_id, turn, turn.user_message_id)
        self._reach("after_claim")
        try:
            self._answer(claim, turn, Answering(watch, context, watch.now()))
        except LostTurn:
            return Outcome.NOTHING_TO_DO
        return Outcome.DONE

    def _context(self, tx: Transaction, user_id: UUID, turn: Turn, user_message_id: int) -> Context:
        """The topic up to the message to be answered, so that a retry sees what the first try saw."""
        question = conversations.get_message(tx, user_id, user_message_id)
        assert question is not None  # a live turn's message cannot be deleted
        recent = conversations.recent_messages(tx, user_id, question.topic_id, user_message_id, RECENT)
        return Context(recent[::-1] or [question], self._notes.of_topic(tx, user_id, question.topic_id))

    def _answer(self, claim: Claim, turn: Turn, answering: Answering) -> None:
        try:
            reply = self._stream(claim, turn, answering)
        except LLMError as error:
            self._fail(claim, turn, error.failure_class, answering)
            return
        self._complete(claim, turn, reply, answering)

    def _stream(self, claim: Claim, turn: Turn, answering: Answering) -> Reply:
        question = answering.question = self._replier.question(answering.context)
        writer = DeltaWriter(self._db, claim, turn.turn_id, self._monotonic, self._delta_interval, self.lease)
        for attempt in self._retrying():
            with attempt:
                writer.begin_again()
                text, usage = self._try(writer, question, answering.calls)
        return Reply(text, self._replier.provider, self._replier.model, usage.input_tokens, usage.output_tokens)

    def _try(self, writer: DeltaWriter, question: Question, calls: list[Call]) -> tuple[str, Usage]:
        started, usage, failure, replier = self._monotonic(), Usage(), None, self._replier
        try:
            for piece in question.pieces():
                if isinstance(piece, Usage):
                    usage = piece
                else:
                    writer.write(piece)
            text = writer.finish()
            if not text.strip():
                raise LLMError(FailureClass.SERVER)
            return text, usage
        except LLMError as error:
            failure = error.failure_class
            raise
        finally:
            told = usage.input_tokens, usage.output_tokens
            calls.append(Call(replier.provider, replier.model, started, self._monotonic(), failure, *told))

    def _complete(self, claim: Claim, turn: Turn, reply: Reply, answering: Answering) -> None:
        user_id = claim.user_id
        with self._db.user(user_id) as tx:
            conversation = conversations.lock(tx, user_id)
            topic_id = self._topic_now(tx, user_id, turn)
            message_id = conversations.insert_message(
                tx, user_id, conversation.conversation_id, topic_id, "assistant", reply.text
            )
            ended = store.complete(tx, turn.turn_id, claim.token, message_id, reply)
            if not ended:
                raise LostTurn
            self._end_job(tx, claim, topic_id, {"ok": True, "turn_id": str(turn.turn_id), "message_id": message_id})
            self._explain(tx, user_id, explained(ended, answering, reply))
            self._reach("mid_transaction")

    def _fail(self, claim: Claim, turn: Turn, failure: FailureClass, answering: Answering) -> None:
        log.info("turn failed", extra={"turn_id": str(turn.turn_id), "failure_class": failure})
        user_id, replier = claim.user_id, self._replier
        with self._db.user(user_id) as tx:
            conversations.lock(tx, user_id)
            ended = store.fail(
                tx, user_id, turn.turn_id, failure, WORDS[failure],
                token=claim.token, provider=replier.provider, model=replier.model,
            )  # fmt: skip
            if not ended:
                raise LostTurn
            result = {"ok": False, "turn_id": str(turn.turn_id), "failure_class": failure}
            self._end_job(tx, claim, self._topic_now(tx, user_id, turn), result)
            self._explain(tx, user_id, explained(ended, answering))
            self._reach("mid_transaction")

    def _explain(self, tx: Transaction, user_id: UUID, told: Explanation | None) -> None:
        if told:
            self._explainer.explain(tx, user_id, told)

    def _topic_now(self, tx: Transaction, user_id: UUID, turn: Turn) -> UUID:
        """The topic of the user's message, which the user may have moved since."""
        assert turn.user_message_id is not None
        message = conversations.get_message(tx, user_id, turn.user_message_id)
        return message.topic_id if message else turn.topic_id

    def _end_job(self, tx: Transaction, claim: Claim, topic_id: UUID, result: dict[str, object]) -> None:
        if not jobs.complete(tx, claim.job.job_id, claim.token, result):
            raise LostTurn
        self._request_extraction(tx, claim.user_id, topic_id, claim.job.request_id)

    def _request_extraction(self, tx: Transaction, user_id: UUID, topic_id: UUID, request_id: str) -> None:
        self._outbox.add(
            tx, user_id, JobKind.EXTRACT, topic_id, cause="turn", request_id=request_id, delay=self._extract_delay
        )

    def on_dead(self, tx: Transaction, user_id: UUID, subject: UUID, request_id: str) -> None:
        """A turn whose job is given up ends as failed; its user message is extracted all the same."""
        conversations.lock(tx, user_id)
        turn = store.get(tx, user_id, subject)
        ended = turn and store.fail(tx, user_id, subject, FailureClass.SERVER, "Glia could not answer; try again.")
        if turn and ended:
            self._request_extraction(tx, user_id, self._topic_now(tx, user_id, turn), request_id)
            self._explain(tx, user_id, explained(ended))


class DeltaWriter:
    """Appends streamed text as events, about one an interval, for the holder of the turn."""

    def __init__(
        self, db: Database, claim: Claim, turn_id: UUID, monotonic: Monotonic, interval: float, lease: int
    ) -> None:
        self._db = db
        self._claim = claim
        self._turn_id = turn_id
        self._monotonic = monotonic
        self._interval = interval
        self._lease = lease
        self._renewed_at = self._flushed_at = monotonic()
        self._written: list[str] = []
        self._pending: list[str] = []
        self._is_open = True

    def begin_again(self) -> None:
        """Before each try of the model: if the try before has shown text, clients are told to drop it."""
        had_shown = bool(self._written)
        self._written, self._pending, self._is_open = [], [], True
        with self._db.user(self._claim.user_id) as tx:
            self._renew(tx)
            if had_shown and not store.begin(tx, self._claim.user_id, self._turn_id, self._claim.token, held=True):
                raise LostTurn

    def write(self, piece: str) -> None:
        self._pending.append(piece)
        if self._monotonic() - self._flushed_at >= self._interval:
            self._flush()

    def finish(self) -> str:
        """Returns the whole text."""
        self._is_open = False
        self._flush()
        return "".join(self._written)

    def _flush(self) -> None:
        text, held = split_surrogate("".join(self._pending))
        text = storable(text if self._is_open else text + held)
        self._pending = [held] if held and self._is_open else []
        self._flushed_at = self._monotonic()
        if not text:
            return
        with self._db.user(self._claim.user_id) as tx:
            if not store.append(tx, self._turn_id, self._claim.token, EventType.DELTA, {"text": text}):
                raise LostTurn
            self._renew(tx)
        self._written.append(text)

    def _renew(self, tx: Transaction) -> None:
        """A quarter of the lease may pass between renewals."""
        if self._monotonic() - self._renewed_at > self._lease / 4:
            jobs.renew(tx, self._claim.job.job_id, self._claim.token, self._lease)
            self._renewed_at = self._monotonic()
