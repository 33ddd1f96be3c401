"""`/cards`: reading cards of all topics, and what users do to them."""

from __future__ import annotations

import re
from collections.abc import Callable

from chalice.app import Response

from chalicelib.adapters.postgres import Transaction
from chalicelib.api.answers import answer, empty, page
from chalicelib.api.card_views import (
    CardChanges,
    CardHistory,
    CardPage,
    CardsQuery,
    CardView,
    card_view,
    decode_place,
    encode_place,
    etag,
    version_view,
)
from chalicelib.api.requests import Page, cursor_int, encode_cursor, path_text
from chalicelib.api.resource import Call, Resource
from chalicelib.cards import edits
from chalicelib.cards.errors import CardChanged, CardNotFound
from chalicelib.cards.merge import CardState
from chalicelib.cards.models import Card
from chalicelib.errors import BadRequest
from chalicelib.jobs.service import Answer

resource = Resource("cards", "cards")


class InvalidIfMatch(BadRequest):
    """If-Match holds one ETag of a card, such as "3", or *."""

    code = "if_match_invalid"


@resource.get("/cards", query=CardsQuery, answers={200: CardPage})
def get_cards(call: Call) -> Response:
    """Cards of all your topics, newest evidence first."""
    query: CardsQuery = call.query
    after = decode_place("all-cards", query.cursor)
    found = call.services.cards.of_user(
        call.user_id, query.topic_id, query.kind, query.statuses, after, query.limit + 1
    )  # fmt: skip
    return page(CardPage, found, query.limit, card_view, lambda card: encode_place("all-cards", card))


@resource.get("/cards/{card_id}", answers={200: CardView}, errors=(404,))
def get_card(call: Call) -> Response:
    """One card. Its ETag goes into `If-Match` of an edit."""
    card = call.services.cards.card(call.user_id, _card_id(call))
    return answer(200, card_view(card), {"ETag": etag(card)})


@resource.get("/cards/{card_id}/history", query=Page, answers={200: CardHistory}, errors=(404,))
def get_card_history(call: Call) -> Response:
    """Every state the card was in, oldest first."""
    after, limit = cursor_int("card-history", call.query.cursor), call.query.limit
    found = call.services.cards.history(call.user_id, _card_id(call), after, limit + 1)
    return page(CardHistory, found, limit, version_view, lambda v: encode_cursor("card-history", v.version))


@resource.patch("/cards/{card_id}", body=CardChanges, answers={200: CardView}, errors=(404, 409))
def patch_card(call: Call) -> Response:
    """Edit a card.

    What you set stays yours through every extraction; newer words of the extraction stand beside it as a suggestion.
    With `If-Match`, an edit of a card that has changed meanwhile is refused with 409 and the card as it is.
    """
    changes: CardChanges = call.body
    with call.services.db.user(call.user_id) as tx:
        card = _change(call, tx, "edited", lambda card: edits.edited(card, changes.fields))
    return answer(200, card_view(card), {"ETag": etag(card)})


@resource.delete("/cards/{card_id}", answers={204: None}, errors=(404, 409))
def delete_card(call: Call) -> Response:
    """Delete a card for good: no extraction brings it back, however worded. It can be restored."""
    with call.services.db.user(call.user_id) as tx:
        _change(call, tx, "deleted", edits.deleted)
    return empty()


@resource.post("/cards/{card_id}/restore", answers={200: CardView}, errors=(404, 409), is_idempotent=True)
def post_card_restore(call: Call) -> Response:
    """Take a deleted card back."""

    def write(tx: Transaction) -> Answer:
        try:
            card = call.services.cards.restore(tx, call.user_id, _card_id(call), call.request_id, _if_match(call))
        except CardChanged as error:
            raise _with_card(error) from None
        return 200, card_view(card).model_dump(mode="json")

    return call.write(write)


@resource.post("/cards/{card_id}/pin", answers={200: CardView}, errors=(404, 409), is_idempotent=True)
def post_card_pin(call: Call) -> Response:
    """Pin a card: it stays, whether it is found again or not."""
    return _act(call, "pinned", lambda card: edits.pinned(card, True))


@resource.post("/cards/{card_id}/unpin", answers={200: CardView}, errors=(404, 409), is_idempotent=True)
def post_card_unpin(call: Call) -> Response:
    """Unpin a card."""
    return _act(call, "unpinned", lambda card: edits.pinned(card, False))


@resource.post("/cards/{card_id}/accept-suggestion", answers={200: CardView}, errors=(404, 409), is_idempotent=True)
def post_card_accept_suggestion(call: Call) -> Response:
    """Take the suggested words; these fields follow the extraction again."""
    return _act(call, "suggestion_accepted", edits.accepted)


@resource.post("/cards/{card_id}/dismiss-suggestion", answers={200: CardView}, errors=(404, 409), is_idempotent=True)
def post_card_dismiss_suggestion(call: Call) -> Response:
    """Keep your words; the same suggestion is not made again."""
    return _act(call, "suggestion_dismissed", edits.dismissed)


def _card_id(call: Call) -> str:
    return path_text(call.path["card_id"], CardNotFound)


def _act(call: Call, action: str, act: Callable[[CardState], CardState]) -> Response:
    def write(tx: Transaction) -> Answer:
        return 200, card_view(_change(call, tx, action, act)).model_dump(mode="json")

    return call.write(write)


def _change(call: Call, tx: Transaction, action: str, act: Callable[[CardState], CardState]) -> Card:
    try:
        return call.services.cards.change(tx, call.user_id, _card_id(call), action, act, _if_match(call))
    except CardChanged as error:
        raise _with_card(error) from None


def _with_card(error: CardChanged) -> CardChanged:
    error.details["card"] = error.card and card_view(error.card).model_dump(mode="json")
    return error


def _if_match(call: Call) -> int | None:
    given: str | None = call.request.headers.get("if-match")
    if given is None or given.strip() == "*":
        return None
    found = re.fullmatch(r'(?:W/)?"([0-9]{1,9})"', given.strip())
    if not found:
        raise InvalidIfMatch()
    return int(found[1])
