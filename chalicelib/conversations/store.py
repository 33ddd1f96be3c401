"""SQL of conversations, topics, messages and routing records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from chalicelib.adapters.postgres import Transaction
from chalicelib.conversations import titles
from chalicelib.conversations.models import Conversation, Decision, Message, RouterRun, Topic

OPENING = 200  # code points of a first message that a title may be made of

# The conversation, held for this transaction, so that message ids commit in order.
LOCK = "SELECT conversation_id, active_topic_id FROM conversations WHERE user_id = %s FOR NO KEY UPDATE"

# What counts against a user's limits: turns of the last minute, and tokens of the last 24 hours.
USAGE = """
    SELECT count(*) FILTER (WHERE created_at > now() - interval '1 minute') AS turns,
        coalesce(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)), 0) AS tokens
    FROM turns WHERE user_id = %s AND created_at > now() - make_interval(secs => %s)
"""

# The one conversation of a user; concurrent first messages make one, whichever of its unique indexes they meet at.
CREATE = """
    INSERT INTO conversations (conversation_id, user_id) VALUES (%s, %s) ON CONFLICT DO NOTHING
    RETURNING conversation_id, active_topic_id
"""

GET = "SELECT conversation_id, active_topic_id FROM conversations WHERE user_id = %s"

# A new topic, active from now on.
OPEN_TOPIC = """
    WITH opened AS (
        INSERT INTO topics (topic_id, user_id, conversation_id, title) VALUES (%s, %s, %s, %s) RETURNING topic_id
    )
    UPDATE conversations SET active_topic_id = opened.topic_id FROM opened WHERE user_id = %s
"""

# Makes a topic active and takes it out of the archive, merged or not; no row for somebody else's.
ACTIVATE_TOPIC = """
    WITH chosen AS (
        UPDATE topics SET status = 'active', merged_into = NULL, updated_at = now()
        WHERE topic_id = %s AND user_id = %s RETURNING topic_id
    )
    UPDATE conversations SET active_topic_id = chosen.topic_id FROM chosen WHERE user_id = %s
"""

TOPIC_COLUMNS = """
    SELECT t.topic_id, coalesce(t.title, t.auto_title) AS title, t.status,
        t.topic_id IS NOT DISTINCT FROM c.active_topic_id AS is_active,
        (SELECT count(*) FROM messages m WHERE m.topic_id = t.topic_id) AS message_count,
        t.merged_into, t.created_at, t.updated_at,
        (SELECT left(m.content, %(opening)s) FROM messages m
            WHERE m.topic_id = t.topic_id AND coalesce(t.title, t.auto_title) IS NULL
            ORDER BY m.message_id LIMIT 1) AS opening
    FROM topics t JOIN conversations c USING (conversation_id)
"""
GET_TOPIC = f"{TOPIC_COLUMNS} WHERE t.topic_id = %(topic)s AND t.user_id = %(user)s"

# A page of topics, newest first.
LIST_TOPICS = f"""
    {TOPIC_COLUMNS} WHERE t.user_id = %(user)s AND (%(before)s::uuid IS NULL OR t.topic_id < %(before)s)
        AND (%(status)s::text IS NULL OR t.status = %(status)s)
    ORDER BY t.topic_id DESC LIMIT %(limit)s
"""

UPDATE_TOPIC = """
    UPDATE topics SET title = coalesce(%(title)s, title), status = coalesce(%(status)s, status),
        merged_into = CASE WHEN %(status)s = 'active' THEN NULL ELSE merged_into END, updated_at = now()
    WHERE topic_id = %(topic)s AND user_id = %(user)s
"""

# Archiving the active topic leaves none active.
DEACTIVATE_TOPIC = "UPDATE conversations SET active_topic_id = NULL WHERE user_id = %s AND active_topic_id = %s"

INSERT_MESSAGE = """
    INSERT INTO messages (user_id, conversation_id, topic_id, role, content) VALUES (%s, %s, %s, %s, %s)
    RETURNING message_id
"""

MESSAGE_COLUMNS = "message_id, topic_id, role, content, created_at"
GET_MESSAGE = f"SELECT {MESSAGE_COLUMNS} FROM messages WHERE message_id = %s AND user_id = %s"

# A page of messages, oldest first; of one topic or of all.
LIST_MESSAGES = f"""
    SELECT {MESSAGE_COLUMNS} FROM messages
    WHERE user_id = %(user)s AND message_id > %(after)s AND (%(topic)s::uuid IS NULL OR topic_id = %(topic)s)
    ORDER BY message_id LIMIT %(limit)s
"""

# The newest messages of a topic up to one, newest first.
RECENT_MESSAGES = f"""
    SELECT {MESSAGE_COLUMNS} FROM messages WHERE topic_id = %s AND user_id = %s AND message_id <= %s
    ORDER BY message_id DESC LIMIT %s
"""

# What a message may be cut to where its opening and its end are enough.
CLIPPED = """
    CASE WHEN length(content) > %(opening)s + %(closing)s
        THEN left(content, %(opening)s) || chr(10) || right(content, %(closing)s) ELSE content END AS content
"""

# The newest messages of the conversation, newest first, hours since each, and how many a topic has, up to a bound.
RECENT_TALK = f"""
    SELECT role, topic_id, {CLIPPED}, (extract(epoch FROM now() - created_at) / 3600)::float8 AS hours,
        (SELECT count(*) FROM (
            SELECT FROM messages WHERE topic_id = %(topic)s AND user_id = %(user)s LIMIT %(most)s
        ) AS counted) AS run
    FROM messages WHERE user_id = %(user)s ORDER BY message_id DESC LIMIT %(limit)s
"""

LIST_ROUTER_RUNS = """
    SELECT message_id, policy, rule, signals, from_topic_id, to_topic_id, created_at, trace_run_id
    FROM topic_router_runs
    WHERE to_topic_id = %s AND user_id = %s AND message_id > %s ORDER BY message_id LIMIT %s
"""

DELETE_MESSAGE = "DELETE FROM messages WHERE message_id = %s AND user_id = %s"

# Holds topics against extractions that read or replace what belongs to them; in one order, so that nobody deadlocks.
LOCK_TOPICS = """
    SELECT topic_id FROM topics WHERE topic_id = ANY(%s) AND user_id = %s ORDER BY topic_id FOR NO KEY UPDATE
"""

# The content of topics changed other than by appending. Their windows from the first changed message on are no longer
# true.
RAISE_REVISIONS = """
    WITH changed AS (
        SELECT * FROM unnest(%(topics)s::uuid[], %(messages)s::bigint[]) AS c (topic_id, message_id)
    ), stale AS (
        DELETE FROM topic_windows w USING changed c WHERE w.topic_id = c.topic_id AND w.end_id >= c.message_id
    )
    UPDATE topics t SET revision = revision + 1, updated_at = now() FROM changed c WHERE t.topic_id = c.topic_id
    RETURNING t.topic_id, (SELECT count(*) FROM messages m WHERE m.topic_id = t.topic_id) AS message_count
"""


def lock(tx: Transaction, user_id: UUID) -> Conversation:
    """The user's conversation, made if there is none, locked until the transaction ends."""
    if row := tx.row(LOCK, user_id):
        return Conversation(*row)
    if row := tx.row(CREATE, f"conv_{user_id}", user_id):
        return Conversation(row.conversation_id, row.active_topic_id, is_new=True)
    return Conversation(*tx.one(LOCK, user_id))


def get(tx: Transaction, user_id: UUID) -> Conversation | None:
    row = tx.row(GET, user_id)
    return Conversation(*row) if row else None


def usage(tx: Transaction, user_id: UUID, seconds: int) -> tuple[int, int]:
    """(turns of the last minute, tokens of the last `seconds`)."""
    row = tx.one(USAGE, user_id, seconds)
    return row.turns, row.tokens


def open_topic(tx: Transaction, user_id: UUID, conversation_id: str, topic_id: UUID, title: str | None) -> None:
    tx.run(OPEN_TOPIC, topic_id, user_id, conversation_id, title, user_id)


def activate_topic(tx: Transaction, user_id: UUID, topic_id: UUID) -> bool:
    return tx.run(ACTIVATE_TOPIC, topic_id, user_id, user_id) == 1


def _topic(row: Any) -> Topic:
    title = titles.automatic(row.opening) if row.title is None else row.title
    return Topic(
        row.topic_id, title, row.status, row.is_active, row.message_count, row.merged_into, row.created_at,
        row.updated_at,
    )  # fmt: skip


def get_topic(tx: Transaction, user_id: UUID, topic_id: UUID) -> Topic | None:
    row = tx.row(GET_TOPIC, opening=OPENING, topic=topic_id, user=user_id)
    return _topic(row) if row else None


def list_topics(tx: Transaction, user_id: UUID, status: str | None, before: UUID | None, limit: int) -> list[Topic]:
    return [
        _topic(row)
        for row in tx.rows(LIST_TOPICS, opening=OPENING, user=user_id, status=status, before=before, limit=limit)
    ]


def update_topic(tx: Transaction, user_id: UUID, topic_id: UUID, title: str | None, status: str | None) -> bool:
    return tx.run(UPDATE_TOPIC, title=title, status=status, topic=topic_id, user=user_id) == 1


def deactivate_topic(tx: Transaction, user_id: UUID, topic_id: UUID) -> None:
    tx.run(DEACTIVATE_TOPIC, user_id, topic_id)


def insert_message(
    tx: Transaction, user_id: UUID, conversation_id: str, topic_id: UUID, role: str, content: str
) -> int:
    message_id: int = tx.one(INSERT_MESSAGE, user_id, conversation_id, topic_id, role, content).message_id
    return message_id


def get_message(tx: Transaction, user_id: UUID, message_id: int) -> Message | None:
    row = tx.row(GET_MESSAGE, message_id, user_id)
    return Message(*row) if row else None


def list_messages(tx: Transaction, user_id: UUID, topic_id: UUID | None, after: int, limit: int) -> list[Message]:
    return [Message(*row) for row in tx.rows(LIST_MESSAGES, user=user_id, topic=topic_id, after=after, limit=limit)]


def recent_messages(tx: Transaction, user_id: UUID, topic_id: UUID, up_to: int, limit: int) -> list[Message]:
    """Newest first."""
    return [Message(*row) for row in tx.rows(RECENT_MESSAGES, topic_id, user_id, up_to, limit)]


def recent_talk(
    tx: Transaction, user_id: UUID, topic_id: UUID, limit: int, most: int, opening: int, closing: int
) -> list[Any]:
    """(role, topic_id, content, hours, run) of the newest messages, newest first.

    Args:
        most: messages of the topic that `run` counts, at most.
        opening, closing: code points of a long message that are read, of its start and of its end.
    """
    return tx.rows(RECENT_TALK, user=user_id, topic=topic_id, limit=limit, most=most, opening=opening, closing=closing)


def list_router_runs(tx: Transaction, user_id: UUID, topic_id: UUID, after: int, limit: int) -> list[RouterRun]:
    return [RouterRun(*row) for row in tx.rows(LIST_ROUTER_RUNS, topic_id, user_id, after, limit)]


def lock_topics(tx: Transaction, user_id: UUID, *topic_ids: UUID) -> None:
    tx.run(LOCK_TOPICS, list(topic_ids), user_id)


def delete_message(tx: Transaction, user_id: UUID, message_id: int) -> None:
    tx.run(DELETE_MESSAGE, message_id, user_id)


def raise_revisions(tx: Transaction, changed: Mapping[UUID, int]) -> dict[UUID, int]:
    """How many messages each of the topics has now.

    Args:
        changed: of each topic the first message that came, went or changed.
    """
    rows = tx.rows(RAISE_REVISIONS, topics=list(changed), messages=list(changed.values()))
    return {row.topic_id: row.message_count for row in rows}


# One user message with everything that follows from it: its routing record, its turn and the turn's job.
RECORD_TURN = """
    WITH message AS (
        INSERT INTO messages (user_id, conversation_id, topic_id, role, content, client_message_id)
        VALUES (%(user)s, %(conversation)s, %(topic)s, 'user', %(content)s, %(client_message_id)s) RETURNING message_id
    ), routed AS (
        INSERT INTO topic_router_runs (message_id, user_id, policy, rule, signals, from_topic_id, to_topic_id,
            trace_run_id)
        SELECT message_id, %(user)s, %(policy)s, %(rule)s, %(signals)s, %(from_topic)s, %(topic)s, %(trace_run)s
        FROM message
    ), turn AS (
        INSERT INTO turns (turn_id, user_id, topic_id, user_message_id, request_id, trace_run_id)
        SELECT %(turn)s, %(user)s, %(topic)s, message_id, %(request_id)s, %(trace_run)s FROM message
    ), job AS (
        INSERT INTO jobs (job_id, user_id, kind, subject, cause, request_id)
        VALUES (%(job)s, %(user)s, 'turn', %(turn)s, 'message', %(request_id)s)
    )
    SELECT message_id FROM message
"""

# What a repeated client_message_id was answered the first time, and what was asked then.
FIRST_TURN = """
    SELECT m.message_id, m.content, m.topic_id, r.rule, r.policy, r.to_topic_id,
        (SELECT turn_id FROM turns t WHERE t.user_message_id = m.message_id ORDER BY turn_id LIMIT 1) AS turn_id
    FROM messages m JOIN topic_router_runs r USING (message_id)
    WHERE m.user_id = %s AND m.client_message_id = %s
"""


def record_turn(
    tx: Transaction, user_id: UUID, conversation: Conversation, topic_id: UUID, decision: Decision, *,
    content: str, client_message_id: str | None, turn_id: UUID, trace_run_id: UUID, job_id: UUID,
    request_id: str,
) -> int:  # fmt: skip
    """Returns the new message's id."""
    message_id: int = tx.one(
        RECORD_TURN,
        user=user_id,
        conversation=conversation.conversation_id,
        topic=topic_id,
        content=content,
        client_message_id=client_message_id,
        policy=decision.policy,
        rule=decision.rule,
        signals=Jsonb(decision.signals),
        from_topic=conversation.active_topic_id,
        turn=turn_id,
        trace_run=trace_run_id,
        request_id=request_id,
        job=job_id,
    ).message_id
    return message_id


def first_turn(tx: Transaction, user_id: UUID, client_message_id: str) -> Any:
    """(message_id, content, topic_id, rule, policy, to_topic_id, turn_id), or None."""
    return tx.row(FIRST_TURN, user_id, client_message_id)
