"""`/runs`: looking at what was captured."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from chalice.app import Response
from pydantic import AwareDatetime, Field

from chalicelib.adapters.postgres import Transaction
from chalicelib.api.answers import answer, empty, page
from chalicelib.api.requests import Body, Name, Page, Query, Text, cursor_int, cursor_parts, encode_cursor, path_uuid
from chalicelib.api.resource import Call, Resource
from chalicelib.api.run_views import (
    BundleView,
    RunPage,
    RunView,
    StepDetailView,
    TimelineView,
    TraceEventPage,
    contents_view,
    event_view,
    run_view,
    step_view,
)
from chalicelib.jobs.service import Answer
from chalicelib.traces.errors import TraceRunNotFound, TraceStepNotFound
from chalicelib.traces.runs.models import Filter, Run

resource = Resource("runs", "runs")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEGINNING = -1


class RunsQuery(Page):
    status: Literal["running", "completed", "failed", "partial"] | None = None
    kind: Text | None = Field(default=None, description="Runs with a step of this kind.")
    model: Text | None = Field(default=None, description="Runs with a step by this model.")
    tag: Text | None = None
    origin: Literal["glia", "programs"] | None = Field(default=None, description="Glia's own runs, or all others.")
    health: Text | None = Field(default=None, description="`ok`, `flagged`, or one flag.")
    since: AwareDatetime | None = Field(default=None, description="Started at or after.")
    until: AwareDatetime | None = Field(default=None, description="Started before.")
    min_cost: float | None = Field(default=None, ge=0, le=1e9, allow_inf_nan=False)


class TimelineQuery(Query):
    level: int | None = Field(default=None, ge=0, le=12, description="The finest that fits if you leave it out.")
    first: int = Field(default=0, ge=0, le=2**31, alias="from", description="Position of the first step.")
    last: int | None = Field(default=None, ge=0, le=2**31, alias="to", description="Position of the last step.")


class EventsQuery(Page):
    step_id: UUID | None = None


class OverrideBody(Body):
    reason: Name = Field(description="Why the run may be exported and replayed nevertheless; kept, redacted.")


@resource.get("/runs", query=RunsQuery, answers={200: RunPage})
def get_runs(call: Call) -> Response:
    """Your runs, the last received first."""
    query: RunsQuery = call.query
    wanted = Filter(
        status=query.status, kind=query.kind, model=query.model, tag=query.tag, origin=query.origin,
        health=query.health, since=query.since, until=query.until, min_cost=query.min_cost,
    )  # fmt: skip
    found = call.services.runs.runs(call.user_id, wanted, _before(query.cursor), query.limit + 1)
    return page(RunPage, found, query.limit, run_view, _cursor)


def _before(cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    micros, run_id = cursor_parts("runs", cursor, r"([0-9]{1,17}):([0-9a-f]{32})")
    return datetime.fromtimestamp(int(micros) // 1_000_000, UTC).replace(microsecond=int(micros) % 1_000_000), UUID(
        run_id
    )


def _cursor(run: Run) -> str:
    passed = run.received_at - EPOCH
    micros = (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
    return encode_cursor("runs", f"{micros}:{run.run_id.hex}")


@resource.get("/runs/{trace_run_id}", answers={200: RunView}, errors=(404,))
def get_run(call: Call) -> Response:
    """One run."""
    return answer(200, run_view(call.services.runs.get(call.user_id, _run_id(call))))


@resource.get("/runs/{trace_run_id}/timeline", query=TimelineQuery, answers={200: TimelineView}, errors=(404,))
def get_run_timeline(call: Call) -> Response:
    """A run's steps in columns.

    One row a step at level 0; at level n, 4 to the n steps in a row are added up. An answer has at most 12,000 rows:
    without `level`, the finest that fits.
    """
    query: TimelineQuery = call.query
    run, window, shown = call.services.runs.timeline(call.user_id, _run_id(call), query.level, query.first, query.last)
    view = TimelineView.model_construct(
        run=run_view(run), level=window.level, bucket=window.size, first=window.first, count=window.count, **shown
    )
    return answer(200, view)


@resource.get("/runs/{trace_run_id}/steps/{step_id}", answers={200: StepDetailView}, errors=(404,))
def get_run_step(call: Call) -> Response:
    """One step with its inputs and outputs.

    Named by its id, or by the sequence number that the timeline has for it.
    """
    named = call.path["step_id"]
    step = (
        int(named) if named.isascii() and named.isdigit() and len(named) < 17 else path_uuid(named, TraceStepNotFound)
    )
    return answer(200, step_view(call.services.runs.step(call.user_id, _run_id(call), step)))


@resource.get("/runs/{trace_run_id}/events", query=EventsQuery, answers={200: TraceEventPage}, errors=(404,))
def get_run_events(call: Call) -> Response:
    """A run's events in their order.

    Those that are held are not shown. A page may end before `limit`, when it holds much.
    """
    run_id, query = _run_id(call), call.query
    found = call.services.runs.events(call.user_id, run_id, query.step_id, _after(query.cursor), query.limit)
    items = [event_view(run_id, event, found.bodies) for event in found.events]
    next_cursor = encode_cursor("run-events", found.events[-1].sequence_no) if found.has_more else None
    return answer(200, TraceEventPage(items=items, next_cursor=next_cursor))


@resource.get("/runs/{trace_run_id}/export", query=Page, answers={200: BundleView}, errors=(404, 409))
def get_run_export(call: Call) -> Response:
    """A run as a bundle, in parts.

    Events with the hashes of their contents, and the contents once a part. 409 `privacy_risk` for a run that may hold
    what should have been redacted, until somebody has recorded why it may go out nevertheless.
    """
    run_id, query = _run_id(call), call.query
    run, found = call.services.runs.bundle(call.user_id, run_id, _after(query.cursor), query.limit)
    view = BundleView(
        run=run_view(run),
        events=[event_view(run_id, event, found.bodies, by_name=True) for event in found.events],
        contents=contents_view(found.bodies),
        next_cursor=encode_cursor("run-events", found.events[-1].sequence_no) if found.has_more else None,
    )
    return answer(200, view)


@resource.post(
    "/runs/{trace_run_id}/privacy-override", body=OverrideBody, answers={200: RunView}, is_idempotent=True,
    errors=(404, 409),
)  # fmt: skip
def post_run_privacy_override(call: Call) -> Response:
    """Record why a privacy-risk run may be exported and replayed."""
    run_id, reason = _run_id(call), call.body.reason

    def write(tx: Transaction) -> Answer:
        run = call.services.runs.override(tx, call.user_id, run_id, reason)
        return 200, run_view(run).model_dump(mode="json")

    return call.write(write)


@resource.delete("/runs/{trace_run_id}", answers={204: None}, errors=(404,))
def delete_run(call: Call) -> Response:
    """Erase a run: its events, its steps, and the contents that no other run uses."""
    call.services.runs.delete(call.user_id, _run_id(call))
    return empty()


def _run_id(call: Call) -> UUID:
    return path_uuid(call.path["trace_run_id"], TraceRunNotFound)


def _after(cursor: str | None) -> int:
    return BEGINNING if cursor is None else cursor_int("run-events", cursor)
