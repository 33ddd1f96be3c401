"""`/topics`."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from chalice.app import Response
from pydantic import Field, model_validator

from chalicelib.adapters.postgres import Transaction
from chalicelib.api.answers import Timestamp, View, answer, page
from chalicelib.api.requests import Body, Name, Page, cursor_int, cursor_uuid, encode_cursor, path_uuid
from chalicelib.api.resource import Call, Resource
from chalicelib.conversations.errors import TopicNotFound
from chalicelib.jobs.service import Answer

resource = Resource("topics", "topics")
TopicStatus = Literal["active", "archived"]


class TopicView(View):
    topic_id: UUID
    title: str = Field(description="Yours, or the opening of the first message.")
    status: TopicStatus
    is_active: bool = Field(description="Whether the next message goes here unless it says otherwise.")
    message_count: int
    merged_into: UUID | None = Field(description="Where all its messages went, until it is used again.")
    created_at: Timestamp
    updated_at: Timestamp


class TopicPage(View):
    items: list[TopicView]
    next_cursor: str | None


class TopicsQuery(Page):
    status: TopicStatus | None = None


class NewTopicBody(Body):
    title: Name | None = None


class TopicChanges(Body):
    title: Name | None = None
    status: TopicStatus | None = Field(default=None, description="`archived` puts it away; if active, none is then.")
    is_active: bool | None = Field(default=None, description="`true` makes it the active topic, and unarchives it.")

    @model_validator(mode="after")
    def _says_something(self) -> TopicChanges:
        if self.title is None and self.status is None and self.is_active is None:
            raise ValueError("say what to change: title, status or is_active")
        if self.is_active and self.status == "archived":
            raise ValueError("an archived topic cannot be the active one")
        return self


class RouterRunView(View):
    message_id: int
    policy: str
    rule: str
    signals: dict[str, Any]
    from_topic_id: UUID | None
    to_topic_id: UUID
    created_at: Timestamp
    trace_run_id: UUID | None = Field(
        description="The run of the turn, of which the decision is a step; null for imported and older messages."
    )


class RouterRunPage(View):
    items: list[RouterRunView]
    next_cursor: str | None


@resource.get("/topics", query=TopicsQuery, answers={200: TopicPage})
def get_topics(call: Call) -> Response:
    """Your topics, newest first."""
    query: TopicsQuery = call.query
    before = cursor_uuid("topics", query.cursor)
    found = call.services.conversations.topics(call.user_id, query.status, before, query.limit + 1)
    return page(TopicPage, found, query.limit, TopicView.model_validate, lambda t: encode_cursor("topics", t.topic_id))


@resource.post("/topics", body=NewTopicBody, answers={201: TopicView}, is_idempotent=True)
def post_topic(call: Call) -> Response:
    """Open a topic. It becomes the active one."""
    title = call.body.title

    def write(tx: Transaction) -> Answer:
        topic = call.services.conversations.create_topic(tx, call.user_id, title)
        return 201, TopicView.model_validate(topic).model_dump(mode="json")

    return call.write(write)


@resource.get("/topics/{topic_id}", answers={200: TopicView}, errors=(404,))
def get_topic(call: Call) -> Response:
    """One topic."""
    topic_id = path_uuid(call.path["topic_id"], TopicNotFound)
    return answer(200, TopicView.model_validate(call.services.conversations.topic(call.user_id, topic_id)))


@resource.patch("/topics/{topic_id}", body=TopicChanges, answers={200: TopicView}, errors=(404,))
def patch_topic(call: Call) -> Response:
    """Rename a topic, archive or unarchive it, make it active."""
    topic_id = path_uuid(call.path["topic_id"], TopicNotFound)
    changes: TopicChanges = call.body
    topic = call.services.conversations.update_topic(
        call.user_id, topic_id, title=changes.title, status=changes.status, active=changes.is_active
    )
    return answer(200, TopicView.model_validate(topic))


@resource.get("/topics/{topic_id}/router-runs", query=Page, answers={200: RouterRunPage}, errors=(404,))
def get_router_runs(call: Call) -> Response:
    """Why each message came into this topic, oldest first."""
    topic_id = path_uuid(call.path["topic_id"], TopicNotFound)
    after, limit = cursor_int("router-runs", call.query.cursor), call.query.limit
    found = call.services.conversations.router_runs(call.user_id, topic_id, after, limit + 1)
    return page(
        RouterRunPage, found, limit, RouterRunView.model_validate, lambda r: encode_cursor("router-runs", r.message_id)
    )
