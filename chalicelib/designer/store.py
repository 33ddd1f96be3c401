"""SQL of design sessions, their live state and events, and of users' own tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from chalicelib.adapters.postgres import Transaction
from chalicelib.designer.models import DesignState
from chalicelib.designer.outputs import Outputs
from chalicelib.designer.tools.models import Tool


@dataclass(frozen=True, slots=True)
class Record:
    """What a list of sessions shows."""

    session_id: UUID
    status: str
    stage: str
    name: str | None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    expires_at: datetime
    is_expired: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A session with its live state, and the user's own tools as they are now."""

    record: Record
    state: DesignState
    own_tools: list[Tool]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a session: what was said, what was answered, and what of it was applied. Of a message,
    `trace_run_id` names the run that explains it."""

    seq: int
    kind: str
    content: str | None
    reply: str | None
    patch: dict[str, Any] | None
    version: int
    created_at: datetime
    trace_run_id: UUID | None


@dataclass(frozen=True, slots=True)
class OwnTool:
    tool_id: UUID
    tool: Tool
    created_at: datetime
    updated_at: datetime


# A session with its state and its first event.
CREATE = """
    WITH session AS (
        INSERT INTO design_sessions (session_id, user_id, stage, name)
        VALUES (%(session)s, %(user)s, %(stage)s, %(name)s)
    ), live AS (
        INSERT INTO design_session_states (session_id, user_id, version, state, expires_at)
        VALUES (%(session)s, %(user)s, %(version)s, %(state)s, now() + make_interval(secs => %(expiry)s))
    )
    INSERT INTO design_session_events (session_id, seq, user_id, kind, reply, patch, version, request_id)
    VALUES (%(session)s, 1, %(user)s, %(kind)s, %(reply)s, %(patch)s, %(version)s, %(request_id)s)
"""

RECORD_COLUMNS = """
    s.session_id, s.status, s.stage, s.name, s.created_at, s.updated_at, s.completed_at, l.expires_at,
    l.expires_at <= now() AS is_expired
"""
GET = f"""
    SELECT {RECORD_COLUMNS}, l.state,
        (SELECT jsonb_agg(t.tool ORDER BY t.name) FROM design_tools t WHERE t.user_id = s.user_id) AS own_tools
    FROM design_sessions s JOIN design_session_states l USING (session_id)
    WHERE s.session_id = %s AND s.user_id = %s
"""
LOCK = f"{GET} FOR NO KEY UPDATE OF s, l"  # both: what is waited for is read as it is then

# A page of sessions, newest first.
LIST = f"""
    SELECT {RECORD_COLUMNS} FROM design_sessions s JOIN design_session_states l USING (session_id)
    WHERE s.user_id = %(user)s AND (%(before)s::uuid IS NULL OR s.session_id < %(before)s)
        AND (%(status)s::text IS NULL OR s.status = %(status)s)
    ORDER BY s.session_id DESC LIMIT %(limit)s
"""

# What one event made of a session, whole: its record, its live state, renewed, and the event itself.
WRITE = """
    WITH record AS (
        UPDATE design_sessions SET status = %(status)s, stage = %(stage)s, name = %(name)s, updated_at = now(),
            completed_at = CASE WHEN %(status)s = 'completed' THEN coalesce(completed_at, now()) END,
            final_prompt = coalesce(%(final_prompt)s, final_prompt),
            workflow_json = coalesce(%(workflow_json)s, workflow_json),
            tools_config = coalesce(%(tools_config)s, tools_config),
            acceptance_cases = coalesce(%(acceptance_cases)s, acceptance_cases)
        WHERE session_id = %(session)s AND user_id = %(user)s
    ), live AS (
        UPDATE design_session_states SET version = %(version)s, state = %(state)s,
            expires_at = now() + make_interval(secs => %(expiry)s)
        WHERE session_id = %(session)s AND user_id = %(user)s
    )
    INSERT INTO design_session_events (session_id, seq, user_id, kind, content, reply, patch, version, request_id,
        trace_run_id)
    SELECT %(session)s, (SELECT max(seq) + 1 FROM design_session_events WHERE session_id = %(session)s), %(user)s,
        %(kind)s, %(content)s, %(reply)s, %(patch)s, %(version)s, %(request_id)s, %(trace_run)s
    RETURNING created_at
"""
RENEW = """
    UPDATE design_session_states SET expires_at = now() + make_interval(secs => %s)
    WHERE session_id = %s AND user_id = %s
"""
EVENTS = """
    SELECT seq, kind, content, reply, patch, version, created_at, trace_run_id FROM design_session_events
    WHERE session_id = %s AND user_id = %s AND seq > %s ORDER BY seq LIMIT %s
"""

# Sessions that nobody has come back to (system role).
ABANDON = """
    UPDATE design_sessions s SET status = 'abandoned', updated_at = now()
    WHERE s.status = 'active' AND s.session_id IN (
        SELECT session_id FROM design_session_states WHERE expires_at < now() - make_interval(secs => %s) LIMIT %s
    )
"""

TOOL_COLUMNS = "SELECT tool_id, tool, created_at, updated_at FROM design_tools"
LIST_TOOLS = f"{TOOL_COLUMNS} WHERE user_id = %s ORDER BY name"
GET_TOOL = f"{TOOL_COLUMNS} WHERE tool_id = %s AND user_id = %s"
INSERT_TOOLS = """
    INSERT INTO design_tools (tool_id, user_id, name, tool)
    SELECT g.tool_id, %s, g.name, g.tool FROM jsonb_to_recordset(%s) AS g (tool_id uuid, name text, tool jsonb)
    ON CONFLICT (user_id, name) DO NOTHING RETURNING tool_id, tool, created_at, updated_at
"""
UPDATE_TOOL = """
    UPDATE design_tools SET name = %s, tool = %s, updated_at = now() WHERE tool_id = %s AND user_id = %s
        AND NOT EXISTS (SELECT FROM design_tools o WHERE o.user_id = %s AND o.name = %s AND o.tool_id <> %s)
    RETURNING tool_id, tool, created_at, updated_at
"""
DELETE_TOOL = "DELETE FROM design_tools WHERE tool_id = %s AND user_id = %s"


def create(
    tx: Transaction, user_id: UUID, session_id: UUID, state: DesignState, *, kind: str, reply: str,
    patch: dict[str, Any] | None, expiry: int, request_id: str,
) -> None:  # fmt: skip
    tx.run(
        CREATE, session=session_id, user=user_id, stage=state.stage, name=_name(state), version=state.version,
        state=Jsonb(state.model_dump(mode="json")), expiry=expiry, kind=kind, reply=reply,
        patch=Jsonb(patch) if patch is not None else None, request_id=request_id,
    )  # fmt: skip


def _name(state: DesignState) -> str | None:
    found = next((f for name, f in state.collected_fields.items() if name == "name"), None)
    return str(found.value) if found else None


def _session(row: Any) -> Session:
    tools = [Tool.model_validate(tool) for tool in row.own_tools or ()]
    return Session(Record(*row[:9]), DesignState.model_validate(row.state), tools)


def get(tx: Transaction, user_id: UUID, session_id: UUID) -> Session | None:
    row = tx.row(GET, session_id, user_id)
    return _session(row) if row else None


def lock(tx: Transaction, user_id: UUID, session_id: UUID) -> Session | None:
    """The session, held against other turns until the transaction ends."""
    row = tx.row(LOCK, session_id, user_id)
    return _session(row) if row else None


def list_sessions(tx: Transaction, user_id: UUID, status: str | None, before: UUID | None, limit: int) -> list[Record]:
    return [Record(*row) for row in tx.rows(LIST, user=user_id, status=status, before=before, limit=limit)]


def write(
    tx: Transaction, user_id: UUID, session_id: UUID, state: DesignState, *, kind: str, content: str | None,
    reply: str | None, patch: dict[str, Any] | None, made: Outputs | None, trace_run_id: UUID | None,
    expiry: int, request_id: str,
) -> None:  # fmt: skip
    """
    Args:
        made: what the session has come to, where it is completed by this.
        trace_run_id: of the run that explains it, if anything does.
    """
    flow = made.workflow_json.model_dump(mode="json") if made else None
    cases = [case.model_dump(mode="json") for case in made.acceptance_cases] if made else None
    tx.run(
        WRITE, session=session_id, user=user_id, status=state.status, stage=state.stage, name=_name(state),
        version=state.version, state=Jsonb(state.model_dump(mode="json")), expiry=expiry, kind=kind, content=content,
        reply=reply, patch=Jsonb(patch) if patch is not None else None, request_id=request_id,
        final_prompt=made.final_prompt if made else None, workflow_json=Jsonb(flow) if made else None,
        trace_run=trace_run_id, tools_config=Jsonb(made.tools_config) if made else None,
        acceptance_cases=Jsonb(cases) if made else None,
    )  # fmt: skip


def renew(tx: Transaction, user_id: UUID, session_id: UUID, expiry: int) -> None:
    tx.run(RENEW, expiry, session_id, user_id)


def events(tx: Transaction, user_id: UUID, session_id: UUID, after: int, limit: int) -> list[Event]:
    """Oldest first."""
    return [Event(*row) for row in tx.rows(EVENTS, session_id, user_id, after, limit)]


def abandon(tx: Transaction, after: int, limit: int) -> int:
    return tx.run(ABANDON, after, limit)


def _tool(row: Any) -> OwnTool:
    return OwnTool(row.tool_id, Tool.model_validate(row.tool), row.created_at, row.updated_at)


def list_tools(tx: Transaction, user_id: UUID) -> list[OwnTool]:
    """By name."""
    return [_tool(row) for row in tx.rows(LIST_TOOLS, user_id)]


def get_tool(tx: Transaction, user_id: UUID, tool_id: UUID) -> OwnTool | None:
    row = tx.row(GET_TOOL, tool_id, user_id)
    return _tool(row) if row else None


def insert_tools(tx: Transaction, user_id: UUID, tools: Sequence[tuple[UUID, Tool]]) -> list[OwnTool]:
    """Returns those whose names were free."""
    rows = [{"tool_id": str(id_), "name": tool.name, "tool": tool.model_dump(mode="json")} for id_, tool in tools]
    return [_tool(row) for row in tx.rows(INSERT_TOOLS, user_id, Jsonb(rows))]


def update_tool(tx: Transaction, user_id: UUID, tool_id: UUID, tool: Tool) -> OwnTool | None:
    """None if another tool has that name."""
    kept = Jsonb(tool.model_dump(mode="json"))
    row = tx.row(UPDATE_TOOL, tool.name, kept, tool_id, user_id, user_id, tool.name, tool_id)
    return _tool(row) if row else None


def delete_tool(tx: Transaction, user_id: UUID, tool_id: UUID) -> bool:
    return tx.run(DELETE_TOOL, tool_id, user_id) == 1
