"""SQL of imports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from chalicelib.adapters.postgres import Transaction
from chalicelib.conversations.imports.models import ImportedMessage

# The topics an import speaks of: made where they are missing, found by the importer's own key where they are not.
TOPICS = """
    WITH wanted AS (
        SELECT * FROM jsonb_to_recordset(%(topics)s) AS w (topic_id uuid, import_key text, title text, n integer)
    ), made AS (
        INSERT INTO topics (topic_id, user_id, conversation_id, title, import_key)
        SELECT topic_id, %(user)s, %(conversation)s, title, import_key FROM wanted ORDER BY n
        ON CONFLICT (user_id, import_key) DO NOTHING RETURNING topic_id, import_key
    )
    SELECT import_key, topic_id FROM made
    UNION ALL
    SELECT t.import_key, t.topic_id FROM topics t JOIN wanted USING (import_key) WHERE t.user_id = %(user)s
"""

# The messages that are new, in the order given, each with its routing record. A topic that was merged into another is
# itself again when it gets some.
MESSAGES = """
    WITH given AS (
        SELECT * FROM jsonb_to_recordset(%(messages)s)
            AS g (n integer, topic_id uuid, role text, content text, key text, created_at timestamptz)
    ), new AS (
        INSERT INTO messages (user_id, conversation_id, topic_id, role, content, client_message_id, created_at)
        SELECT %(user)s, %(conversation)s, topic_id, role, content, key, coalesce(created_at, now())
        FROM given ORDER BY n
        ON CONFLICT (user_id, client_message_id) DO NOTHING RETURNING message_id, topic_id
    ), routed AS (
        INSERT INTO topic_router_runs (message_id, user_id, policy, rule, signals, to_topic_id)
        SELECT message_id, %(user)s, 'import', 'import', '{}', topic_id FROM new
    ), used_again AS (
        UPDATE topics SET merged_into = NULL WHERE merged_into IS NOT NULL AND topic_id IN (SELECT topic_id FROM new)
    )
    SELECT topic_id, count(*) AS messages FROM new GROUP BY topic_id
"""


def ensure_topics(
    tx: Transaction, user_id: UUID, conversation_id: str, wanted: Sequence[tuple[UUID, str, str]]
) -> dict[str, UUID]:
    """Import key to topic id. `wanted`: (id for a new one, import key, title)."""
    topics = [
        {"topic_id": str(topic_id), "import_key": key, "title": title, "n": n}
        for n, (topic_id, key, title) in enumerate(wanted)
    ]
    rows = tx.rows(TOPICS, user=user_id, conversation=conversation_id, topics=Jsonb(topics))
    return {row.import_key: row.topic_id for row in rows}


def insert_messages(
    tx: Transaction, user_id: UUID, conversation_id: str, messages: Sequence[tuple[UUID, ImportedMessage]]
) -> list[Any]:
    """(topic_id, messages) for every topic that got new ones."""
    rows = [
        {
            "n": n,
            "topic_id": str(topic_id),
            "role": message.role,
            "content": message.content,
            "key": message.key,
            "created_at": message.created_at.isoformat() if message.created_at else None,
        }
        for n, (topic_id, message) in enumerate(messages)
    ]
    return tx.rows(MESSAGES, user=user_id, conversation=conversation_id, messages=Jsonb(rows))
