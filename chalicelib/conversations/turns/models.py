"""Types of turns: one user message and the assistant's reply to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class EventType(StrEnum):
    """The fixed protocol: started, deltas, then exactly one of completed or failed. Another `started` means that
    another attempt began: what came before it is to be dropped."""

    STARTED = "turn.started"
    DELTA = "message.delta"
    COMPLETED = "turn.completed"
    FAILED = "turn.failed"


FINAL = frozenset({EventType.COMPLETED, EventType.FAILED})


@dataclass(frozen=True, slots=True)
class Turn:
    """`trace_run_id` names the run that explains it, once it has ended."""

    turn_id: UUID
    topic_id: UUID
    user_message_id: int | None
    assistant_message_id: int | None
    retry_of: UUID | None
    status: str
    attempt: int
    provider: str | None
    model: str | None
    failure_class: str | None
    input_tokens: int | None
    output_tokens: int | None
    created_at: datetime
    ended_at: datetime | None
    trace_run_id: UUID | None

    @property
    def has_ended(self) -> bool:
        return self.status in ("completed", "failed")


@dataclass(frozen=True, slots=True)
class Ended:
    """A turn that has just ended, and how its message was routed, if for this turn: policy, rule, signals, topics."""

    turn: Turn
    routed: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class TurnEvent:
    """`seq` counts from 1 within the turn, without gaps."""

    seq: int
    type: EventType
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that was taken in."""

    turn_id: UUID
    message_id: int
    topic_id: UUID
    rule: str
    policy: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, with who gave it and what it cost."""

    text: str
    provider: str
    model: str | None
    input_tokens: int | None = None
    output_tokens: int | None = None
