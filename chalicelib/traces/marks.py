"""What `run.started` and `run.completed` say of their run. What is not of the right shape is left out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chalicelib.traces.models import Prepared

STARTED, COMPLETED = "run.started", "run.completed"
MAX_TAGS = 50
LONGEST = 200
MAX_SEQUENCE = 2**53


@dataclass(frozen=True, slots=True)
class Start:
    """Of a run, by its `run.started`."""

    sequence_no: int
    name: str
    at: datetime
    service: str | None
    framework: str | None
    tags: list[str]
    parent_run_id: UUID | None
    parent_step_id: UUID | None


@dataclass(frozen=True, slots=True)
class End:
    """Of a run, by its `run.completed`. `last` is the last sequence number there is, its own included."""

    sequence_no: int
    at: datetime
    last: int
    status: str


def start(event: Prepared) -> Start:
    facts = event.facts or {}
    return Start(
        event.sequence_no, event.name, event.ts, _word(facts.get("service")), _word(facts.get("framework")),
        _tags(facts.get("tags")), _id(facts.get("parent_run_id")), _id(facts.get("parent_step_id")),
    )  # fmt: skip


def end(event: Prepared) -> End:
    facts = event.facts or {}
    last = facts.get("last_sequence_no")
    is_whole = type(last) is int and 0 <= last <= MAX_SEQUENCE
    status = "failed" if facts.get("status") == "failed" else "completed"
    return End(event.sequence_no, event.ts, max(event.sequence_no, last if is_whole and last else 0), status)


def _word(value: Any) -> str | None:
    return value[:LONGEST] if isinstance(value, str) and value else None


def _tags(value: Any) -> list[str]:
    words = [_word(tag) for tag in value[:MAX_TAGS]] if isinstance(value, list) else []
    return sorted({word for word in words if word})


def _id(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
