"""SQL of turns and their events."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from chalicelib.adapters.postgres import Transaction
from chalicelib.conversations.turns.models import Ended, EventType, Reply, Turn, TurnEvent

TURN_COLUMNS = """
    turn_id, topic_id, user_message_id, assistant_message_id, retry_of, status, attempt, provider, model,
    failure_class, input_tokens, output_tokens, created_at, ended_at,
    CASE WHEN ended_at IS NOT NULL THEN trace_run_id END AS trace_run_id
"""
GET = f"SELECT {TURN_COLUMNS} FROM turns WHERE turn_id = %s AND user_id = %s"
LOCK = f"{GET} FOR NO KEY UPDATE"

# A further turn on the same user message. The unique index refuses it while another lives or has succeeded.
INSERT_RETRY = """
    INSERT INTO turns (turn_id, user_id, topic_id, user_message_id, retry_of, request_id, trace_run_id)
    SELECT %(turn)s, user_id, topic_id, message_id, %(retry_of)s, %(request_id)s, %(trace_run)s FROM messages
    WHERE message_id = %(message)s AND user_id = %(user)s
    ON CONFLICT (user_message_id) WHERE status IN ('queued', 'running', 'completed') DO NOTHING
    RETURNING turn_id
"""

# Begins an attempt for the holder of the job: an earlier holder's writes fail from here on. `held` says that the
# caller has begun one already and goes on only if nobody else has since.
BEGIN = f"""
    WITH started AS (
        UPDATE turns SET status = 'running', attempt = attempt + 1, last_seq = last_seq + 1, lease_token = %(token)s
        WHERE turn_id = %(turn)s AND user_id = %(user)s AND status IN ('queued', 'running')
            AND (NOT %(held)s OR lease_token = %(token)s) RETURNING *
    ), event AS (
        INSERT INTO turn_events (turn_id, seq, user_id, type, data)
        SELECT turn_id, last_seq, user_id, 'turn.started', jsonb_build_object('attempt', attempt) FROM started
    )
    SELECT {TURN_COLUMNS} FROM started
"""

# Appends one event for the holder of the turn; no row once the lease is lost or the turn has ended.
APPEND = """
    WITH numbered AS (
        UPDATE turns SET last_seq = last_seq + 1
        WHERE turn_id = %s AND lease_token = %s AND status = 'running' RETURNING turn_id, user_id, last_seq
    )
    INSERT INTO turn_events (turn_id, seq, user_id, type, data)
    SELECT turn_id, last_seq, user_id, %s, %s FROM numbered RETURNING seq
"""

# A turn that has just ended, with the routing decision that was made for it.
ENDED = f"""
    SELECT {TURN_COLUMNS}, (
        SELECT jsonb_build_object('policy', r.policy, 'rule', r.rule, 'signals', r.signals,
            'from_topic_id', r.from_topic_id, 'to_topic_id', r.to_topic_id)
        FROM topic_router_runs r
        WHERE r.message_id = ended.user_message_id AND r.trace_run_id = ended.trace_run_id) AS routed
    FROM ended
"""

# The final event and the end of the turn, together.
COMPLETE = f"""
    WITH ended AS (
        UPDATE turns SET status = 'completed', last_seq = last_seq + 1, lease_token = NULL, ended_at = now(),
            assistant_message_id = %(message)s, provider = %(provider)s, model = %(model)s,
            input_tokens = %(input_tokens)s, output_tokens = %(output_tokens)s
        WHERE turn_id = %(turn)s AND lease_token = %(token)s AND status = 'running' RETURNING *
    ), event AS (
        INSERT INTO turn_events (turn_id, seq, user_id, type, data)
        SELECT turn_id, last_seq, user_id, 'turn.completed', jsonb_build_object(
            'message_id', assistant_message_id, 'provider', provider, 'model', model) FROM ended
    )
    {ENDED}
"""
FAIL = f"""
    WITH ended AS (
        UPDATE turns SET status = 'failed', last_seq = last_seq + 1, lease_token = NULL, ended_at = now(),
            failure_class = %(failure)s, provider = coalesce(%(provider)s, provider), model = coalesce(%(model)s, model)
        WHERE turn_id = %(turn)s AND user_id = %(user)s AND status IN ('queued', 'running')
            AND (%(token)s::uuid IS NULL OR lease_token = %(token)s) RETURNING *
    ), event AS (
        INSERT INTO turn_events (turn_id, seq, user_id, type, data)
        SELECT turn_id, last_seq, user_id, 'turn.failed',
            jsonb_build_object('class', failure_class, 'message', %(words)s::text) FROM ended
    )
    {ENDED}
"""

EVENTS = """
    SELECT seq, type, data FROM turn_events WHERE turn_id = %s AND user_id = %s AND seq > %s ORDER BY seq LIMIT %s
"""

# The turns a message belongs to, as question or as answer.
TURNS_OF_MESSAGE = f"""
    SELECT {TURN_COLUMNS} FROM turns WHERE user_id = %(user)s
        AND (user_message_id = %(message)s OR assistant_message_id = %(message)s) FOR NO KEY UPDATE
"""
# The words of a deleted answer; the other events keep their numbers.
FORGET_DELTAS = "DELETE FROM turn_events WHERE turn_id = %s AND type = 'message.delta'"


def get(tx: Transaction, user_id: UUID, turn_id: UUID, *, lock: bool = False) -> Turn | None:
    row = tx.row(LOCK if lock else GET, turn_id, user_id)
    return Turn(*row) if row else None


def insert_retry(
    tx: Transaction, user_id: UUID, turn_id: UUID, trace_run_id: UUID, retry_of: UUID, message_id: int, request_id: str
) -> bool:
    row = tx.row(
        INSERT_RETRY, turn=turn_id, trace_run=trace_run_id, retry_of=retry_of, message=message_id, user=user_id,
        request_id=request_id,
    )  # fmt: skip
    return row is not None


def begin(tx: Transaction, user_id: UUID, turn_id: UUID, token: UUID, *, held: bool = False) -> Turn | None:
    row = tx.row(BEGIN, turn=turn_id, user=user_id, token=token, held=held)
    return Turn(*row) if row else None


def append(tx: Transaction, turn_id: UUID, token: UUID, type_: EventType, data: dict[str, Any]) -> bool:
    return tx.row(APPEND, turn_id, token, type_, Jsonb(data)) is not None


def complete(tx: Transaction, turn_id: UUID, token: UUID, message_id: int, reply: Reply) -> Ended | None:
    """None for whoever does not hold it."""
    row = tx.row(
        COMPLETE,
        turn=turn_id,
        token=token,
        message=message_id,
        provider=reply.provider,
        model=reply.model,
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
    )
    return _ended(row)


def _ended(row: Any) -> Ended | None:
    return Ended(Turn(*row[:-1]), row.routed) if row else None


def fail(
    tx: Transaction, user_id: UUID, turn_id: UUID, failure_class: str, words: str, *,
    token: UUID | None = None, provider: str | None = None, model: str | None = None,
) -> Ended | None:  # fmt: skip
    """Ends a live turn. With a token only for its holder; without one whoever holds it. None if there was nothing to
    end."""
    row = tx.row(
        FAIL,
        turn=turn_id,
        user=user_id,
        failure=failure_class,
        words=words,
        token=token,
        provider=provider,
        model=model,
    )
    return _ended(row)


def events(tx: Transaction, user_id: UUID, turn_id: UUID, after: int, limit: int) -> list[TurnEvent]:
    return [
        TurnEvent(row.seq, EventType(row.type), row.data) for row in tx.rows(EVENTS, turn_id, user_id, after, limit)
    ]


def turns_of_message(tx: Transaction, user_id: UUID, message_id: int) -> list[Turn]:
    return [Turn(*row) for row in tx.rows(TURNS_OF_MESSAGE, user=user_id, message=message_id)]


def forget_deltas(tx: Transaction, turn_id: UUID) -> None:
    tx.run(FORGET_DELTAS, turn_id)
