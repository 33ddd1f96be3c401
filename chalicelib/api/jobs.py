"""`/jobs`: background work, and taking it up again where it was given up."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from chalice.app import Response
from pydantic import Field

from chalicelib.adapters.postgres import Transaction
from chalicelib.api.answers import Timestamp, View, answer, page
from chalicelib.api.requests import Page, cursor_uuid, encode_cursor, path_uuid
from chalicelib.api.resource import Call, Resource
from chalicelib.errors import NotFound
from chalicelib.jobs.models import JobKind
from chalicelib.jobs.service import Answer

resource = Resource("jobs", "extraction")
JobStatus = Literal["queued", "running", "done", "dead"]


class JobView(View):
    job_id: UUID
    kind: str
    subject: UUID = Field(description="The turn, topic or batch item the job is about.")
    status: JobStatus
    attempts: int
    cause: str
    request_id: str
    result: dict[str, Any] | None
    failure_class: str | None
    created_at: Timestamp
    updated_at: Timestamp
    ended_at: Timestamp | None


class JobPage(View):
    items: list[JobView]
    next_cursor: str | None


class JobsQuery(Page):
    status: JobStatus | None = Field(default=None, description="`dead`: given up after too many attempts.")
    kind: JobKind | None = None


@resource.get("/jobs", query=JobsQuery, answers={200: JobPage})
def get_jobs(call: Call) -> Response:
    """Background work, newest first."""
    query: JobsQuery = call.query
    before = cursor_uuid("jobs", query.cursor)
    found = call.services.jobs.jobs(call.user_id, query.status, query.kind, before, query.limit + 1)
    return page(JobPage, found, query.limit, JobView.model_validate, lambda job: encode_cursor("jobs", job.job_id))


@resource.get("/jobs/{job_id}", answers={200: JobView}, errors=(404,))
def get_job(call: Call) -> Response:
    """A piece of background work: its state, attempts and result."""
    job = call.services.jobs.get(call.user_id, path_uuid(call.path["job_id"], NotFound))
    return answer(200, JobView.model_validate(job))


@resource.post("/jobs/{job_id}/redrive", answers={200: JobView}, errors=(404, 409), is_idempotent=True)
def post_job_redrive(call: Call) -> Response:
    """Give a dead job back to the queue.

    Its attempts count from nothing again. Where another extraction of the topic waits already, that one stands for it
    and is the answer. A turn's job is not given back: retry the turn.
    """
    job_id = path_uuid(call.path["job_id"], NotFound)

    def write(tx: Transaction) -> Answer:
        job = call.services.jobs.redrive(tx, call.user_id, job_id)
        return 200, JobView.model_validate(job).model_dump(mode="json")

    return call.write(write)
