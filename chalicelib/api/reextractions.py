"""`/reextractions`: extracting many topics again, and previews of what that would change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal
from uuid import UUID

from chalice.app import Response
from pydantic import Field

from chalicelib.adapters.postgres import Transaction
from chalicelib.api.answers import Timestamp, View, answer, page
from chalicelib.api.requests import Page, cursor_uuid, encode_cursor, path_uuid
from chalicelib.api.resource import Call, Resource
from chalicelib.cards.models import CardKind, CardStatus
from chalicelib.cards.reextraction.errors import BatchNotFound
from chalicelib.cards.reextraction.models import Batch, BatchStatus, ItemStatus, Order
from chalicelib.jobs.service import Answer

resource = Resource("reextractions", "extraction")


class OrderBody(Order):
    dry_run: bool = Field(default=False, description="Start nothing; answer 200 with what it would take.")


class BatchProgress(View):
    """Topics by what has become of them."""

    queued: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    applied: int = 0
    discarded: int = 0


class BatchView(View):
    """`status`: running; ready, a preview to be applied or discarded; applying; done; cancelled; discarded."""

    batch_id: UUID
    status: BatchStatus
    is_preview: bool
    filter: dict[str, Any]
    extractor: str = Field(description="Provider, model, prompt version and rules version of who extracts.")
    topics: int
    progress: BatchProgress
    cards_changed: int = Field(description="For a preview: that would change.")
    tokens: int = Field(description="That models have used for it.")
    request_id: str
    created_at: Timestamp
    ended_at: Timestamp | None


class BatchPage(View):
    items: list[BatchView]
    next_cursor: str | None


class EstimateView(View):
    topics: int
    messages: int
    windows: int
    windows_to_extract: int = Field(description="Those of which the extractor's result is not kept yet.")
    estimated_tokens: int = Field(description="An upper estimate of what goes into the model; 0 for the rules.")


class PlaceView(View):
    message_id: int
    start: int
    end: int


class CardFace(View):
    kind: CardKind
    title: str
    body: str
    status: CardStatus
    citations: list[PlaceView]


class CardChangeView(View):
    """`action`: created, updated, retired, returned, superseded. A created card may get another id when applied."""

    action: str
    card_id: str
    before: CardFace | None
    after: CardFace


class ItemView(View):
    topic_id: UUID
    status: ItemStatus
    job_id: UUID | None
    run_id: UUID | None
    cards_changed: int | None
    tokens: int | None
    failure_class: str | None
    diff: list[CardChangeView] | None = Field(
        description="The first 100 changes of a preview, until it is applied or discarded, or a message that it was "
        "made from is deleted."
    )
    ended_at: Timestamp | None


class ItemPage(View):
    items: list[ItemView]
    next_cursor: str | None


class ItemsQuery(Page):
    limit: int = Field(default=20, ge=1, le=50, description="Items on a page.")
    status: Literal["queued", "running", "done", "failed", "cancelled", "applied", "discarded"] | None = None


def _told(batch: Batch) -> dict[str, Any]:
    return BatchView.model_validate(batch).model_dump(mode="json")


def _batch_id(call: Call) -> UUID:
    return path_uuid(call.path["batch_id"], BatchNotFound)


@resource.post(
    "/reextractions",
    body=OrderBody,
    answers={202: BatchView, 200: EstimateView},
    errors=(404,),
    is_idempotent=True,
)
def post_reextraction(call: Call) -> Response:
    """Extract many topics again.

    Windows that the extractor has extracted before are not extracted again, unless the rules stood in for the model
    there. A preview changes no card: it shows what would change, to be applied or discarded as a whole. Up to 10,000
    topics.
    """
    body: OrderBody = call.body
    service = call.services.reextractions

    def write(tx: Transaction) -> Answer:
        if body.dry_run:
            return 200, EstimateView.model_validate(service.estimate(tx, call.user_id, body)).model_dump(mode="json")
        return 202, _told(service.start(tx, call.user_id, body, call.request_id))

    return call.write(write)


@resource.get("/reextractions", query=Page, answers={200: BatchPage})
def get_reextractions(call: Call) -> Response:
    """Re-extractions, newest first."""
    query: Page = call.query
    before = cursor_uuid("reextractions", query.cursor)
    found = call.services.reextractions.batches(call.user_id, before, query.limit + 1)
    return page(
        BatchPage,
        found,
        query.limit,
        BatchView.model_validate,
        lambda batch: encode_cursor("reextractions", batch.batch_id),
    )


@resource.get("/reextractions/{batch_id}", answers={200: BatchView}, errors=(404,))
def get_reextraction(call: Call) -> Response:
    """One re-extraction, and how far it is."""
    return answer(200, BatchView.model_validate(call.services.reextractions.batch(call.user_id, _batch_id(call))))


@resource.get("/reextractions/{batch_id}/items", query=ItemsQuery, answers={200: ItemPage}, errors=(404,))
def get_reextraction_items(call: Call) -> Response:
    """The topics of a re-extraction; of a preview, with what would change."""
    query: ItemsQuery = call.query
    after = cursor_uuid("reextraction-items", query.cursor)
    status = ItemStatus(query.status) if query.status else None
    found = call.services.reextractions.items(call.user_id, _batch_id(call), status, after, query.limit + 1)
    return page(
        ItemPage,
        found,
        query.limit,
        ItemView.model_validate,
        lambda item: encode_cursor("reextraction-items", item.topic_id),
    )


def _decide(call: Call, act: Callable[[Transaction, UUID, UUID], Batch]) -> Response:
    batch_id = _batch_id(call)
    return call.write(lambda tx: (200, _told(act(tx, call.user_id, batch_id))))


@resource.post("/reextractions/{batch_id}/cancel", answers={200: BatchView}, errors=(404, 409), is_idempotent=True)
def post_reextraction_cancel(call: Call) -> Response:
    """Cancel a re-extraction.

    Topics whose turn has not come are left out; those at work go on to their end.
    """
    return _decide(call, call.services.reextractions.cancel)


@resource.post("/reextractions/{batch_id}/apply", answers={200: BatchView}, errors=(404, 409), is_idempotent=True)
def post_reextraction_apply(call: Call) -> Response:
    """Apply a preview.

    In the background and without calling a model. Where a topic has changed since, what is unchanged of it is applied.
    What you apply of another extractor than the one in use stays until you have it extracted again.
    """
    return _decide(call, call.services.reextractions.apply)


@resource.post("/reextractions/{batch_id}/discard", answers={200: BatchView}, errors=(404, 409), is_idempotent=True)
def post_reextraction_discard(call: Call) -> Response:
    """Discard a preview. No card changes."""
    return _decide(call, call.services.reextractions.discard)
