"""`/topics/{id}/cards` and extraction by hand."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from chalice.app import Response

from chalicelib.adapters.postgres import Transaction
from chalicelib.api.answers import View, page
from chalicelib.api.card_views import CardPage, TopicCardsQuery, card_view, decode_place, encode_place
from chalicelib.api.requests import path_uuid
from chalicelib.api.resource import Call, Resource
from chalicelib.cards.models import SHOWN
from chalicelib.conversations.errors import TopicNotFound
from chalicelib.jobs.service import Answer

resource = Resource("topic_cards", "cards")


class ExtractQueued(View):
    job_id: UUID


class ExtractNothing(View):
    ok: Literal[True] = True
    reason: Literal["no_messages"] = "no_messages"


@resource.get("/topics/{topic_id}/cards", query=TopicCardsQuery, answers={200: CardPage}, errors=(404,))
def get_topic_cards(call: Call) -> Response:
    """The cards of a topic, in reading order, each with the exact words it rests on.

    With `as_of`, the cards as they were served at that moment, but for what rested on words deleted since.
    """
    return cards_page(call, path_uuid(call.path["topic_id"], TopicNotFound), call.query)


def cards_page(call: Call, topic_id: UUID, query: TopicCardsQuery | None = None) -> Response:
    cursor, limit = call.query.cursor, call.query.limit
    kind, statuses, at = (query.kind, query.statuses, query.as_of) if query else (None, SHOWN, None)
    after = decode_place("cards", cursor)
    found = call.services.cards.of_topic(call.user_id, topic_id, kind, statuses, at, after, limit + 1)
    return page(CardPage, found, limit, card_view, lambda card: encode_place("cards", card))


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
