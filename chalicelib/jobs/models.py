"""Types of the jobs domain: the row, and the queue message that only points at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class JobKind(StrEnum):
    TURN = "turn"
    EXTRACT = "extract"
    STORY = "story"
    REEXTRACT = "reextract"


QUEUES = {
    JobKind.TURN: "turns",
    JobKind.EXTRACT: "extractions",
    JobKind.STORY: "stories",
    JobKind.REEXTRACT: "reextractions",
}
REEXTRACTION = "reextraction"
# Causes that outweigh the one that a queued extraction has, the weightiest last.
PRESSING = ("upgrade", "manual", REEXTRACTION)


class JobMessage(BaseModel):
    """The body of a queue message. It carries no content: the row is the truth."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job_id: UUID
    user_id: UUID
    kind: JobKind
    request_id: str


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the outbox."""

    job_id: UUID
    kind: JobKind
    subject: UUID
    status: str
    attempts: int
    cause: str
    request_id: str
    result: dict[str, Any] | None
    failure_class: str | None
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's hold on a job until its lease runs out; `token` guards every write it makes."""

    job: Job
    user_id: UUID
    token: UUID


class Outcome(StrEnum):
    """What a delivery of a job's message came to."""

    DONE = "done"
    NOTHING_TO_DO = "nothing_to_do"  # done before, or somebody else is at it
    DEAD = "dead"
