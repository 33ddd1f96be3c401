"""Types of routing replays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Past:
    """A message as it came, with the router's record of it; assistant messages have none. `topic_id` is where it is
    now, `to_topic_id` where it was put then; `is_corrected` says that the user moved it since."""

    message_id: int
    role: str
    topic_id: UUID
    created_at: datetime
    content: str
    policy: str | None
    rule: str | None
    from_topic_id: UUID | None
    to_topic_id: UUID | None
    is_corrected: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One routed message of a replay. Topics that only the replay opens have ids of its own."""

    past: Past
    would_rule: str
    would_topic_id: UUID
    would_open: bool
    did_open: bool


@dataclass(frozen=True, slots=True)
class Was:
    """What was decided then."""

    policy: str
    rule: str
    opens_topic: bool
    topic_id: UUID


@dataclass(frozen=True, slots=True)
class Would:
    """What the replayed policy decides."""

    rule: str
    opens_topic: bool


@dataclass(frozen=True, slots=True)
class Change:
    message_id: int
    was: Was
    would: Would


@dataclass(frozen=True, slots=True)
class Distance:
    """From the corrected segmentation, 0 to 1, lower is better; None where there are too few messages to tell."""

    pk: float | None
    window_diff: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far both are from what the user made of it. `corrected`: messages the user moved."""

    corrected: int
    recorded: Distance
    replayed: Distance


@dataclass(frozen=True, slots=True)
class Report:
    """`messages`: user messages routed anew; `is_cut`: there is older history; `changes`: oldest first, at most
    `replay.MOST_CHANGES` of `changed`; `agreement`: None where the user corrected nothing."""

    policy: str
    messages: int
    first_message_id: int | None
    last_message_id: int | None
    is_cut: bool
    opened_then: int
    opened_now: int
    changed: int
    changes: list[Change]
    agreement: Agreement | None
