"""Types of imports: history that was written elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ImportedMessage:
    """One message of a batch. `key` is its id in the source: the same key is never imported twice."""

    key: str
    role: str
    content: str
    topic: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A message that was left out, and why: `blank`, `too_long`, `role`, `characters`, `time`."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What came of a batch. `duplicates` were there from an earlier try."""

    imported: int
    duplicates: int
    skipped: list[Skipped] = field(default_factory=list)
    topic_ids: list[UUID] = field(default_factory=list)
