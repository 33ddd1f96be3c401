"""SQL of cards and their citations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from chalicelib.adapters.postgres import Transaction
from chalicelib.cards.models import Card, CardKind, DraftCard, StoredCitation

# Quotes are cut from the messages as they stand, so a citation that is shown is verbatim by construction.
CARD_COLUMNS = """
    SELECT c.card_id, c.topic_id, c.kind, c.title, c.body, round(c.confidence::numeric, 4)::float8 AS confidence,
        c.run_id, c.created_at, c.updated_at, c.position,
        (SELECT json_agg(json_build_array(x.message_id, x.start_offset, x.end_offset,
                substring(m.content FROM x.start_offset + 1 FOR x.end_offset - x.start_offset)) ORDER BY x.position)
            FROM card_citations x JOIN messages m USING (message_id) WHERE x.card_id = c.card_id) AS citations
    FROM cards c
"""
GET = f"{CARD_COLUMNS} WHERE c.card_id = %s AND c.user_id = %s"

# A page of a topic's cards, in reading order.
LIST = f"""
    {CARD_COLUMNS} WHERE c.topic_id = %(topic)s AND c.user_id = %(user)s AND c.position > %(after)s
        AND (%(kind)s::text IS NULL OR c.kind = %(kind)s)
    ORDER BY c.position LIMIT %(limit)s
"""

# The newest cards of a topic, newest first, for answering in it.
NEWEST = """
    SELECT kind, title, body FROM cards WHERE topic_id = %s AND user_id = %s ORDER BY position DESC LIMIT %s
"""

# The four statements that replace a topic's cards. What stays keeps its id and its times.
DELETE_VANISHED = "DELETE FROM cards WHERE topic_id = %s AND user_id = %s AND card_id <> ALL(%s)"
UPSERT = """
    INSERT INTO cards (card_id, user_id, conversation_id, topic_id, run_id, kind, title, body, confidence, position)
    SELECT d.card_id, %(user)s, %(conversation)s, %(topic)s, %(run)s, d.kind, d.title, d.body, d.confidence, d.position
    FROM jsonb_to_recordset(%(drafts)s)
        AS d (card_id text, kind text, title text, body text, confidence real, position integer)
    ON CONFLICT (card_id) DO UPDATE SET run_id = excluded.run_id, title = excluded.title, body = excluded.body,
        confidence = excluded.confidence, position = excluded.position,
        updated_at = CASE WHEN (cards.title, cards.body, cards.confidence)
            IS DISTINCT FROM (excluded.title, excluded.body, excluded.confidence) THEN now() ELSE cards.updated_at END
"""
DELETE_CITATIONS = """
    DELETE FROM card_citations x USING cards c WHERE x.card_id = c.card_id AND c.topic_id = %s AND c.user_id = %s
"""
INSERT_CITATIONS = """
    INSERT INTO card_citations (card_id, position, user_id, message_id, start_offset, end_offset, quote_sha256)
    SELECT d.card_id, d.position, %s, d.message_id, d.start_offset, d.end_offset, decode(d.quote_sha256, 'hex')
    FROM jsonb_to_recordset(%s) AS d (card_id text, position integer, message_id bigint,
        start_offset integer, end_offset integer, quote_sha256 text)
"""

# Every card that rests on a message, whatever topic it was extracted in.
DELETE_CITING = """
    DELETE FROM cards WHERE card_id IN (SELECT card_id FROM card_citations WHERE message_id = %s) AND user_id = %s
"""
DELETE_OF_TOPIC = "DELETE FROM cards WHERE topic_id = %s"


def _card(row: Any) -> Card:
    citations = [StoredCitation(*citation) for citation in row.citations or ()]
    return Card(
        row.card_id, row.topic_id, CardKind(row.kind), row.title, row.body, row.confidence, citations, row.run_id,
        row.created_at, row.updated_at,
    )  # fmt: skip


def get(tx: Transaction, user_id: UUID, card_id: str) -> Card | None:
    row = tx.row(GET, card_id, user_id)
    return _card(row) if row else None


def list_cards(
    tx: Transaction, user_id: UUID, topic_id: UUID, kind: CardKind | None, after: int, limit: int
) -> list[tuple[int, Card]]:
    """(position, card) pairs."""
    rows = tx.rows(LIST, topic=topic_id, user=user_id, kind=kind, after=after, limit=limit)
    return [(row.position, _card(row)) for row in rows]


def newest(tx: Transaction, user_id: UUID, topic_id: UUID, limit: int) -> list[Any]:
    """(kind, title, body), newest first."""
    return tx.rows(NEWEST, topic_id, user_id, limit)


def replace_for_topic(
    tx: Transaction, user_id: UUID, conversation_id: str, topic_id: UUID, run_id: UUID,
    ids: Sequence[str], drafts: Sequence[DraftCard],
) -> None:  # fmt: skip
    """Makes `drafts`, under `ids`, the cards of the topic: readers see the old set or the new one."""
    rows = [
        {"card_id": id_, "kind": d.kind, "title": d.title, "body": d.body, "confidence": d.confidence, "position": n}
        for n, (id_, d) in enumerate(zip(ids, drafts, strict=True), start=1)
    ]
    tx.run(DELETE_VANISHED, topic_id, user_id, list(ids))
    tx.run(UPSERT, user=user_id, conversation=conversation_id, topic=topic_id, run=run_id, drafts=Jsonb(rows))
    tx.run(DELETE_CITATIONS, topic_id, user_id)
    tx.run(INSERT_CITATIONS, user_id, Jsonb(_citation_rows(ids, drafts)))


def _citation_rows(ids: Sequence[str], drafts: Sequence[DraftCard]) -> list[dict[str, Any]]:
    return [
        {
            "card_id": id_,
            "position": position,
            "message_id": citation.message_id,
            "start_offset": citation.start,
            "end_offset": citation.end,
            "quote_sha256": citation.quote_sha256,
        }
        for id_, draft in zip(ids, drafts, strict=True)
        for position, citation in enumerate(draft.citations, start=1)
    ]


def delete_citing(tx: Transaction, user_id: UUID, message_id: int) -> None:
    tx.run(DELETE_CITING, message_id, user_id)


def delete_of_topic(tx: Transaction, topic_id: UUID) -> None:
    tx.run(DELETE_OF_TOPIC, topic_id)
