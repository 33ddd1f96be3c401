"""What reaches beyond the process, and the small things that all services share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.adapters.clock import Clock, Monotonic, NewId
from chalicelib.adapters.crashpoints import CrashPoints
from chalicelib.adapters.metrics import EmfMeter
from chalicelib.adapters.postgres import Database
from chalicelib.artifacts.models import Blobs
from chalicelib.jobs.outbox import Outbox, Queue
from chalicelib.jobs.worker import Claims
from chalicelib.llm.failures import retrying
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from tenacity import Retrying


@dataclass(frozen=True, slots=True)
class Outside:
    """Adapters, clocks and chance; tests hand in their own."""

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
    blobs: Blobs

    def outbox(self) -> Outbox:
        return Outbox(self.queue, self.new_id, self.crash_points)

    def claims(self) -> Claims:
        return Claims(max_attempts=self.settings.max_attempts)

    def tries(self) -> Retrying:
        return retrying(self.settings.llm_max_tries, self.sleep)


def database(settings: Settings, url: str, observe: Callable[[str], None] | None) -> Database:
    return Database(
        url, pooled=settings.database_pooled, statement_timeout_ms=settings.statement_timeout_ms, observe=observe
    )
