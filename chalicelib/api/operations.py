"""`/topic-operations`, and the requests that make one: merging, splitting, moving messages."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from chalice.app import Response
from pydantic import Field

from chalicelib.adapters.postgres import Transaction
from chalicelib.api.answers import Timestamp, View, answer, page
from chalicelib.api.requests import Body, Name, Page, cursor_uuid, encode_cursor, path_uuid
from chalicelib.api.resource import Call, Resource
from chalicelib.conversations.errors import OperationNotFound, TopicNotFound
from chalicelib.conversations.operations.models import Operation, OperationKind
from chalicelib.jobs.service import Answer

resource = Resource("operations", "topics")
MAX_MOVED = 500
MessageId = Annotated[int, Field(ge=1, lt=10**18)]


class OperationView(View):
    operation_id: UUID
    kind: OperationKind
    from_topic_id: UUID | None = Field(description="Null for messages that came from several topics, or from none.")
    to_topic_id: UUID
    message_count: int = Field(description="Messages that were moved.")
    request_id: str
    created_at: Timestamp
    undone_at: Timestamp | None
    undone_moved: int | None = Field(description="Messages that were moved back.")
    undone_skipped: int | None = Field(description="Messages that had been deleted, or moved elsewhere, before.")


class OperationPage(View):
    items: list[OperationView]
    next_cursor: str | None


class OperationsQuery(Page):
    topic_id: UUID | None = Field(default=None, description="Only those that took from this topic or gave to it.")


class MergeBody(Body):
    into_topic_id: UUID = Field(description="The topic that gets the messages.")


class SplitBody(Body):
    message_id: MessageId = Field(description="The first message of the new topic.")
    title: Name | None = Field(default=None, description="Of the new topic.")


class MoveMessagesBody(Body):
    message_ids: list[MessageId] = Field(min_length=1, max_length=MAX_MOVED, description="From whatever topics.")


def _made(operation: Operation) -> Answer:
    return 201, OperationView.model_validate(operation).model_dump(mode="json")


@resource.post(
    "/topics/{topic_id}/merge", body=MergeBody, answers={201: OperationView}, errors=(404,), is_idempotent=True
)
def post_topic_merge(call: Call) -> Response:
    """Merge a topic into another.

    All its messages go there; the emptied topic is archived and says where they went. If it was the active one, the
    other is now. Both are extracted again.
    """
    topic_id, into_id = path_uuid(call.path["topic_id"], TopicNotFound), call.body.into_topic_id

    def write(tx: Transaction) -> Answer:
        return _made(call.services.operations.merge(tx, call.user_id, topic_id, into_id, call.request_id))

    return call.write(write)


@resource.post(
    "/topics/{topic_id}/split", body=SplitBody, answers={201: OperationView}, errors=(404,), is_idempotent=True
)
def post_topic_split(call: Call) -> Response:
    """Split a topic at a message.

    That message and all later ones of the topic go to a new topic, which is active if the old one was. Both are
    extracted again.
    """
    topic_id, body = path_uuid(call.path["topic_id"], TopicNotFound), call.body

    def write(tx: Transaction) -> Answer:
        operations = call.services.operations
        return _made(operations.split(tx, call.user_id, topic_id, body.message_id, body.title, call.request_id))

    return call.write(write)


@resource.post(
    "/topics/{topic_id}/messages",
    body=MoveMessagesBody,
    answers={201: OperationView},
    errors=(404,),
    is_idempotent=True,
)
def post_topic_messages(call: Call) -> Response:
    """Move messages into a topic.

    From whatever topics they are in; all or none. Up to 500. Every topic that loses or gets one is extracted again.
    """
    topic_id, message_ids = path_uuid(call.path["topic_id"], TopicNotFound), call.body.message_ids

    def write(tx: Transaction) -> Answer:
        return _made(call.services.operations.move(tx, call.user_id, topic_id, message_ids, call.request_id))

    return call.write(write)


@resource.get("/topic-operations", query=OperationsQuery, answers={200: OperationPage})
def get_topic_operations(call: Call) -> Response:
    """Merges, splits and moves, newest first."""
    query: OperationsQuery = call.query
    before = cursor_uuid("topic-operations", query.cursor)
    found = call.services.operations.operations(call.user_id, query.topic_id, before, query.limit + 1)
    return page(
        OperationPage,
        found,
        query.limit,
        OperationView.model_validate,
        lambda operation: encode_cursor("topic-operations", operation.operation_id),
    )


@resource.get("/topic-operations/{operation_id}", answers={200: OperationView}, errors=(404,))
def get_topic_operation(call: Call) -> Response:
    """One merge, split or move."""
    operation_id = path_uuid(call.path["operation_id"], OperationNotFound)
    return answer(200, OperationView.model_validate(call.services.operations.operation(call.user_id, operation_id)))


@resource.post(
    "/topic-operations/{operation_id}/undo", answers={200: OperationView}, errors=(404, 409), is_idempotent=True
)
def post_topic_operation_undo(call: Call) -> Response:
    """Undo a merge, split or move.

    Messages that still are where it put them go back; the answer counts those and the others. The topic of a merge is
    what it was; the new topic of a split is archived if nothing else came into it. Once: 409 after that.
    """
    operation_id = path_uuid(call.path["operation_id"], OperationNotFound)

    def write(tx: Transaction) -> Answer:
        undone = call.services.operations.undo(tx, call.user_id, operation_id, call.request_id)
        return 200, OperationView.model_validate(undone).model_dump(mode="json")

    return call.write(write)
