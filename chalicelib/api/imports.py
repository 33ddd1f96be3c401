"""`POST /imports`: history that was written elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from chalice.app import Response
from pydantic import AwareDatetime, Field

from chalicelib.adapters.postgres import Transaction
from chalicelib.api.answers import View
from chalicelib.api.requests import Body, Name, Text
from chalicelib.api.resource import Call, Resource
from chalicelib.conversations.imports.models import ImportedMessage
from chalicelib.jobs.service import Answer

resource = Resource("imports", "imports")
MAX_BATCH = 500


class ImportMessage(Body):
    key: Annotated[Text, Field(min_length=1, max_length=200)] = Field(
        description="The message's id in the source, or its place in it: the same key is never imported twice."
    )
    role: Annotated[str, Field(max_length=50)] = Field(description="`user` or `assistant`; others are skipped.")
    content: str
    topic: Name | None = Field(default=None, description="Name of its topic; without one, the source is the topic.")
    created_at: AwareDatetime | None = Field(default=None, description="When it was written; kept.")


class ImportBody(Body):
    source: Name = Field(description="Where the history is from; keys and topics belong to it.")
    messages: list[ImportMessage] = Field(min_length=1, max_length=MAX_BATCH, description="In their order.")


class SkippedView(View):
    index: int
    reason: Literal["blank", "too_long", "role", "characters", "time"]


class ImportView(View):
    imported: int
    duplicates: int = Field(description="Messages that an earlier try had imported.")
    skipped: list[SkippedView]
    topic_ids: list[UUID]


@resource.post("/imports", body=ImportBody, answers={200: ImportView}, is_idempotent=True)
def post_import(call: Call) -> Response:
    """Import a batch of messages.

    Order and times are kept, every message lands in the topic it names, each topic is extracted in the background.
    A batch may be sent twice: what is there already is counted as duplicate. Up to 500 messages a batch. 503 with
    Retry-After while the background work is behind.
    """
    body: ImportBody = call.body
    imports = call.services.imports
    imports.check_queues()
    messages = [_message(message, body.source) for message in body.messages]

    def write(tx: Transaction) -> Answer:
        report = imports.take(tx, call.user_id, body.source, messages, call.request_id)
        return 200, ImportView.model_validate(report).model_dump(mode="json")

    return call.write(write)


def _message(message: ImportMessage, source: str) -> ImportedMessage:
    moment: datetime | None = message.created_at.astimezone(UTC) if message.created_at else None
    return ImportedMessage(message.key, message.role, message.content, message.topic or source, moment)
