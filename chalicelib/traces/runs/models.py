"""Types of what runs are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from chalicelib.traces.contents import Bodies


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it stands."""

    run_id: UUID
    status: str
    name: str | None
    service: str | None
    framework: str | None
    tags: list[str]
    parent_run_id: UUID | None
    parent_step_id: UUID | None
    sequence_source: str
    health: list[str]
    next_sequence_no: int
    max_sequence_no: int
    last_sequence_no: int | None
    completed_sequence_no: int | None
    declared_status: str | None
    event_count: int
    step_count: int
    incomplete_count: int
    failed_count: int
    input_tokens: int
    output_tokens: int
    cost: Decimal
    models: list[str]
    kinds: list[str]
    started_at: datetime | None
    ended_at: datetime | None
    received_at: datetime
    closes_at: datetime
    closed_at: datetime | None
    privacy_override: str | None
    privacy_overridden_at: datetime | None

    @property
    def is_closed(self) -> bool:
        return self.closed_at is not None

    @property
    def horizon(self) -> int:
        """What lies below this sequence number is visible."""
        return self.max_sequence_no + 1 if self.is_closed else self.next_sequence_no

    @property
    def end(self) -> int:
        """The last sequence number that is known of."""
        return max(self.max_sequence_no, self.last_sequence_no or 0)


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list of runs is narrowed to; None is everything."""

    status: str | None = None
    kind: str | None = None
    model: str | None = None
    tag: str | None = None
    origin: str | None = None
    health: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    min_cost: float | None = None


class Event(NamedTuple):
    """An event as it is stored: placeholders where contents are."""

    sequence_no: int
    event_type: str
    step_id: UUID | None
    parent_step_id: UUID | None
    kind: str | None
    name: str
    ts: datetime
    received_at: datetime
    sequence_source: str
    attributes: dict[str, Any]
    contents: list[UUID] | None
    bytes: int
    artifact_refs: list[dict[str, Any]] | None
    call_signature: str | None
    redaction: dict[str, Any]


class Step(NamedTuple):
    """A step as it has been made of its events."""

    step_id: UUID
    parent_step_id: UUID | None
    kind: str | None
    name: str
    status: str
    first_sequence_no: int
    started_sequence_no: int | None
    ended_sequence_no: int | None
    started_at: datetime | None
    ended_at: datetime | None
    first_chunk_at: datetime | None
    chunk_count: int
    model: str | None
    tool: str | None
    error_type: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost: Decimal | None


class Skeleton(NamedTuple):
    """Steps in columns, in their order. Times are microseconds, starts since the run's own."""

    step_id: list[UUID]
    parent_step_id: list[UUID | None]
    sequence_no: list[int]
    kind: list[str | None]
    name: list[str]
    status: list[str]
    start: list[int | None]
    duration: list[int | None]
    model: list[str | None]
    input_tokens: list[int | None]
    output_tokens: list[int | None]
    cost: list[float | None]


@dataclass(frozen=True, slots=True)
class Buckets:
    """Steps in a row, added up, in columns."""

    first: list[int]
    count: list[int]
    start: list[int | None]
    end: list[int | None]
    failed: list[int]
    incomplete: list[int]
    input_tokens: list[int]
    output_tokens: list[int]
    cost: list[float]
    kind: list[str | None]


class Page(NamedTuple):
    """Events with the contents they name, by hash, and whether there are more."""

    events: list[Event]
    bodies: Bodies
    has_more: bool
