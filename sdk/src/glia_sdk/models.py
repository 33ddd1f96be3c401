"""What Glia answers, as far as this client needs it. Fields it does not know are left aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

STARTED = "turn.started"
DELTA = "message.delta"
COMPLETED = "turn.completed"
FAILED = "turn.failed"


@dataclass(frozen=True, slots=True)
class Conversation:
    conversation_id: str
    active_topic_id: str | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that was taken in: its topic, why it went there, and the turn that answers it."""

    turn_id: str
    message_id: int
    topic_id: str
    rule: str
    policy: str


@dataclass(frozen=True, slots=True)
class Turn:
    turn_id: str
    topic_id: str
    status: str
    failure_class: str | None
    assistant_message_id: int | None


@dataclass(frozen=True, slots=True)
class TurnEvent:
    """One event of a turn. `seq` counts from 1."""

    seq: int
    type: str
    data: dict[str, Any]

    @property
    def is_final(self) -> bool:
        return self.type in (COMPLETED, FAILED)


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a batch. `skipped` are indexes into it, each with the reason."""

    imported: int
    duplicates: int
    skipped: list[tuple[int, str]]
    topic_ids: list[str]


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list as the server tells it. `next_cursor` is None on the last one."""

    items: list[dict[str, Any]]
    next_cursor: str | None
