"""Builds every collaborator, once per Lambda environment. The only place that constructs adapters.

A service is built, and its code loaded, when it is first asked for: a cold start that takes a message in does not load
what extracts cards or designs agents.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import cache, cached_property
from typing import TYPE_CHECKING

from chalicelib.adapters.clock import Clock, Monotonic, NewId, monotonic, new_id, utc_now
from chalicelib.adapters.crashpoints import CrashPoints, survive
from chalicelib.adapters.metrics import EmfMeter
from chalicelib.adapters.s3 import S3Blobs
from chalicelib.adapters.sqs import SqsQueue
from chalicelib.artifacts.models import Blobs
from chalicelib.jobs.outbox import Queue
from chalicelib.settings import Settings
from chalicelib.wiring.outside import Outside, database

if TYPE_CHECKING:
    from chalicelib.artifacts.service import ArtifactService
    from chalicelib.artifacts.uploads import UploadService
    from chalicelib.cards.reextraction.service import ReextractionService
    from chalicelib.cards.service import CardService
    from chalicelib.cards.stories.service import StoryService
    from chalicelib.conversations.imports.service import ImportService
    from chalicelib.conversations.operations.service import OperationService
    from chalicelib.conversations.replays.service import RoutingReplays
    from chalicelib.conversations.service import ConversationService
    from chalicelib.conversations.turns.service import TurnService
    from chalicelib.designer.own_tools import OwnTools
    from chalicelib.designer.service import SessionService
    from chalicelib.health import HealthService
    from chalicelib.identity.service import IdentityService
    from chalicelib.jobs.service import JobService
    from chalicelib.jobs.worker import Worker
    from chalicelib.llm.directory import ModelDirectory
    from chalicelib.traces.otlp.service import SpanIngestion
    from chalicelib.traces.recording.recorder import TraceRecorder
    from chalicelib.traces.runs.service import RunService
    from chalicelib.traces.service import TraceIngestion


class Services:
    """Everything a handler may call. Of threads that meet at a first use each may build its own; either will do."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self.settings = outside.settings
        self.db = outside.db
        self.queue = outside.queue
        self.meter = outside.meter

    def close(self) -> None:
        """Closes the calling thread's database connections."""
        self._outside.db.close()
        self._outside.system_db.close()

    @cached_property
    def identity(self) -> IdentityService:
        from chalicelib.identity.service import IdentityService
        from chalicelib.identity.tokens import KeySet, TokenVerifier, jwks_fetcher

        outside, settings = self._outside, self.settings
        verifier = TokenVerifier(settings, KeySet(jwks_fetcher(settings), outside.monotonic))
        return IdentityService(outside.db, verifier, outside.new_id, gate_off=settings.auth == "off")

    @cached_property
    def conversations(self) -> ConversationService:
        from chalicelib.wiring import conversations

        return conversations.conversations(self._outside)

    @cached_property
    def operations(self) -> OperationService:
        from chalicelib.wiring import conversations

        return conversations.operations(self._outside)

    @cached_property
    def turns(self) -> TurnService:
        from chalicelib.wiring import conversations

        return conversations.turns(self._outside)

    @cached_property
    def imports(self) -> ImportService:
        from chalicelib.wiring import conversations

        return conversations.imports(self._outside, self.jobs)

    @cached_property
    def replays(self) -> RoutingReplays:
        from chalicelib.conversations.replays.service import RoutingReplays

        return RoutingReplays(self.db)

    @cached_property
    def cards(self) -> CardService:
        from chalicelib.wiring import cards

        return cards.cards(self._outside)

    @cached_property
    def stories(self) -> StoryService:
        from chalicelib.wiring import cards

        return cards.stories(self._outside)

    @cached_property
    def reextractions(self) -> ReextractionService:
        from chalicelib.wiring import cards

        return cards.reextractions(self._outside)

    @cached_property
    def sessions(self) -> SessionService:
        from chalicelib.wiring import designer

        return designer.sessions(self._outside)

    @cached_property
    def tools(self) -> OwnTools:
        from chalicelib.designer.own_tools import OwnTools

        return OwnTools(self.db, self._outside.new_id)

    @cached_property
    def models(self) -> ModelDirectory:
        from chalicelib.llm.directory import ModelDirectory

        settings = self.settings
        uses = {"chat": settings.chat_model, "extraction": settings.extract_model, "design": settings.design_model}
        return ModelDirectory(settings, uses)

    @cached_property
    def spans(self) -> SpanIngestion:
        from chalicelib.traces.otlp.service import SpanIngestion

        return SpanIngestion(self.traces, self._outside.crash_points, late_window=self.settings.late_window)

    @cached_property
    def artifacts(self) -> ArtifactService:
        from chalicelib.wiring import artifacts

        return artifacts.artifacts(self._outside)

    @cached_property
    def uploads(self) -> UploadService:
        from chalicelib.wiring import artifacts

        return artifacts.uploads(self._outside)

    @cached_property
    def traces(self) -> TraceIngestion:
        from chalicelib.wiring import traces

        return traces.ingestion(self._outside)

    @cached_property
    def runs(self) -> RunService:
        from chalicelib.wiring import traces

        return traces.runs(self._outside)

    @cached_property
    def recorder(self) -> TraceRecorder:
        from chalicelib.wiring import traces

        return traces.recorder(self._outside)

    @cached_property
    def jobs(self) -> JobService:
        from chalicelib.wiring import jobs

        return jobs.jobs(self._outside)

    @cached_property
    def worker(self) -> Worker:
        from chalicelib.wiring import jobs

        return jobs.worker(self._outside)

    @cached_property
    def health(self) -> HealthService:
        from chalicelib.adapters.sqs import SqsQueue
        from chalicelib.health import HealthService

        return HealthService(self.settings, self.db, SqsQueue(self.settings), S3Blobs(self.settings))


def build(
    settings: Settings,
    *,
    queue: Queue | None = None,
    blobs: Blobs | None = None,
    new_id: NewId = new_id,
    clock: Clock = utc_now,
    monotonic: Monotonic = monotonic,
    sleep: Callable[[float], None] = time.sleep,
    crash_points: CrashPoints = survive,
    observe: Callable[[str], None] | None = None,
) -> Services:
    """Wires the application. Tests hand in their own queue, clock, ids and crash points."""
    outside = Outside(
        settings,
        database(settings, settings.database_url, observe),
        database(settings, settings.database_system_url, observe),
        queue or SqsQueue(settings),
        new_id,
        clock,
        monotonic,
        sleep,
        crash_points,
        EmfMeter(),
        blobs or S3Blobs(settings),
    )
    services = Services(outside)
    _ = services.identity  # a stage whose tokens nobody could trust does not start
    return services


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
