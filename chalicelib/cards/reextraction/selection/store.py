"""SQL of filters: which topics they mean, and what extracting them again would take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.cards.reextraction.models import Estimate, TopicFilter

# The topics of a user that have messages; what a filter means is added to it.
CHOSEN = """
    SELECT t.topic_id FROM topics t WHERE t.user_id = %(user)s
        AND EXISTS (SELECT FROM messages m WHERE m.topic_id = t.topic_id) AND
"""
MEANING: dict[str, LiteralString] = {
    "topics": "t.topic_id = ANY(%(value)s::uuid[])",
    "older_than": """EXISTS (SELECT FROM shown_windows s
        WHERE s.topic_id = t.topic_id AND s.intended <> %(value)s)""",
    "older_rules": """EXISTS (SELECT FROM shown_windows s WHERE s.topic_id = t.topic_id
        AND coalesce(substring(s.intended FROM '/rules-([0-9]+)$')::int, 0) < %(value)s)""",
    "fallback_only": """EXISTS (SELECT FROM shown_windows s
        WHERE s.topic_id = t.topic_id AND s.failure_class IS NOT NULL)""",
    "failed_only": """'failed' = (SELECT r.status FROM card_extract_runs r WHERE r.topic_id = t.topic_id
        ORDER BY coalesce(r.ended_at, r.created_at) DESC LIMIT 1)""",
    "all": "true",
}

# One item for each topic.
PLAN: dict[str, LiteralString] = {
    name: f"""
    INSERT INTO reextraction_items (batch_id, user_id, topic_id)
    SELECT %(batch)s, %(user)s, chosen.topic_id FROM ({CHOSEN} {meaning}) AS chosen ORDER BY topic_id
    """
    for name, meaning in MEANING.items()
}

# Topics, messages, windows, windows of which this extractor's result is not kept, and the tokens of their messages.
ESTIMATE: dict[str, LiteralString] = {
    name: f"""
    WITH chosen AS ({CHOSEN} {meaning}),
    closed AS (
        SELECT w.topic_id, w.start_id, w.end_id, NOT EXISTS (SELECT FROM window_results r WHERE r.user_id = %(user)s
            AND r.window_hash = w.hash AND r.extractor = %(extractor)s) AS is_wanted
        FROM topic_windows w JOIN chosen USING (topic_id)
    ), told AS (
        SELECT m.topic_id, octet_length(m.content) / 3 + 4 + %(overhead)s AS tokens, c.is_wanted,
            c.topic_id IS NULL AS is_open, m.message_id
        FROM messages m JOIN chosen USING (topic_id)
        LEFT JOIN closed c ON c.topic_id = m.topic_id AND m.message_id BETWEEN c.start_id AND c.end_id
    ), tails AS (
        SELECT topic_id, array_agg(message_id ORDER BY message_id) AS ids, sum(tokens) AS tokens,
            ceil(count(*) / %(longest)s::float8)::int AS windows
        FROM told WHERE is_open GROUP BY topic_id
    ), open AS (
        SELECT t.windows, t.tokens, NOT EXISTS (SELECT FROM window_results r WHERE r.user_id = %(user)s
            AND r.extractor = %(extractor)s AND r.message_ids @> t.ids[1:1] AND r.message_ids = t.ids) AS is_wanted
        FROM tails t
    ), wanted AS (
        SELECT (SELECT count(*) FROM closed WHERE is_wanted)
                + coalesce((SELECT sum(windows) FROM open WHERE is_wanted), 0) AS windows,
            coalesce((SELECT sum(tokens) FROM told WHERE is_wanted), 0)
                + coalesce((SELECT sum(tokens) FROM open WHERE is_wanted), 0) AS tokens
    )
    SELECT (SELECT count(*) FROM chosen)::int AS topics, (SELECT count(*) FROM told)::int AS messages,
        ((SELECT count(*) FROM closed) + coalesce((SELECT sum(windows) FROM open), 0))::int AS windows,
        wanted.windows::int AS windows_to_extract, wanted.tokens::bigint AS tokens FROM wanted
    """
    for name, meaning in MEANING.items()
}

OWN_TOPICS = "SELECT count(*) AS found FROM topics WHERE topic_id = ANY(%s) AND user_id = %s"


def _meaning(asked: TopicFilter) -> tuple[str, Any]:
    if asked.name == "topics":
        return "topics", list(asked.topics or ())
    if asked.older_than and asked.older_than.startswith("rules-") and "/" not in asked.older_than:
        return "older_rules", int(asked.older_than.removeprefix("rules-"))
    return asked.name, asked.older_than


def plan(tx: Transaction, user_id: UUID, batch_id: UUID, asked: TopicFilter) -> int:
    """Makes the batch's items. Returns how many."""
    name, value = _meaning(asked)
    return tx.run(PLAN[name], batch=batch_id, user=user_id, value=value)


def estimate(
    tx: Transaction, user_id: UUID, asked: TopicFilter, extractor: str, *, overhead: int, per_window: int, longest: int
) -> Estimate:
    """
    Args:
        overhead: tokens around a message.
        per_window: tokens that each window costs besides.
        longest: messages of the longest window.
    """
    name, value = _meaning(asked)
    row = tx.one(
        ESTIMATE[name], user=user_id, value=value, extractor=extractor, overhead=overhead, longest=longest
    )  # fmt: skip
    tokens = row.tokens + per_window * row.windows_to_extract
    return Estimate(row.topics, row.messages, row.windows, row.windows_to_extract, tokens)


def own_topics(tx: Transaction, user_id: UUID, topic_ids: Sequence[UUID]) -> int:
    """How many of these are topics of the user's."""
    return int(tx.one(OWN_TOPICS, list(topic_ids), user_id).found)
