"""Types of the conversations domain: canonical state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

MAX_MESSAGE = 100_000  # code points


@dataclass(frozen=True, slots=True)
class Conversation:
    """A user's one conversation; `is_new` if it was made just now."""

    conversation_id: str
    active_topic_id: UUID | None
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Topic:
    """A coherent thread. `title` is the user's, or the opening of its first message; `merged_into` is where all its
    messages went, until it is used again."""

    topic_id: UUID
    title: str
    status: str
    is_active: bool
    message_count: int
    merged_into: UUID | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    message_id: int
    topic_id: UUID
    role: str
    content: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What the router decided about one message. `topic_id` is None where a new topic is to be opened."""

    rule: str
    policy: str
    topic_id: UUID | None
    signals: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RouterRun:
    """A decision as recorded. `trace_run_id` names the run of its turn; None for imported messages."""

    message_id: int
    policy: str
    rule: str
    signals: dict[str, Any]
    from_topic_id: UUID | None
    to_topic_id: UUID
    created_at: datetime
    trace_run_id: UUID | None
