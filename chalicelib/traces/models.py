"""Types of ingestion: what is received, what is made of it, and what is answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from chalicelib.traces.schema import ArtifactRef

ReceiptStatus = Literal["accepted", "duplicate", "held", "rejected"]
DERIVED = "derived"  # numbered by the server
OWN = "glia"  # service, and a tag, of Glia's own runs
Place = tuple[UUID, int]  # run id and sequence number


class Unreadable(NamedTuple):
    """A part of a body that is no JSON value that can be kept."""

    code: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one event.

    Args:
        index: its place in the body.
        code: why it was rejected.
    """

    index: int
    run_id: UUID | None
    sequence_no: int | None
    status: ReceiptStatus
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """A part of attributes that is kept once a user: JSON text, or a block of sixteen such parts in a row."""

    content_hash: UUID
    body: str | None
    items: list[UUID] | None
    size: int


@dataclass(frozen=True, slots=True)
class Reference:
    """That an event rests on an artifact."""

    artifact_id: UUID | None
    upload_id: UUID | None
    role: str


class Made(NamedTuple):
    """An event that the server made of something else: its envelope is right, its attributes are anything. Its number
    is given later."""

    run_id: UUID
    event_type: str
    step_id: UUID | None
    parent_step_id: UUID | None
    kind: str | None
    name: str
    ts: datetime
    attributes: dict[str, Any]


class Draft(NamedTuple):
    """An event that is valid, and not redacted yet.

    Args:
        position: its index in the batch.
        text: the attributes as JSON; empty if they have to be written anew.
        received: the event as it came, in one spelling, for its fingerprint.
        counts: what the sender's gate found, by class.
    """

    position: int
    run_id: UUID
    sequence_no: int
    event_type: str
    step_id: UUID | None
    parent_step_id: UUID | None
    kind: str | None
    name: str
    ts: datetime
    sequence_source: str
    attributes: dict[str, Any]
    text: bytes
    received: bytes
    flags: tuple[str, ...]
    artifact_refs: list[ArtifactRef]
    call_signature: str | None
    counts: dict[str, int]


@dataclass(slots=True)
class Prepared:
    """An event that is valid and redacted, ready to be stored."""

    index: int
    run_id: UUID
    sequence_no: int
    event_type: str
    step_id: UUID | None
    parent_step_id: UUID | None
    kind: str | None
    name: str
    ts: datetime
    sequence_source: str
    attributes: bytes
    placeholders: list[UUID] | None
    contents: list[Content]
    size: int
    artifact_refs: str | None
    references: list[Reference]
    call_signature: str | None
    redaction: str
    fingerprint: bytes
    flags: tuple[str, ...]
    facts: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Rejection:
    """An event that cannot be stored, and its code."""

    index: int
    run_id: UUID | None
    sequence_no: int | None
    code: str

    @property
    def receipt(self) -> Receipt:
        return Receipt(self.index, self.run_id, self.sequence_no, "rejected", self.code)


class Gap(NamedTuple):
    """Missing sequence numbers, both ends included."""

    first: int
    last: int
