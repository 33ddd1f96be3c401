"""Conversations: topics, messages, turns, imports."""

from __future__ import annotations

from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.cards.following import CardTraces
from chalicelib.cards.models import SourceMessage
from chalicelib.cards.service import TopicNotes
from chalicelib.conversations.imports.service import ImportService
from chalicelib.conversations.limits import Limits
from chalicelib.conversations.models import Message
from chalicelib.conversations.operations.service import OperationService
from chalicelib.conversations.routers import router
from chalicelib.conversations.service import ConversationService
from chalicelib.conversations.turns.context import Note
from chalicelib.conversations.turns.repliers import ModelReplier, Replier, RulesReplier
from chalicelib.conversations.turns.responder import Responder
from chalicelib.conversations.turns.service import TurnService, TurnTraces
from chalicelib.jobs.service import JobService
from chalicelib.llm.client import ModelClient
from chalicelib.settings import Settings
from chalicelib.wiring.explaining import TraceExplainer
from chalicelib.wiring.outside import Outside


class CardNotes:
    """Gives the responder the topic's cards (`conversations.turns.responder.Notes`)."""

    def __init__(self, roles: frozenset[str]) -> None:
        self._roles = roles
        self._notes = TopicNotes()

    def of_topic(self, tx: Transaction, user_id: UUID, topic_id: UUID) -> list[Note]:
        return [Note(*note) for note in self._notes.of_topic(tx, user_id, topic_id)]

    def of_message(self, message: Message) -> list[Note]:
        source = SourceMessage(message.message_id, message.role, message.content)
        return [Note(*note) for note in self._notes.of_message(source, self._roles)]


def conversations(outside: Outside) -> ConversationService:
    return ConversationService(
        outside.db,
        outside.outbox(),
        CardTraces(),
        TurnTraces(),
        outside.new_id,
        outside.crash_points,
        extract_delay=outside.settings.extract_delay,
    )


def operations(outside: Outside) -> OperationService:
    return OperationService(
        outside.db,
        outside.outbox(),
        CardTraces(),
        outside.new_id,
        outside.crash_points,
        extract_delay=outside.settings.extract_delay,
    )


def turns(outside: Outside) -> TurnService:
    settings = outside.settings
    return TurnService(
        outside.db,
        outside.outbox(),
        outside.new_id,
        outside.crash_points,
        outside.monotonic,
        outside.sleep,
        Limits(messages_per_minute=settings.messages_per_minute, tokens_per_day=settings.tokens_per_day),
        router(settings.routing_policy),
        TraceExplainer(outside),
        extract_delay=settings.extract_delay,
    )


def imports(outside: Outside, jobs: JobService) -> ImportService:
    return ImportService(
        outside.outbox(),
        outside.new_id,
        outside.clock,
        jobs.oldest,
        max_queue_age=outside.settings.import_queue_age,
        extract_delay=outside.settings.extract_delay,
    )


def responder(outside: Outside) -> Responder:
    settings = outside.settings
    notes = CardNotes(settings.evidence)
    return Responder(
        outside.db,
        outside.outbox(),
        outside.claims(),
        notes,
        _replier(settings, notes),
        outside.tries,
        TraceExplainer(outside),
        outside.clock,
        outside.monotonic,
        outside.crash_points,
        lease=settings.turn_lease,
        delta_interval=settings.delta_interval,
        extract_delay=settings.extract_delay,
    )


def _replier(settings: Settings, notes: CardNotes) -> Replier:
    if not settings.chat_model:
        return RulesReplier(notes.of_message)
    return ModelReplier(ModelClient(settings, settings.chat_model), settings.context_tokens)
