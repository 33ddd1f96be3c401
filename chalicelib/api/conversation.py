"""`/conversation` and `/messages`; and the older conversation-scoped routes, which speak of the active topic."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from chalice.app import Response
from pydantic import Field

from chalicelib.adapters.postgres import Transaction
from chalicelib.api.answers import Timestamp, View, answer, empty, page
from chalicelib.api.card_views import CardPage
from chalicelib.api.requests import Body, Page, cursor_int, encode_cursor, path_int
from chalicelib.api.resource import Call, Resource
from chalicelib.api.topic_cards import ExtractNothing, ExtractQueued, cards_page, request_extraction
from chalicelib.conversations.errors import MessageNotFound
from chalicelib.jobs.service import Answer

resource = Resource("conversation", "conversation")


class ConversationView(View):
    conversation_id: str
    active_topic_id: UUID | None


class MessageView(View):
    message_id: int
    topic_id: UUID
    role: Literal["user", "assistant"]
    content: str
    created_at: Timestamp


class MessagePage(View):
    items: list[MessageView]
    next_cursor: str | None


class MessagesQuery(Page):
    topic_id: UUID | None = Field(default=None, description="Only the messages of this topic.")


class MoveBody(Body):
    topic_id: UUID = Field(description="Where the message belongs.")


@resource.get("/conversation", answers={200: ConversationView})
def get_conversation(call: Call) -> Response:
    """Your one conversation, and its active topic."""
    return answer(200, ConversationView.model_validate(call.services.conversations.conversation(call.user_id)))


@resource.get("/conversation/messages", query=MessagesQuery, answers={200: MessagePage}, errors=(404,))
def get_messages(call: Call) -> Response:
    """Messages, oldest first; of one topic or of all."""
    return _messages_page(call, call.query.topic_id)


def _messages_page(call: Call, topic_id: UUID | None) -> Response:
    after, limit = cursor_int("messages", call.query.cursor), call.query.limit
    found = call.services.conversations.messages(call.user_id, topic_id, after, limit + 1)
    return page(
        MessagePage, found, limit, MessageView.model_validate, lambda m: encode_cursor("messages", m.message_id)
    )


@resource.delete("/messages/{message_id}", answers={204: None}, errors=(404, 409))
def delete_message(call: Call) -> Response:
    """Delete a message and everything that quotes it.

    Its topic is extracted again. 409 while it is being answered.
    """
    message_id = path_int(call.path["message_id"], MessageNotFound)
    call.services.conversations.delete_message(call.user_id, message_id, call.request_id)
    return empty(204)


@resource.patch("/messages/{message_id}", body=MoveBody, answers={200: MessageView}, errors=(404,))
def patch_message(call: Call) -> Response:
    """Move a message to another topic.

    Both topics are extracted again. It is recorded as an operation, and can be undone as one.
    """
    message_id = path_int(call.path["message_id"], MessageNotFound)
    moved = call.services.operations.move_message(call.user_id, message_id, call.body.topic_id, call.request_id)
    return answer(200, MessageView.model_validate(moved))


@resource.get("/conversations/{conversation_id}/messages", query=Page, answers={200: MessagePage}, errors=(404,))
def get_conversation_messages(call: Call) -> Response:
    """Messages of the active topic (older route)."""
    topic_id = _active_topic(call)
    if topic_id is None:
        return answer(200, MessagePage(items=[], next_cursor=None))
    return _messages_page(call, topic_id)


@resource.get("/conversations/{conversation_id}/cards", query=Page, answers={200: CardPage}, errors=(404,))
def get_conversation_cards(call: Call) -> Response:
    """Cards of the active topic (older route)."""
    topic_id = _active_topic(call)
    if topic_id is None:
        return answer(200, CardPage(items=[], next_cursor=None))
    return cards_page(call, topic_id)


@resource.post(
    "/conversations/{conversation_id}/extract",
    answers={202: ExtractQueued, 200: ExtractNothing},
    errors=(404,),
    is_idempotent=True,
)
def post_conversation_extract(call: Call) -> Response:
    """Extract the active topic now (older route)."""
    topic_id = _active_topic(call)

    def write(tx: Transaction) -> Answer:
        return request_extraction(call, tx, topic_id)

    return call.write(write)


def _active_topic(call: Call) -> UUID | None:
    return call.services.conversations.active_topic(call.user_id, call.path["conversation_id"])
