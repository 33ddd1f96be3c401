"""SQL of routing replays. Reads only."""

from __future__ import annotations

from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.conversations.replays.models import Past
from chalicelib.conversations.store import CLIPPED

# The newest messages up to one, newest first, each with how it was routed and whether the user moved it since.
HISTORY = f"""
    WITH newest AS (
        SELECT message_id, role, topic_id, created_at, {CLIPPED} FROM messages
        WHERE user_id = %(user)s AND message_id <= %(up_to)s ORDER BY message_id DESC LIMIT %(limit)s
    )
    SELECT n.message_id, n.role, n.topic_id, n.created_at, n.content, r.policy, r.rule, r.from_topic_id, r.to_topic_id,
        EXISTS (
            SELECT FROM topic_corrections c WHERE c.message_id = n.message_id AND c.user_id = %(user)s
        ) AS is_corrected
    FROM newest n LEFT JOIN topic_router_runs r ON r.message_id = n.message_id AND r.user_id = %(user)s
    ORDER BY n.message_id DESC
"""


def history(tx: Transaction, user_id: UUID, up_to: int, limit: int, opening: int, closing: int) -> list[Past]:
    """Newest first. `opening`, `closing`: code points of a long message that are read, of its start and of its end."""
    rows = tx.rows(HISTORY, user=user_id, up_to=up_to, limit=limit, opening=opening, closing=closing)
    return [Past(*row) for row in rows]
