"""Types of the cards domain: what an extractor reads, what it drafts, and what the API shows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from chalicelib.explaining.models import Call

RULES_VERSION = "rules-2"  # of `rules.py`; part of every source hash: raise it when the rules decide otherwise


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

    @property
    def name(self) -> str:
        """All of it in one line, such as `openai/gpt-x/cards-1/rules-1`."""
        return "/".join((self.provider, self.model or "", self.prompt_version or "", self.rules_version))


@dataclass(frozen=True, slots=True)
class WindowResult:
    """What came of one window. `failure_class` says why the rules stood in for the model; `dropped` counts cards whose
    quotes were not found in the messages; `agreement` compares the model's cards with the rules'."""

    drafts: list[DraftCard]
    extractor: Extractor
    failure_class: str | None
    dropped: int
    tries: list[Call]
    agreement: float | None = None

    @property
    def input_tokens(self) -> int | None:
        return total(t.input_tokens for t in self.tries)

    @property
    def output_tokens(self) -> int | None:
        return total(t.output_tokens for t in self.tries)


def total(counts: Iterable[int | None]) -> int | None:
    """The sum of what is known; None if nothing is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


@dataclass(frozen=True, slots=True)
class StoredCitation:
    """A citation as it is shown: `quote` is read from the message itself."""

    message_id: int
    start: int
    end: int
    quote: str


class CardStatus(StrEnum):
    """`superseded`: a newer card contradicts it. `retired`: no longer found, and neither edited nor pinned.
    `deleted`: by the user; it stays as a tombstone, so that it never comes back by itself."""

    ACTIVE = "active"
    SUPERSEDED = "superseded"
    RETIRED = "retired"
    DELETED = "deleted"


SHOWN = (CardStatus.ACTIVE, CardStatus.SUPERSEDED)


@dataclass(frozen=True, slots=True)
class Card:
    """A card as it is shown. `edited`: the fields the user has set; `suggestion`: what the machine would say now in
    those of them where it has changed its mind since."""

    card_id: str
    topic_id: UUID
    kind: CardKind
    title: str
    body: str
    confidence: float
    status: CardStatus
    pinned: bool
    edited: list[str]
    suggestion: dict[str, str] | None
    superseded_by: str | None
    citations: list[StoredCitation]
    run_id: UUID
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def place(self) -> tuple[int, int, str]:
        """Where it stands in reading order: by its first evidence."""
        return self.citations[0].message_id, self.citations[0].start, self.card_id


@dataclass(frozen=True, slots=True)
class CardVersion:
    """A state the card was in: since `at`, brought about by `action`."""

    version: int
    action: str
    at: datetime
    card: Card


@dataclass(frozen=True, slots=True)
class ExtractRun:
    """The record of one extraction of one topic: what ran, why, on which messages, how it ended. `trace_run_id` names
    the run that explains its last attempt, once that has ended."""

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
    windows_extracted: int
    windows_reused: int
    cards_count: int | None
    cards_dropped: int
    latency_ms: int | None
    input_tokens: int | None
    output_tokens: int | None
    tokens_saved: int
    agreement: float | None
    created_at: datetime
    ended_at: datetime | None
    trace_run_id: UUID | None
