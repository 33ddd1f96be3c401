"""`/traces`: taking events in."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from chalice.app import Response
from glia_wire.events import MAX_SEQUENCE
from pydantic import Field

from chalicelib.adapters.postgres import Transaction
from chalicelib.api.answers import View, answer
from chalicelib.api.requests import Body, Name, path_uuid
from chalicelib.api.resource import Call, Resource
from chalicelib.api.run_views import GapsView, RunView, run_view
from chalicelib.jobs.service import Answer
from chalicelib.traces.bodies import read_events
from chalicelib.traces.errors import TraceRunNotFound
from chalicelib.traces.models import Receipt, ReceiptStatus
from chalicelib.traces.schema import Event

resource = Resource("traces", "traces")
LINES = "application/x-ndjson"


class EventsBody(Body):
    """In JSON; as NDJSON, an event a line."""

    events: list[Event] = Field(max_length=20_000)


class ReceiptView(View):
    index: int = Field(description="The event's place in the body, from 0.")
    run_id: UUID | None
    sequence_no: int | None
    status: ReceiptStatus
    code: str | None = Field(description="Why it was rejected.")


class ReceiptsView(View):
    receipts: list[ReceiptView]
    counts: dict[str, int] = Field(description="By status.")


class NewRunBody(Body):
    run_id: Annotated[UUID, Field(strict=False)] | None = Field(default=None, description="Yours, or a new one.")
    name: Name
    service: Name | None = None
    framework: Name | None = None
    tags: list[Name] = Field(default=[], max_length=50)
    parent_run_id: Annotated[UUID, Field(strict=False)] | None = None
    parent_step_id: Annotated[UUID, Field(strict=False)] | None = None


class CompletionBody(Body):
    last_sequence_no: int = Field(
        ge=0, lt=MAX_SEQUENCE, description="Of your last event. `run.completed` comes after it."
    )
    status: Literal["completed", "failed"] = "completed"


class SigningKeyView(View):
    key_id: str
    key: str = Field(description="Of HMAC-SHA256, in hex; its text is the key.")


@resource.get("/keys/signing", answers={200: SigningKeyView})
def get_signing_key(call: Call) -> Response:
    """Your own key of call signatures.

    `glia login` keeps it for the SDK, which signs calls before redaction; the server never does. Keep it as you keep
    your token: with it somebody could tell whether a guess is what you asked.
    """
    key_id, key = call.services.traces.signing_key(call.user_id)
    return answer(200, SigningKeyView(key_id=key_id, key=key))


@resource.post(
    "/traces/events", body=EventsBody, answers={200: ReceiptsView}, media=("application/json", LINES)
)  # fmt: skip
def post_trace_events(call: Call) -> Response:
    """Take events in.

    A batch of up to 20,000 events, of any runs, in any order, as JSON or NDJSON, with `Content-Encoding: gzip` if you
    like (6 MB as sent, 32 MB unpacked). Every event gets its receipt: `accepted`; `duplicate`, if it is there already;
    `held`, if numbers before it are missing; or `rejected` with its code. One bad event never loses its batch.
    """
    headers = call.request.headers
    media = (headers.get("content-type") or "").partition(";")[0].strip().lower()
    encoding = (headers.get("content-encoding") or "identity").strip().lower()
    events = read_events(call.raw_body, is_gzip=encoding == "gzip", is_lines=media == LINES)
    with call.services.db.user(call.user_id) as tx:
        receipts = call.services.traces.take(tx, call.user_id, events)
    return answer(200, presented(receipts))


def presented(receipts: list[Receipt]) -> ReceiptsView:
    """The receipts and their counts."""
    counts = {"accepted": 0, "duplicate": 0, "held": 0, "rejected": 0}
    for receipt in receipts:
        counts[receipt.status] += 1
    return ReceiptsView.model_validate({"receipts": receipts, "counts": counts}, from_attributes=True)


@resource.post("/traces/runs", body=NewRunBody, answers={201: RunView}, is_idempotent=True)
def post_trace_run(call: Call) -> Response:
    """Begin a run.

    Writes its `run.started` as event 0. A run that is there already stays as it is and is the answer.
    """
    body: NewRunBody = call.body
    words: dict[str, Any] = body.model_dump(mode="json", exclude={"run_id", "name"}, exclude_none=True)

    def write(tx: Transaction) -> Answer:
        run_id = call.services.traces.begin(tx, call.user_id, body.run_id, body.name, words)
        return 201, run_view(call.services.runs.now(tx, call.user_id, run_id)).model_dump(mode="json")

    return call.write(write)


@resource.post(
    "/traces/runs/{trace_run_id}/complete", body=CompletionBody, answers={200: RunView}, is_idempotent=True,
    errors=(404, 409),
)  # fmt: skip
def post_trace_run_complete(call: Call) -> Response:
    """End a run.

    Writes its `run.completed` right after your last event. Gaps may still fill for a while; without any, the run closes
    at once. Said twice, it is the same; said otherwise, 409 `sequence_conflict`.
    """
    body: CompletionBody = call.body
    run_id = path_uuid(call.path["trace_run_id"], TraceRunNotFound)

    def write(tx: Transaction) -> Answer:
        call.services.traces.complete(tx, call.user_id, run_id, body.last_sequence_no, body.status)
        return 200, run_view(call.services.runs.now(tx, call.user_id, run_id)).model_dump(mode="json")

    return call.write(write)


@resource.get("/traces/runs/{trace_run_id}/gaps", answers={200: GapsView}, errors=(404,))
def get_trace_run_gaps(call: Call) -> Response:
    """What is missing of a run.

    Stretches of sequence numbers that have not come, up to the last one known of; the first 1000 of them.
    """
    run_id = path_uuid(call.path["trace_run_id"], TraceRunNotFound)
    run, gaps = call.services.runs.gaps(call.user_id, run_id)
    return answer(200, GapsView.of(run, gaps))
