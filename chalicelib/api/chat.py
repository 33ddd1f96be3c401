"""`/chat` and `/turns`: sending a message and following the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from chalice.app import Response
from pydantic import Field

from chalicelib.adapters.postgres import Transaction
from chalicelib.api.answers import Timestamp, View, answer, empty
from chalicelib.api.requests import Body, Query, Text, path_uuid
from chalicelib.api.resource import Call, Resource
from chalicelib.conversations.errors import TurnNotFound
from chalicelib.conversations.models import MAX_MESSAGE
from chalicelib.conversations.turns.models import Turn, TurnEvent
from chalicelib.errors import BadRequest
from chalicelib.jobs.service import Answer

resource = Resource("chat", "chat")
RETRY_MS = 500  # what an SSE client is told to wait before it asks again
EVENT_STREAM = "text/event-stream; charset=utf-8"


class ChatBody(Body):
    message: Text = Field(
        description="1 to 100,000 characters, not all blank.",
        json_schema_extra={"minLength": 1, "maxLength": MAX_MESSAGE, "pattern": r"\S"},
    )
    topic_id: UUID | None = Field(default=None, description="An explicit topic always wins; it becomes the active one.")
    client_message_id: Annotated[Text, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Your own id of the message: sent again, it gets the first answer."
    )


class RoutingView(View):
    rule: str
    policy: str


class AcceptedView(View):
    turn_id: UUID
    message_id: int
    topic_id: UUID
    routing: RoutingView
    events_url: str


class TurnView(View):
    turn_id: UUID
    topic_id: UUID
    user_message_id: int | None
    assistant_message_id: int | None
    retry_of: UUID | None
    status: Literal["queued", "running", "completed", "failed"]
    attempt: int
    provider: str | None
    model: str | None
    failure_class: str | None
    input_tokens: int | None
    output_tokens: int | None
    created_at: Timestamp
    ended_at: Timestamp | None
    trace_run_id: UUID | None = Field(
        description="Once it has ended, the run that explains it: `/runs/{id}`. Null in older turns."
    )
    events_url: str


class EventsQuery(Query):
    after: int | None = Field(default=None, ge=0, lt=2**31, description="Sequence number; as Last-Event-ID.")
    hold: float | None = Field(default=None, ge=0, le=25, description="Seconds to wait for an event, at most.")


class InvalidLastEventId(BadRequest):
    """Last-Event-ID is the id of an event of this turn: a number."""

    code = "last_event_id_invalid"


def _turn(call: Call, turn: Turn) -> TurnView:
    fields = {name: getattr(turn, name) for name in TurnView.model_fields if name != "events_url"}
    return TurnView(**fields, events_url=_events_url(call, turn.turn_id))


def _events_url(call: Call, turn_id: UUID) -> str:
    return f"{call.prefix}/turns/{turn_id}/events"


@resource.post("/chat", body=ChatBody, answers={202: AcceptedView}, errors=(404, 409, 413, 429), is_idempotent=True)
def post_chat(call: Call) -> Response:
    """Send a message.

    It is routed to exactly one topic and kept; the answer is written in the background. Follow it at `events_url`.
    """
    body: ChatBody = call.body

    def write(tx: Transaction) -> Answer:
        accepted = call.services.turns.start(
            tx,
            call.user_id,
            body.message,
            topic_id=body.topic_id,
            client_message_id=body.client_message_id,
            request_id=call.request_id,
        )
        view = AcceptedView(
            turn_id=accepted.turn_id,
            message_id=accepted.message_id,
            topic_id=accepted.topic_id,
            routing=RoutingView(rule=accepted.rule, policy=accepted.policy),
            events_url=_events_url(call, accepted.turn_id),
        )
        return 202, view.model_dump(mode="json")

    response = call.write(write)
    call.services.meter.count("Accepted")
    return response


@resource.get("/turns/{turn_id}", answers={200: TurnView}, errors=(404,))
def get_turn(call: Call) -> Response:
    """A turn: its state, and what came of it."""
    turn = call.services.turns.get(call.user_id, path_uuid(call.path["turn_id"], TurnNotFound))
    return answer(200, _turn(call, turn))


@resource.get(
    "/turns/{turn_id}/events", query=EventsQuery, answers={200: "text/event-stream", 204: None}, errors=(404,)
)
def get_turn_events(call: Call) -> Response:
    """Follow a turn, as server-sent events.

    `turn.started`, `message.delta` (any number), then exactly one of `turn.completed` or `turn.failed`. The `id` of an
    event is its sequence number; continue after one with `Last-Event-ID` or `?after=`. Another `turn.started` means
    that another attempt began: drop the deltas before it. Behind API Gateway this is long polling in SSE format: the
    answer holds until there is something to tell, tells it, and ends with `retry:`. After the final event it is 204.
    """
    turn_id = path_uuid(call.path["turn_id"], TurnNotFound)
    after = _after(call)
    hold = call.services.settings.events_hold if call.query.hold is None else call.query.hold
    events = call.services.turns.events(call.user_id, turn_id, after, hold)
    if events is None:
        return empty(204)
    return Response(_sse(events), {"Content-Type": EVENT_STREAM, "Cache-Control": "no-store"}, 200)


def _after(call: Call) -> int:
    if call.query.after is not None:
        return int(call.query.after)
    last = call.request.headers.get("last-event-id") or "0"
    if not re.fullmatch(r"[0-9]{1,9}", last):
        raise InvalidLastEventId()
    return int(last)


def _sse(events: Sequence[TurnEvent]) -> str:
    if not events:
        return f"retry: {RETRY_MS}\n: nothing new yet\n\n"
    blocks = [f"id: {e.seq}\nevent: {e.type}\ndata: {json.dumps(e.data)}\n\n" for e in events]
    return f"retry: {RETRY_MS}\n\n" + "".join(blocks)


@resource.post("/turns/{turn_id}/retry", answers={202: TurnView}, errors=(404, 409, 429), is_idempotent=True)
def post_turn_retry(call: Call) -> Response:
    """Try a failed turn again: a new turn on the same message."""
    turn_id = path_uuid(call.path["turn_id"], TurnNotFound)

    def write(tx: Transaction) -> Answer:
        turn = call.services.turns.retry(tx, call.user_id, turn_id, call.request_id)
        return 202, _turn(call, turn).model_dump(mode="json")

    return call.write(write)


@resource.post("/turns/{turn_id}/cancel", answers={200: TurnView}, errors=(404, 409), is_idempotent=True)
def post_turn_cancel(call: Call) -> Response:
    """End a turn that is still queued or running; it fails with class `cancelled`."""
    turn_id = path_uuid(call.path["turn_id"], TurnNotFound)

    def write(tx: Transaction) -> Answer:
        turn = call.services.turns.cancel(tx, call.user_id, turn_id, call.request_id)
        return 200, _turn(call, turn).model_dump(mode="json")

    return call.write(write)
