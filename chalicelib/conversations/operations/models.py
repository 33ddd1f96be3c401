"""Types of topic operations: the user's own corrections of what the router decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class OperationKind(StrEnum):
    MERGE = "merge"
    SPLIT = "split"
    MOVE = "move"


@dataclass(frozen=True, slots=True)
class Move:
    """One message on its way."""

    message_id: int
    from_topic_id: UUID
    to_topic_id: UUID


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as recorded.

    `from_topic_id` is None for messages that came from several topics or from none. `was_active` says whether it was
    the active topic before; with the statuses the two topics had, that is what undoing restores.
    """

    operation_id: UUID
    kind: OperationKind
    from_topic_id: UUID | None
    to_topic_id: UUID
    message_count: int
    request_id: str
    created_at: datetime
    undone_at: datetime | None
    undone_moved: int | None
    undone_skipped: int | None
    was_active: bool
    from_status: str | None
    to_status: str
