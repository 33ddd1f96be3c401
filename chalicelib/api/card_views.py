"""Cards as clients see them."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from chalicelib.api.answers import Timestamp, View
from chalicelib.api.requests import Body, Page, Query, Text, cursor_parts, encode_cursor
from chalicelib.cards.models import SHOWN, Card, CardKind, CardStatus, CardVersion

STATUSES = "Comma-separated: active, superseded, retired, deleted. By default active and superseded."


class CitationView(View):
    """`quote` is the message's text from `start` to `end`, in Unicode code points, end excluded."""

    message_id: int
    start: int
    end: int
    quote: str


class SuggestionView(View):
    """What the extraction would say now in fields that you have edited, where it has changed since."""

    kind: CardKind | None = None
    title: str | None = None
    body: str | None = None


class CardView(View):
    card_id: str
    topic_id: UUID
    kind: CardKind
    title: str
    body: str
    confidence: float
    status: CardStatus
    pinned: bool
    edited_by_user: bool
    edited: list[str] = Field(description="Fields that you have set: kind, title, body.")
    suggestion: SuggestionView | None
    superseded_by: str | None = Field(description="The newer card that contradicts this one.")
    citations: list[CitationView] = Field(min_length=1)
    run_id: UUID = Field(description="The extract run that last changed the card.")
    version: int = Field(description="Raised by every change; also the ETag.")
    created_at: Timestamp
    updated_at: Timestamp

    @model_validator(mode="before")
    @classmethod
    def _derive(cls, card: Any) -> Any:
        if isinstance(card, Card):
            return {**{n: getattr(card, n) for n in Card.__slots__}, "edited_by_user": bool(card.edited)}
        return card


class CardPage(View):
    items: list[CardView]
    next_cursor: str | None


class CardVersionView(View):
    """A state the card was in. `action` brought it about."""

    version: int
    action: str
    at: Timestamp
    card: CardView


class CardHistory(View):
    items: list[CardVersionView]
    next_cursor: str | None


class CardFilter(Query):
    kind: CardKind | None = None
    status: str | None = Field(default=None, max_length=100, description=STATUSES)

    @model_validator(mode="after")
    def _knows_statuses(self) -> CardFilter:
        try:
            self.statuses  # noqa: B018 - raises ValueError
        except ValueError:
            raise ValueError("status: active, superseded, retired, deleted, separated by commas") from None
        return self

    @property
    def statuses(self) -> tuple[CardStatus, ...]:
        if not self.status:
            return SHOWN
        return tuple(CardStatus(name.strip()) for name in self.status.split(","))


class TopicCardsQuery(Page, CardFilter):
    as_of: AwareDatetime | None = Field(default=None, description="RFC 3339: the cards as they were at that moment.")


class CardsQuery(Page, CardFilter):
    topic_id: UUID | None = None


class CardChanges(Body):
    kind: Literal["insight", "decision", "question", "action", "fact", "preference"] | None = None
    title: Text | None = Field(default=None, min_length=1, max_length=200, pattern=r"\S")
    body: Text | None = Field(default=None, min_length=1, max_length=4_000, pattern=r"\S")

    @model_validator(mode="after")
    def _says_something(self) -> CardChanges:
        if not self.fields:
            raise ValueError("say what to change: kind, title or body")
        return self

    @property
    def fields(self) -> dict[str, str]:
        return {name: value for name, value in self.model_dump().items() if value is not None}


def card_view(card: Card) -> CardView:
    return CardView.model_validate(card)


def version_view(version: CardVersion) -> CardVersionView:
    return CardVersionView(version=version.version, action=version.action, at=version.at, card=card_view(version.card))


def etag(card: Card) -> str:
    return f'"{card.version}"'


def encode_place(kind: str, card: Card) -> str:
    message, offset, card_id = card.place
    return encode_cursor(kind, f"{message}:{offset}:{card_id}")


def decode_place(kind: str, cursor: str | None) -> tuple[int, int, str] | None:
    """
    Raises:
        InvalidCursor
    """
    if cursor is None:
        return None
    message, offset, card_id = cursor_parts(kind, cursor, r"([0-9]{1,18}):([0-9]{1,9}):([^\x00]+)")
    return int(message), int(offset), card_id
