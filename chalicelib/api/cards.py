"""`/topics/{id}/cards`, `/cards` and extraction by hand."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from chalice.app import Response
from pydantic import Field

from chalicelib.adapters.postgres import Transaction
from chalicelib.api.answers import Timestamp, View, answer, page
from chalicelib.api.requests import Page, cursor_int, encode_cursor, path_text, path_uuid
from chalicelib.api.resource import Call, Resource
from chalicelib.cards.errors import CardNotFound
from chalicelib.cards.models import CardKind
from chalicelib.conversations.errors import TopicNotFound
from chalicelib.jobs.service import Answer

resource = Resource("cards", "cards")


class CitationView(View):
    """`quote` is the message's text from `start` to `end`, in Unicode code points, end excluded."""

    message_id: int
    start: int
    end: int
    quote: str


class CardView(View):
    card_id: str
    topic_id: UUID
    kind: CardKind
    title: str
    body: str
    confidence: float
    citations: list[CitationView] = Field(min_length=1)
    run_id: UUID
    created_at: Timestamp
    updated_at: Timestamp


class CardPage(View):
    items: list[CardView]
    next_cursor: str | None


class CardsQuery(Page):
    kind: CardKind | None = None


class ExtractQueued(View):
    job_id: UUID


class ExtractNothing(View):
    ok: Literal[True] = True
    reason: Literal["no_messages"] = "no_messages"


@resource.get("/topics/{topic_id}/cards", query=CardsQuery, answers={200: CardPage}, errors=(404,))
def get_topic_cards(call: Call) -> Response:
    """The cards of a topic, in reading order, each with the exact words it rests on."""
    return cards_page(call, path_uuid(call.path["topic_id"], TopicNotFound), call.query.kind)


def cards_page(call: Call, topic_id: UUID, kind: CardKind | None) -> Response:
    after, limit = cursor_int("cards", call.query.cursor), call.query.limit
    found = call.services.cards.cards(call.user_id, topic_id, kind, after, limit + 1)
    return page(
        CardPage,
        found,
        limit,
        lambda pair: CardView.model_validate(pair[1]),
        lambda pair: encode_cursor("cards", pair[0]),
    )


@resource.get("/cards/{card_id}", answers={200: CardView}, errors=(404,))
def get_card(call: Call) -> Response:
    """One card."""
    card_id = path_text(call.path["card_id"], CardNotFound)
    return answer(200, CardView.model_validate(call.services.cards.card(call.user_id, card_id)))


@resource.post(
    "/topics/{topic_id}/extract",
    answers={202: ExtractQueued, 200: ExtractNothing},
    errors=(404,),
    is_idempotent=True,
)
def post_extract(call: Call) -> Response:
    """Extract a topic now.

    Follow the job at `/jobs/{job_id}`. A topic without messages has nothing to extract: 200, and no job.
    """
    topic_id = path_uuid(call.path["topic_id"], TopicNotFound)
    return call.write(lambda tx: request_extraction(call, tx, topic_id))


def request_extraction(call: Call, tx: Transaction, topic_id: UUID | None) -> Answer:
    """The answer to a request by hand; None is a conversation without an active topic."""
    job_id = topic_id and call.services.cards.request_extraction(tx, call.user_id, topic_id, call.request_id)
    if not job_id:
        return 200, ExtractNothing().model_dump(mode="json")
    return 202, ExtractQueued(job_id=job_id).model_dump(mode="json")
