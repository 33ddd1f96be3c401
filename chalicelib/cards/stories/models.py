"""Types of stories: what a narrator is given, what it tells, and what the API shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chalicelib.cards.models import CardKind, SourceMessage, StoredCitation, total
from chalicelib.explaining.models import Call

DIGEST_VERSION = "digest-1"  # raise it when `digest.py` tells otherwise

Place = tuple[int, int, int]  # (message_id, start, end): half-open code-point offsets


@dataclass(frozen=True, slots=True)
class Narrator:
    """Who is meant to tell, or has told. `version` is that of the prompt, or of the digest."""

    provider: str
    model: str | None
    version: str

    @property
    def name(self) -> str:
        """All of it in one line, such as `openai/gpt-x/story-1`."""
        return "/".join((self.provider, self.model or "", self.version))


@dataclass(frozen=True, slots=True)
class SourceCard:
    """A card as a narrator sees it, with the places it cites, in reading order."""

    card_id: str
    kind: CardKind
    title: str
    body: str
    pinned: bool
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """What a story is made of.

    Attributes:
        cards: in reading order; of each kind the pinned ones first, and then the newest, if there are very many.
        totals: how many cards of each kind there are.
        messages: the newest of the topic, in order, as context; none for the digest.
        hash: SHA-256 over the ids and versions of all its cards.
    """

    cards: Sequence[SourceCard]
    totals: Mapping[CardKind, int]
    messages: Sequence[SourceMessage]
    hash: bytes


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences, and the cards they rest on; at least one."""

    text: str
    cards: tuple[SourceCard, ...]

    @property
    def places(self) -> list[Place]:
        """What its cards cite, in reading order."""
        return sorted({place for card in self.cards for place in card.places})


@dataclass(frozen=True, slots=True)
class Narration:
    """A story before it is stored.

    Attributes:
        failure_class: why the digest stood in for the model.
        seen: the messages whose words it may hold.
        dropped: paragraphs of a model's that rested on no card.
    """

    title: str | None
    paragraphs: Sequence[Paragraph]
    narrator: Narrator
    failure_class: str | None
    tries: Sequence[Call]
    seen: frozenset[int]
    dropped: int = 0

    @property
    def input_tokens(self) -> int | None:
        return total(t.input_tokens for t in self.tries)

    @property
    def output_tokens(self) -> int | None:
        return total(t.output_tokens for t in self.tries)


def cited_by(cards: Iterable[SourceCard]) -> frozenset[int]:
    """The messages that cards cite."""
    return frozenset(message_id for card in cards for message_id, _, _ in card.places)


@dataclass(frozen=True, slots=True)
class StoryVersion:
    """A version without its paragraphs. `is_current`: it is the newest one, and made of the cards as they are now."""

    topic_id: UUID
    version: int
    title: str | None
    cards_count: int
    provider: str
    model: str | None
    prompt_version: str | None
    fallback_used: bool
    failure_class: str | None
    attempts: list[dict[str, Any]]
    input_tokens: int | None
    output_tokens: int | None
    cause: str
    job_id: UUID
    request_id: str
    trace_run_id: UUID | None
    created_at: datetime
    is_current: bool


@dataclass(frozen=True, slots=True)
class ShownParagraph:
    """A paragraph as it is shown: quotes are read from the messages themselves."""

    text: str
    card_ids: list[str]
    citations: list[StoredCitation]


@dataclass(frozen=True, slots=True)
class Story:
    """A version as it is shown."""

    head: StoryVersion
    paragraphs: list[ShownParagraph]
