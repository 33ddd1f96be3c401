"""Builds every collaborator, once per Lambda environment. The only place that constructs adapters."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

from glia_wire.redaction import Gate

from chalicelib.adapters.clock import Clock, Monotonic, NewId, monotonic, new_id, utc_now
from chalicelib.adapters.crashpoints import CrashPoints, survive
from chalicelib.adapters.metrics import EmfMeter
from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.adapters.s3 import S3Blobs
from chalicelib.adapters.sqs import SqsQueue
from chalicelib.cards.extractors import CardExtractor, ModelExtractor, RulesExtractor
from chalicelib.cards.following import CardTraces
from chalicelib.cards.models import SourceMessage
from chalicelib.cards.prompts import PROMPT_VERSION
from chalicelib.cards.reextraction.choosing import Choosing
from chalicelib.cards.reextraction.handler import ReextractionHandler
from chalicelib.cards.reextraction.progress import Progress
from chalicelib.cards.reextraction.service import ReextractionService
from chalicelib.cards.runs.handler import ExtractionHandler
from chalicelib.cards.service import CardService, TopicNotes
from chalicelib.cards.stories.handler import StoryHandler
from chalicelib.cards.stories.narrator import DigestNarrator, ModelNarrator, StoryNarrator
from chalicelib.cards.stories.renewal import Renewal
from chalicelib.cards.stories.service import StoryService
from chalicelib.conversations.imports.service import ImportService
from chalicelib.conversations.limits import Limits
from chalicelib.conversations.models import Message
from chalicelib.conversations.operations.service import OperationService
from chalicelib.conversations.replays.service import RoutingReplays
from chalicelib.conversations.routers import router
from chalicelib.conversations.service import ConversationService
from chalicelib.conversations.turns.context import Note
from chalicelib.conversations.turns.repliers import ModelReplier, Replier, RulesReplier
from chalicelib.conversations.turns.responder import Responder
from chalicelib.conversations.turns.service import TurnService, TurnTraces
from chalicelib.designer.context import Extractor as DesignExtractor
from chalicelib.designer.model_extractor import ModelExtractor as DesignModelExtractor
from chalicelib.designer.own_tools import OwnTools
from chalicelib.designer.rules import RulesExtractor as DesignRulesExtractor
from chalicelib.designer.service import SessionService
from chalicelib.health import HealthService
from chalicelib.identity.service import IdentityService
from chalicelib.identity.tokens import KeySet, TokenVerifier, jwks_fetcher
from chalicelib.jobs.models import JobKind
from chalicelib.jobs.outbox import Outbox, Queue
from chalicelib.jobs.service import JobService
from chalicelib.jobs.worker import Claims, Handler, Worker
from chalicelib.llm.client import ModelClient
from chalicelib.llm.directory import ModelDirectory
from chalicelib.llm.failures import retrying
from chalicelib.settings import Settings
from chalicelib.traces.recorder import TraceRecorder
from chalicelib.traces.runs.service import RunService
from chalicelib.traces.service import TraceIngestion

if TYPE_CHECKING:
    from tenacity import Retrying


DESIGN_TIMEOUT = 9.0  # seconds of one call that reads a session's message: with one repair, an answer within 20


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a handler may call."""

    settings: Settings
    db: Database
    identity: IdentityService
    conversations: ConversationService
    operations: OperationService
    turns: TurnService
    imports: ImportService
    replays: RoutingReplays
    cards: CardService
    stories: StoryService
    sessions: SessionService
    tools: OwnTools
    traces: TraceIngestion
    runs: RunService
    recorder: TraceRecorder
    models: ModelDirectory
    reextractions: ReextractionService
    jobs: JobService
    worker: Worker
    health: HealthService
    queue: Queue
    meter: EmfMeter

    def close(self) -> None:
        """Closes the calling thread's database connections."""
        self.db.close()
        self.jobs.close()


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


@dataclass(frozen=True, slots=True)
class _Outside:
    """What reaches beyond the process, and what tests hand in instead."""

    settings: Settings
    db: Database
    system_db: Database
    queue: Queue
    new_id: NewId
    clock: Clock
    monotonic: Monotonic
    sleep: Callable[[float], None]
    crash_points: CrashPoints
    meter: EmfMeter

    def tries(self) -> Retrying:
        return retrying(self.settings.llm_max_tries, self.sleep)


def build(
    settings: Settings,
    *,
    queue: Queue | None = None,
    new_id: NewId = new_id,
    clock: Clock = utc_now,
    monotonic: Monotonic = monotonic,
    sleep: Callable[[float], None] = time.sleep,
    crash_points: CrashPoints = survive,
    observe: Callable[[str], None] | None = None,
) -> Services:
    """Wires the application. Tests hand in their own queue, clock, ids and crash points."""
    db = _database(settings, settings.database_url, observe)
    system_db = _database(settings, settings.database_system_url, observe)
    sqs = SqsQueue(settings)
    queue = queue or sqs
    outside = _Outside(
        settings, db, system_db, queue, new_id, clock, monotonic, sleep, crash_points, EmfMeter()
    )  # fmt: skip
    outbox = Outbox(queue, new_id, crash_points)
    progress = Progress(outbox, concurrency=settings.reextract_concurrency)
    choosing = _choosing(settings, outside.tries, monotonic)
    jobs = JobService(db, system_db, outbox, progress.on_redriven, sweep_after=settings.sweep_after)
    renewal = _renewal(outside, outbox)
    return Services(
        settings=settings,
        db=db,
        identity=IdentityService(db, _verifier(settings, monotonic), new_id, gate_off=settings.auth == "off"),
        conversations=_conversations(outside, outbox),
        operations=_operations(outside, outbox),
        turns=_turns(outside, outbox),
        imports=_imports(outside, outbox, jobs),
        replays=RoutingReplays(db),
        cards=CardService(db, outbox, renewal),
        stories=StoryService(db, renewal),
        sessions=_sessions(outside),
        tools=OwnTools(db, new_id),
        traces=_traces(outside),
        runs=RunService(db, Gate()),
        recorder=TraceRecorder(_traces(outside)),
        models=_models(settings),
        reextractions=ReextractionService(db, progress, choosing, new_id),
        jobs=jobs,
        worker=_worker(outside, outbox, progress, choosing),
        health=HealthService(settings, db, sqs, S3Blobs(settings)),
        queue=queue,
        meter=outside.meter,
    )


def _conversations(outside: _Outside, outbox: Outbox) -> ConversationService:
    return ConversationService(
        outside.db, outbox, CardTraces(), TurnTraces(), outside.new_id, outside.crash_points,
        extract_delay=outside.settings.extract_delay,
    )  # fmt: skip


def _operations(outside: _Outside, outbox: Outbox) -> OperationService:
    return OperationService(
        outside.db, outbox, CardTraces(), outside.new_id, outside.crash_points,
        extract_delay=outside.settings.extract_delay,
    )  # fmt: skip


def _turns(outside: _Outside, outbox: Outbox) -> TurnService:
    settings = outside.settings
    return TurnService(
        outside.db,
        outbox,
        outside.new_id,
        outside.crash_points,
        outside.monotonic,
        outside.sleep,
        Limits(messages_per_minute=settings.messages_per_minute, tokens_per_day=settings.tokens_per_day),
        router(settings.routing_policy),
        extract_delay=settings.extract_delay,
    )


def _imports(outside: _Outside, outbox: Outbox, jobs: JobService) -> ImportService:
    return ImportService(
        outbox, outside.new_id, outside.clock, jobs.oldest, max_queue_age=outside.settings.import_queue_age,
        extract_delay=outside.settings.extract_delay,
    )  # fmt: skip


def _sessions(outside: _Outside) -> SessionService:
    return SessionService(
        outside.db, outside.system_db, _design_extractor(outside.settings, outside.monotonic), outside.new_id,
        outside.crash_points, expiry=outside.settings.session_expiry,
    )  # fmt: skip


def _design_extractor(settings: Settings, monotonic: Monotonic) -> DesignExtractor:
    by_rules = DesignRulesExtractor()
    if not settings.design_model:
        return by_rules
    hurried = settings.model_copy(update={"llm_timeout": min(settings.llm_timeout, DESIGN_TIMEOUT)})
    return DesignModelExtractor(ModelClient(hurried, settings.design_model), by_rules, monotonic)


def _traces(outside: _Outside) -> TraceIngestion:
    settings = outside.settings
    return TraceIngestion(
        outside.db, outside.system_db, Gate(), outside.new_id, outside.clock, outside.crash_points,
        late_window=settings.late_window, run_idle=settings.run_idle,
    )  # fmt: skip


def _models(settings: Settings) -> ModelDirectory:
    uses = {"chat": settings.chat_model, "extraction": settings.extract_model, "design": settings.design_model}
    return ModelDirectory(settings, uses)


def _worker(outside: _Outside, outbox: Outbox, progress: Progress, choosing: Choosing) -> Worker:
    settings = outside.settings
    claims = Claims(max_attempts=settings.max_attempts)
    handlers: dict[JobKind, Handler] = {
        JobKind.TURN: _responder(outside, outbox, claims),
        JobKind.EXTRACT: _extraction(outside, outbox, claims, progress, choosing.in_use),
        JobKind.REEXTRACT: _reextraction(outside, outbox, claims, progress, choosing),
        JobKind.STORY: _stories(outside, outbox, claims),
    }
    return Worker(
        outside.db,
        outbox,
        handlers,
        outside.new_id,
        outside.crash_points,
        max_attempts=settings.max_attempts,
        backoff_base=settings.backoff_base,
    )


def _responder(outside: _Outside, outbox: Outbox, claims: Claims) -> Responder:
    settings = outside.settings
    notes = CardNotes(settings.evidence)
    return Responder(
        outside.db,
        outbox,
        claims,
        notes,
        _replier(settings, notes),
        outside.tries,
        outside.monotonic,
        outside.crash_points,
        lease=settings.turn_lease,
        delta_interval=settings.delta_interval,
        extract_delay=settings.extract_delay,
    )


def _extraction(
    outside: _Outside, outbox: Outbox, claims: Claims, progress: Progress, extractor: CardExtractor
) -> ExtractionHandler:
    settings = outside.settings
    return ExtractionHandler(
        outside.db,
        outbox,
        claims,
        extractor,
        _renewal(outside, outbox),
        progress,
        outside.new_id,
        outside.monotonic,
        outside.crash_points,
        outside.meter,
        lease=settings.extract_lease,
        upgrade_delays=settings.upgrades,
    )


def _stories(outside: _Outside, outbox: Outbox, claims: Claims) -> StoryHandler:
    settings = outside.settings
    return StoryHandler(
        outside.db,
        outbox,
        claims,
        _narrator(settings, outside.tries, outside.monotonic),
        _renewal(outside, outbox),
        outside.crash_points,
        outside.meter,
        lease=settings.story_lease,
    )


def _renewal(outside: _Outside, outbox: Outbox) -> Renewal:
    return Renewal(outbox, delay=outside.settings.story_delay)


def _reextraction(
    outside: _Outside, outbox: Outbox, claims: Claims, progress: Progress, choosing: Choosing
) -> ReextractionHandler:
    return ReextractionHandler(
        outside.db,
        claims,
        progress,
        choosing,
        _renewal(outside, outbox),
        outside.new_id,
        outside.crash_points,
        lease=outside.settings.extract_lease,
    )


def _database(settings: Settings, url: str, observe: Callable[[str], None] | None) -> Database:
    return Database(
        url, pooled=settings.database_pooled, statement_timeout_ms=settings.statement_timeout_ms, observe=observe
    )


def _verifier(settings: Settings, monotonic: Monotonic) -> TokenVerifier:
    return TokenVerifier(settings, KeySet(jwks_fetcher(settings), monotonic))


def _replier(settings: Settings, notes: CardNotes) -> Replier:
    if not settings.chat_model:
        return RulesReplier(notes.of_message)
    return ModelReplier(ModelClient(settings, settings.chat_model), settings.context_tokens)


def _choosing(settings: Settings, tries: Callable[[], Retrying], monotonic: Monotonic) -> Choosing:
    by_rules = RulesExtractor(settings.evidence, monotonic)

    def by_model(model: str, prompt_version: str = PROMPT_VERSION) -> CardExtractor:
        client = ModelClient(settings, model)
        return ModelExtractor(
            client, by_rules, tries, settings.evidence, monotonic, settings.context_tokens, prompt_version
        )

    in_use = by_model(settings.extract_model) if settings.extract_model else by_rules
    is_reachable = settings.openai_base_url is not None or settings.openai_api_key is not None
    return Choosing(in_use, by_rules, by_model if is_reachable else None, settings.extract_model)


def _narrator(settings: Settings, tries: Callable[[], Retrying], monotonic: Monotonic) -> StoryNarrator:
    digest = DigestNarrator(monotonic)
    if not settings.story_model:
        return digest
    client = ModelClient(settings, settings.story_model)
    return ModelNarrator(client, digest, tries, monotonic, settings.context_tokens)


@cache
def settings() -> Settings:
    return Settings.from_env(os.environ)


_in_use: list[Services] = []


def services() -> Services:
    """The one set of collaborators of this environment."""
    if not _in_use:
        _in_use.append(build(settings()))
    return _in_use[0]


def use(services: Services) -> None:
    """Makes handlers work with these collaborators from now on (tests and benchmarks)."""
    _in_use[:] = [services]
