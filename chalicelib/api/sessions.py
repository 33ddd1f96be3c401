"""`/sessions`: the dialogue that ends in an agent design."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from chalice.app import Response
from pydantic import Field

from chalicelib.adapters.postgres import Transaction
from chalicelib.api.answers import Timestamp, View, answer, page
from chalicelib.api.requests import Body, Page, Text, cursor_int, cursor_uuid, encode_cursor, path_uuid
from chalicelib.api.resource import Call, Resource
from chalicelib.designer import stages
from chalicelib.designer.errors import SessionNotFound
from chalicelib.designer.history import Changed
from chalicelib.designer.models import Collected, StageName
from chalicelib.designer.outputs import document
from chalicelib.designer.store import Session
from chalicelib.designer.tools.catalogue import catalogue
from chalicelib.jobs.service import Answer

resource = Resource("sessions", "sessions")
SessionStatus = Literal["active", "completed", "abandoned"]
HISTORY = 1_000  # events of a session that its document shows
REOPENABLE = tuple(stage.value for stage in stages.REOPENABLE)


class NewSessionBody(Body):
    design: str | None = Field(default=None, max_length=2_000_000, description="A file of Glia's own export format.")


class SessionCreated(View):
    session_id: UUID
    message: str


class MessageBody(Body):
    message: Text = Field(min_length=1, pattern=r"\S")


class FieldView(View):
    """A field's value, where it came from, in which turn, and the words it rests on."""

    value: str | bool | list[str]
    source: Literal["llm", "rules", "user_edit", "assumed"]
    turn: int
    quotes: list[dict[str, Any]]


class SessionTurnView(View):
    reply: str
    stage: str
    collected_fields: dict[str, FieldView]
    changed: dict[str, tuple[Any, Any]] = Field(description="Fields whose value changed: before and after.")
    missing: list[str] = Field(description="Required fields that are still to be said.")
    extraction_source: Literal["llm", "rules", "user_edit", "assumed"]
    failure_class: str | None = Field(description="Why the rules read this message although a model was meant to.")
    trace_run_id: UUID = Field(description="The run that explains this turn: `/runs/{id}`.")


class SessionView(View):
    session_id: UUID
    status: SessionStatus
    stage: str
    name: str | None
    is_expired: bool
    created_at: Timestamp
    updated_at: Timestamp
    completed_at: Timestamp | None
    expires_at: Timestamp


class SessionPage(View):
    items: list[SessionView]
    next_cursor: str | None


class SessionStatusView(SessionView):
    missing: list[str]
    turn: int
    version: int


class ChangedView(SessionStatusView):
    collected_fields: dict[str, FieldView]
    changed: dict[str, tuple[Any, Any]]


class ResumedView(SessionStatusView):
    collected_fields: dict[str, FieldView]
    message: str


class SessionDocument(View):
    """The whole session as one document."""

    session_id: UUID
    status: SessionStatus
    stage: str
    agent_type: str | None
    goals: list[str] | None
    tone: str | None
    use_tools: bool | None
    tools: list[str]
    conversation_history: list[dict[str, Any]]
    collected_fields: dict[str, FieldView]
    workflow: dict[str, Any] | None
    workflow_mermaid: str | None
    final_prompt: str | None
    created_at: Timestamp
    updated_at: Timestamp
    name: str | None
    audience: str | None
    constraints: list[str] | None
    inputs: str | None
    outputs: str | None
    examples: list[str] | None
    language: str | None
    channel: str | None
    version: int
    is_expired: bool


class EventView(View):
    seq: int
    kind: str
    content: str | None
    reply: str | None
    version: int
    created_at: Timestamp
    trace_run_id: UUID | None = Field(description="Of a message, the run that explains it. Null in older ones.")


class EventPage(View):
    items: list[EventView]
    next_cursor: str | None


class SessionsQuery(Page):
    status: SessionStatus | None = None


class StageBody(Body):
    stage: Literal[REOPENABLE]  # type: ignore[valid-type]


class FieldsBody(Body):
    """Fields to set, by name; null takes one out."""

    fields: dict[str, Any] = Field(min_length=1, max_length=20)


@resource.post("/sessions/create", body=NewSessionBody, answers={201: SessionCreated}, is_idempotent=True)
def post_session(call: Call) -> Response:
    """Begin a design session, or take up a design that was exported in Glia's own format."""
    body: NewSessionBody = call.body

    def write(tx: Transaction) -> Answer:
        session_id, message = call.services.sessions.create(tx, call.user_id, call.request_id, body.design)
        return 201, SessionCreated(session_id=session_id, message=message).model_dump(mode="json")

    return call.write(write)


@resource.get("/sessions", query=SessionsQuery, answers={200: SessionPage})
def get_sessions(call: Call) -> Response:
    """Your design sessions, newest first."""
    query: SessionsQuery = call.query
    before = cursor_uuid("sessions", query.cursor)
    found = call.services.sessions.sessions(call.user_id, query.status, before, query.limit + 1)
    return page(
        SessionPage, found, query.limit, SessionView.model_validate, lambda s: encode_cursor("sessions", s.session_id)
    )  # fmt: skip


@resource.post(
    "/sessions/{session_id}/message", body=MessageBody, answers={200: SessionTurnView}, errors=(404, 409, 410, 413),
    is_idempotent=True,
)  # fmt: skip
def post_session_message(call: Call) -> Response:
    """Say something. Everything it answers is taken, whatever was asked; the reply asks about one thing next."""
    session_id, message = session_of(call), call.body.message
    if first := call.first_answer():
        return first
    reading = call.services.sessions.read(call.user_id, session_id, message)

    def write(tx: Transaction) -> Answer:
        sessions = call.services.sessions
        turn, trace_run_id = sessions.answer(tx, call.user_id, session_id, message, reading, call.request_id)
        view = SessionTurnView(
            reply=turn.reply, stage=turn.state.stage, collected_fields=_fields(turn.state.collected_fields),
            changed=_changed(turn.changed), missing=list(turn.missing),
            extraction_source=turn.extraction_source.value, failure_class=turn.failure_class,
            trace_run_id=trace_run_id,
        )  # fmt: skip
        return 200, view.model_dump(mode="json")

    return call.write(write)


@resource.get("/sessions/{session_id}/status", answers={200: SessionStatusView}, errors=(404,))
def get_session_status(call: Call) -> Response:
    """Where a session stands, and what is still to be said."""
    session = call.services.sessions.get(call.user_id, session_of(call))
    return answer(200, SessionStatusView(**_status(session)))


@resource.get("/sessions/{session_id}", answers={200: SessionDocument}, errors=(404,))
def get_session(call: Call) -> Response:
    """The whole session: fields with their origin, conversation, workflow and prompt."""
    session_id = session_of(call)
    session = call.services.sessions.get(call.user_id, session_id)
    events = call.services.sessions.events(call.user_id, session_id, 0, HISTORY)
    history = [
        {"role": role, "content": text, "timestamp": EventView.model_validate(event).model_dump()["created_at"]}
        for event in events
        for role, text in (("user", event.content), ("assistant", event.reply))
        if text
    ]
    record = session.record
    made = document(
        session.state, catalogue(session.own_tools), history, session_id=session_id, created_at=record.created_at,
        updated_at=record.updated_at, version=session.state.version, is_expired=record.is_expired,
    )  # fmt: skip
    return answer(200, SessionDocument(**{**made, "status": record.status}))


@resource.get("/sessions/{session_id}/events", query=Page, answers={200: EventPage}, errors=(404,))
def get_session_events(call: Call) -> Response:
    """Everything that happened in a session, oldest first."""
    after, limit = cursor_int("session-events", call.query.cursor), call.query.limit
    found = call.services.sessions.events(call.user_id, session_of(call), after, limit + 1)
    return page(
        EventPage, found, limit, EventView.model_validate, lambda e: encode_cursor("session-events", e.seq)
    )  # fmt: skip


@resource.post("/sessions/{session_id}/resume", answers={200: ResumedView}, errors=(404,), is_idempotent=True)
def post_session_resume(call: Call) -> Response:
    """Take a session up again: what was agreed, what is missing, and the next question."""

    def write(tx: Transaction) -> Answer:
        resumed = call.services.sessions.resume(tx, call.user_id, session_of(call), call.request_id)
        fields = _fields(resumed.session.state.collected_fields)
        view = ResumedView(**_status(resumed.session), collected_fields=fields, message=resumed.question)
        return 200, view.model_dump(mode="json")

    return call.write(write)


@resource.delete("/sessions/{session_id}", answers={204: None}, errors=(404,), is_idempotent=True)
def delete_session(call: Call) -> Response:
    """Give a session up. Its record stays, and it can be resumed."""

    def write(tx: Transaction) -> Answer:
        call.services.sessions.abandon(tx, call.user_id, session_of(call), call.request_id)
        return 204, None

    return call.write(write)


@resource.post(
    "/sessions/{session_id}/complete", answers={200: ChangedView}, errors=(404, 409, 410), is_idempotent=True
)  # fmt: skip
def post_session_complete(call: Call) -> Response:
    """Complete the design. 422 `session_incomplete` while something required is missing."""
    return _changing(call, call.services.sessions.complete)


@resource.post("/sessions/{session_id}/undo", answers={200: ChangedView}, errors=(404, 409, 410), is_idempotent=True)
def post_session_undo(call: Call) -> Response:
    """Take the last change back."""
    return _changing(call, call.services.sessions.undo)


@resource.post(
    "/sessions/{session_id}/reopen", body=StageBody, answers={200: ChangedView}, errors=(404, 409, 410),
    is_idempotent=True,
)  # fmt: skip
def post_session_reopen(call: Call) -> Response:
    """Go back to one stage; everything else stays. A completed session is active again."""
    return _changing(call, call.services.sessions.reopen, StageName(call.body.stage))


@resource.patch(
    "/sessions/{session_id}/fields", body=FieldsBody, answers={200: ChangedView}, errors=(404, 409, 410),
    is_idempotent=True,
)  # fmt: skip
def patch_session_fields(call: Call) -> Response:
    """Set fields by hand."""
    return _changing(call, call.services.sessions.edit, call.body.fields)


def session_of(call: Call) -> UUID:
    return path_uuid(call.path["session_id"], SessionNotFound)


def _changing(call: Call, change: Any, *arguments: Any) -> Response:
    def write(tx: Transaction) -> Answer:
        session, changed = change(tx, call.user_id, session_of(call), *arguments, call.request_id)
        view = ChangedView(
            **_status(session), collected_fields=_fields(session.state.collected_fields), changed=_changed(changed)
        )  # fmt: skip
        return 200, view.model_dump(mode="json")

    return call.write(write)


def _status(session: Session) -> dict[str, Any]:
    record, state = session.record, session.state
    shown = {name: getattr(record, name) for name in SessionView.model_fields}
    missing = [name.value for name in stages.missing(state)]
    return {**shown, "missing": missing, "turn": state.turn, "version": state.version}


def _fields(fields: dict[Any, Collected]) -> dict[str, Any]:
    return {str(name): FieldView(**field.model_dump(mode="json")) for name, field in fields.items()}


def _changed(changed: Changed) -> dict[str, tuple[Any, Any]]:
    return {name.value: pair for name, pair in changed.items()}
