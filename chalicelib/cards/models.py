"""Types of the cards domain: what an extractor reads, what it drafts, and what the API shows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

RULES_VERSION = "rules-1"  # of `rules.py`; part of every source hash: raise it when the rules decide otherwise


class CardKind(StrEnum):
    """What a card says about its evidence."""

    INSIGHT = "insight"
    DECISION = "decision"
    QUESTION = "question"
    ACTION = "action"
    FACT = "fact"
    PREFERENCE = "preference"


@dataclass(frozen=True, slots=True)
class SourceMessage:
    """A message as an extractor sees it: `content` is the stored, untrimmed text."""

    message_id: int
    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Citation:
    """The exact characters a card rests on: half-open code-point offsets into a message's stored content."""

    message_id: int
    start: int
    end: int
    quote: str

    @property
    def quote_sha256(self) -> str:
        return hashlib.sha256(self.quote.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class DraftCard:
    """A card before it is stored. Every draft carries at least one citation, in reading order."""

    kind: CardKind
    title: str
    body: str
    confidence: float
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Extractor:
    """Who is meant to extract: part of the source hash, so that a better extractor is never blocked by an older run."""

    provider: str
    model: str | None
    prompt_version: str | None
    rules_version: str


@dataclass(frozen=True, slots=True)
class Try:
    """One try of one extraction: a model call, or the rules."""

    provider: str
    model: str | None
    failure_class: str | None
    latency_ms: int
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Extraction:
    """What came of one extraction. `dropped` counts cards whose quotes were not found in the messages."""

    drafts: list[DraftCard]
    provider: str
    model: str | None
    fallback_used: bool
    failure_class: str | None
    dropped: int
    tries: list[Try]


@dataclass(frozen=True, slots=True)
class StoredCitation:
    """A citation as it is shown: `quote` is read from the message itself."""

    message_id: int
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Card:
    card_id: str
    topic_id: UUID
    kind: CardKind
    title: str
    body: str
    confidence: float
    citations: list[StoredCitation]
    run_id: UUID
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ExtractRun:
    """The record of one extraction of one topic: what ran, why, on which messages, how it ended."""

    run_id: UUID
    topic_id: UUID | None
    status: str
    cause: str
    source_hash: bytes
    intended_provider: str
    intended_model: str | None
    prompt_version: str | None
    rules_version: str
    provider: str | None
    model: str | None
    fallback_used: bool
    failure_class: str | None
    attempt: int
    job_id: UUID
    request_id: str
    messages_range_start_id: int
    messages_range_end_id: int
    message_count: int
    window_count: int
    cards_count: int | None
    cards_dropped: int
    latency_ms: int | None
    input_tokens: int | None
    output_tokens: int | None
    created_at: datetime
    ended_at: datetime | None
