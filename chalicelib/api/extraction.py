"""`/extract-runs`: what was extracted, why, and how it ended."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from chalice.app import Response
from pydantic import Field

from chalicelib.api.answers import Timestamp, View, answer, page
from chalicelib.api.requests import Page, cursor_uuid, encode_cursor, path_uuid
from chalicelib.api.resource import Call, Resource
from chalicelib.cards.errors import RunNotFound
from chalicelib.cards.models import ExtractRun

resource = Resource("extraction", "extraction")
RunStatus = Literal["running", "finished", "failed", "superseded"]


class ExtractRunView(View):
    """What ran, why, on which messages, and how it ended. `provider` and `model` are what gave the cards; the
    intended ones what should have. `fallback_used` says that the rules stood in, `failure_class` why."""

    run_id: UUID
    topic_id: UUID | None
    status: RunStatus
    cause: str
    source_hash: str = Field(description="SHA-256, hexadecimal.")
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
    cards_dropped: int = Field(description="Cards left out because a quote was not found in the messages.")
    latency_ms: int | None
    input_tokens: int | None
    output_tokens: int | None
    tokens_saved: int = Field(description="What the windows that were not extracted again had cost.")
    agreement: float | None = Field(
        description="How far the model's cards and the rules' rest on the same words, 0 to 1."
    )
    created_at: Timestamp
    ended_at: Timestamp | None
    trace_run_id: UUID | None = Field(
        description="Once it has ended, the run that explains its last attempt: `/runs/{id}`. Null in older ones."
    )


class AttemptView(View):
    attempt: int
    try_no: int
    provider: str
    model: str | None
    failure_class: str | None
    latency_ms: int
    input_tokens: int | None
    output_tokens: int | None
    created_at: Timestamp


class ExtractRunDetailView(ExtractRunView):
    attempts: list[AttemptView]


class ExtractRunPage(View):
    items: list[ExtractRunView]
    next_cursor: str | None


class RunsQuery(Page):
    topic_id: UUID | None = None
    status: RunStatus | None = None


def _run_fields(run: ExtractRun) -> dict[str, Any]:
    fields = {name: getattr(run, name) for name in ExtractRunView.model_fields}
    return {**fields, "source_hash": bytes(run.source_hash).hex()}


@resource.get("/extract-runs", query=RunsQuery, answers={200: ExtractRunPage})
def get_extract_runs(call: Call) -> Response:
    """Extract runs, newest first."""
    query: RunsQuery = call.query
    before = cursor_uuid("extract-runs", query.cursor)
    found = call.services.cards.runs(call.user_id, query.topic_id, query.status, before, query.limit + 1)
    return page(
        ExtractRunPage,
        found,
        query.limit,
        lambda run: ExtractRunView(**_run_fields(run)),
        lambda run: encode_cursor("extract-runs", run.run_id),
    )


@resource.get("/extract-runs/{run_id}", answers={200: ExtractRunDetailView}, errors=(404,))
def get_extract_run(call: Call) -> Response:
    """One extract run, with every try it made."""
    run, attempts = call.services.cards.run(call.user_id, path_uuid(call.path["run_id"], RunNotFound))
    tries = [AttemptView.model_validate(attempt) for attempt in attempts]
    return answer(200, ExtractRunDetailView(**_run_fields(run), attempts=tries))
