"""SQL of cards, their citations and their versions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.adapters.records import records
from chalicelib.cards.contradictions import Claim, signs
from chalicelib.cards.merge import CardState, Span
from chalicelib.cards.models import Card, CardKind, CardStatus, CardVersion, StoredCitation

STATE_COLUMNS = """
    c.card_id, c.topic_id, c.kind, c.title, c.body, c.confidence, c.run_id, c.status, c.is_found, c.pinned, c.edited,
    c.machine, c.base, c.key, c.superseded_by, c.version
"""

# Quotes are cut from the messages as they stand, so a citation that is shown is verbatim by construction.
CARD_COLUMNS = f"""
    SELECT {STATE_COLUMNS}, c.created_at, c.updated_at,
        (SELECT json_agg(json_build_array(x.message_id, x.start_offset, x.end_offset,
                substring(m.content FROM x.start_offset + 1 FOR x.end_offset - x.start_offset)) ORDER BY x.position)
            FROM card_citations x JOIN messages m USING (message_id) WHERE x.card_id = c.card_id) AS citations
    FROM cards c
"""
GET = f"{CARD_COLUMNS} WHERE c.card_id = %s AND c.user_id = %s"

# A page of a topic's cards, in reading order.
LIST_OF_TOPIC = f"""
    {CARD_COLUMNS} WHERE c.topic_id = %(topic)s AND c.user_id = %(user)s AND c.status = ANY(%(statuses)s)
        AND (c.first_message_id, c.first_offset, c.card_id) > (%(message)s, %(offset)s, %(card)s)
        AND (%(kind)s::text IS NULL OR c.kind = %(kind)s)
    ORDER BY c.first_message_id, c.first_offset, c.card_id LIMIT %(limit)s
"""

# A page of the cards of all topics, newest evidence first.
LIST_OF_USER = f"""
    {CARD_COLUMNS} WHERE c.user_id = %(user)s AND c.status = ANY(%(statuses)s)
        AND (%(topic)s::uuid IS NULL OR c.topic_id = %(topic)s) AND (%(kind)s::text IS NULL OR c.kind = %(kind)s)
        AND (%(message)s::bigint IS NULL
            OR (c.first_message_id, c.first_offset, c.card_id) < (%(message)s, %(offset)s, %(card)s))
    ORDER BY c.first_message_id DESC, c.first_offset DESC, c.card_id DESC LIMIT %(limit)s
"""

# The newest cards of a topic that hold, newest first, for answering in it.
NEWEST = """
    SELECT card_id, kind, title, body FROM cards WHERE topic_id = %s AND user_id = %s AND status = 'active'
    ORDER BY first_message_id DESC, first_offset DESC, card_id DESC LIMIT %s
"""

STATES = f"""
    SELECT {STATE_COLUMNS},
        (SELECT json_agg(json_build_array(x.message_id, x.start_offset, x.end_offset, encode(x.quote_sha256, 'hex'))
            ORDER BY x.position) FROM card_citations x WHERE x.card_id = c.card_id) AS citations
    FROM cards c
"""
OF_IDS = f"{STATES} WHERE c.card_id = ANY(%s) AND c.user_id = %s"

# The topic of a card, held against extractions until the transaction ends.
LOCK_TOPIC_OF = """
    SELECT t.topic_id, t.conversation_id FROM topics t JOIN cards c USING (topic_id)
    WHERE c.card_id = %s AND c.user_id = %s FOR NO KEY UPDATE OF t
"""

# Cards of a topic that an extraction may touch: with one of these keys, or resting on one of these messages; with them
# the deleted ones of other topics that rest on them.
CANDIDATES = f"""
    {STATES} WHERE c.user_id = %(user)s AND (
        (c.topic_id = %(topic)s AND c.key = ANY(%(keys)s))
        OR (c.card_id IN (SELECT card_id FROM card_citations WHERE message_id = ANY(%(messages)s))
            AND (c.topic_id = %(topic)s OR c.status = 'deleted')))
"""

# Cards of a topic that are shown and may contradict these or be contradicted by them, or are superseded by them; also
# what may contradict those. Words: of these, and of those of them that are pointed.
RELATED = """
    SELECT c.card_id, c.kind, c.body, c.words, c.first_message_id, c.first_offset, c.superseded_by,
        z.first_message_id AS by_message_id, z.first_offset AS by_offset
    FROM cards c LEFT JOIN cards z ON z.card_id = c.superseded_by
    WHERE c.topic_id = %(topic)s AND c.user_id = %(user)s AND c.status IN ('active', 'superseded')
        AND (c.superseded_by = ANY(%(ids)s)
            OR (c.is_pointed AND c.words && (%(words)s::text[] || ARRAY(SELECT unnest(o.words) FROM cards o
                WHERE o.topic_id = %(topic)s AND o.superseded_by = ANY(%(ids)s))))
            OR c.words && (%(pointed)s::text[] || ARRAY(SELECT unnest(o.words) FROM cards o
                WHERE o.topic_id = %(topic)s AND o.superseded_by = ANY(%(ids)s) AND o.is_pointed)))
"""

# In which topics the messages are that cards rest on.
WHEREABOUTS = """
    SELECT x.card_id, x.message_id, m.topic_id FROM card_citations x JOIN messages m USING (message_id)
    WHERE x.card_id = ANY(%s) AND x.user_id = %s
"""

TAKEN = "SELECT card_id FROM cards WHERE card_id = ANY(%s)"

# Writes cards as they are now.
UPSERT = """
    INSERT INTO cards (card_id, user_id, conversation_id, topic_id, run_id, kind, title, body, confidence, status,
        is_found, pinned, edited, machine, base, key, words, is_pointed, superseded_by, version, first_message_id,
        first_offset)
    SELECT d.card_id, %(user)s, %(conversation)s, d.topic_id, d.run_id, d.kind, d.title, d.body, d.confidence, d.status,
        d.is_found, d.pinned, ARRAY(SELECT jsonb_array_elements_text(d.edited)), d.machine, d.base,
        decode(d.key, 'hex'), ARRAY(SELECT jsonb_array_elements_text(d.words)), d.is_pointed, d.superseded_by,
        d.version, d.first_message_id, d.first_offset
    FROM jsonb_to_recordset(%(cards)s) AS d (card_id text, topic_id uuid, run_id uuid, kind text, title text, body text,
        confidence double precision, status text, is_found boolean, pinned boolean, edited jsonb, machine jsonb,
        base jsonb, key text, words jsonb, is_pointed boolean, superseded_by text, version integer,
        first_message_id bigint, first_offset integer)
    ON CONFLICT (card_id) DO UPDATE SET topic_id = excluded.topic_id, run_id = excluded.run_id, kind = excluded.kind,
        title = excluded.title, body = excluded.body, confidence = excluded.confidence, status = excluded.status,
        is_found = excluded.is_found, pinned = excluded.pinned, edited = excluded.edited, machine = excluded.machine,
        base = excluded.base, key = excluded.key, words = excluded.words, is_pointed = excluded.is_pointed,
        superseded_by = excluded.superseded_by, version = excluded.version,
        first_message_id = excluded.first_message_id, first_offset = excluded.first_offset,
        updated_at = CASE WHEN cards.version = excluded.version THEN cards.updated_at ELSE now() END
"""
DELETE_CITATIONS = "DELETE FROM card_citations WHERE card_id = ANY(%s) AND user_id = %s"
INSERT_CITATIONS = """
    INSERT INTO card_citations (card_id, position, user_id, message_id, start_offset, end_offset, quote_sha256)
    SELECT d.card_id, d.position, %s, d.message_id, d.start_offset, d.end_offset, decode(d.quote_sha256, 'hex')
    FROM jsonb_to_recordset(%s) AS d (card_id text, position integer, message_id bigint,
        start_offset integer, end_offset integer, quote_sha256 text)
"""

# A new version of each of these cards, as they stand now; the ones before end at the same moment.
RECORD_VERSIONS = """
    WITH moment AS MATERIALIZED (SELECT clock_timestamp() AS at),
    ended AS (
        UPDATE card_versions v SET valid_to = moment.at FROM moment
        WHERE v.card_id = ANY(%(ids)s) AND v.user_id = %(user)s AND v.valid_to IS NULL
    )
    INSERT INTO card_versions (card_id, version, user_id, topic_id, action, valid_from, message_ids, state)
    SELECT c.card_id, c.version, c.user_id, c.topic_id, a.action, moment.at, x.message_ids,
        to_jsonb(c) || jsonb_build_object('citations', x.places)
    FROM moment, unnest(%(ids)s::text[], %(actions)s::text[]) AS a (card_id, action) JOIN cards c USING (card_id),
    LATERAL (SELECT array_agg(message_id ORDER BY position) AS message_ids,
        jsonb_agg(jsonb_build_array(message_id, start_offset, end_offset) ORDER BY position) AS places
        FROM card_citations WHERE card_id = c.card_id) AS x
"""

VERSION_COLUMNS = """
    SELECT v.version, v.action, v.valid_from, v.topic_id, v.state,
        (SELECT json_agg(json_build_array(m.message_id, p.place->1, p.place->2, substring(
                m.content FROM (p.place->>1)::int + 1 FOR (p.place->>2)::int - (p.place->>1)::int)) ORDER BY p.position)
            FROM jsonb_array_elements(v.state->'citations') WITH ORDINALITY AS p (place, position)
            JOIN messages m ON m.message_id = (p.place->>0)::bigint) AS citations
    FROM card_versions v
"""

# A page of a card's versions, oldest first.
HISTORY = f"{VERSION_COLUMNS} WHERE v.card_id = %s AND v.user_id = %s AND v.version > %s ORDER BY v.version LIMIT %s"

# A page of what a topic showed at a moment, in reading order.
AS_OF = f"""
    {VERSION_COLUMNS} WHERE v.topic_id = %(topic)s AND v.user_id = %(user)s AND v.valid_from <= %(at)s
        AND (v.valid_to IS NULL OR v.valid_to > %(at)s) AND v.state->>'status' = ANY(%(statuses)s)
        AND (%(kind)s::text IS NULL OR v.state->>'kind' = %(kind)s)
        AND ((v.state->>'first_message_id')::bigint, (v.state->>'first_offset')::int, v.card_id)
            > (%(message)s, %(offset)s, %(card)s)
    ORDER BY (v.state->>'first_message_id')::bigint, (v.state->>'first_offset')::int, v.card_id LIMIT %(limit)s
"""

# Before a message is deleted: versions that quote it, and cards that rest on nothing else. Returned are the cards that
# rest on other words too, with those.
FORGET_VERSIONS = "DELETE FROM card_versions WHERE user_id = %s AND message_ids @> ARRAY[%s::bigint]"
DELETE_RESTING_ON = """
    DELETE FROM cards c WHERE c.user_id = %(user)s
        AND EXISTS (SELECT FROM card_citations x WHERE x.card_id = c.card_id AND x.message_id = %(message)s)
        AND NOT EXISTS (SELECT FROM card_citations x WHERE x.card_id = c.card_id AND x.message_id <> %(message)s)
"""
CITING = f"""
    {CARD_COLUMNS} WHERE c.user_id = %s
        AND c.card_id IN (SELECT card_id FROM card_citations WHERE message_id = ANY(%s))
"""

DELETE_OF_TOPIC = "DELETE FROM cards WHERE topic_id = %s"
FIRST_PLACE = (0, -1, "")
Place = tuple[int, int, str]


def _state(row: Any) -> CardState:
    citations = tuple(Span(*citation) for citation in row.citations)
    return CardState(
        row.card_id, row.topic_id, CardKind(row.kind), row.title, row.body, row.confidence, citations, row.run_id,
        CardStatus(row.status), row.is_found, row.pinned, frozenset(row.edited), row.machine, row.base,
        bytes(row.key), row.superseded_by, row.version,
    )  # fmt: skip


def _card(row: Any) -> Card:
    citations = [StoredCitation(*citation) for citation in row.citations]
    spans = tuple(Span(c.message_id, c.start, c.end, "") for c in citations)
    state = CardState(
        row.card_id, row.topic_id, CardKind(row.kind), row.title, row.body, row.confidence, spans, row.run_id,
        CardStatus(row.status), row.is_found, row.pinned, frozenset(row.edited), row.machine, row.base,
        b"", row.superseded_by, row.version,
    )  # fmt: skip
    return _shown(state, citations, row.created_at, row.updated_at)


def _shown(state: CardState, citations: list[StoredCitation], created_at: datetime, updated_at: datetime) -> Card:
    return Card(
        state.card_id, state.topic_id, state.kind, state.title, state.body, state.confidence, state.status,
        state.pinned, sorted(state.edited), state.suggestion, state.superseded_by, citations, state.run_id,
        state.version, created_at, updated_at,
    )  # fmt: skip


def _version(row: Any) -> CardVersion:
    kept = row.state
    state = CardState(
        kept["card_id"], row.topic_id, CardKind(kept["kind"]), kept["title"], kept["body"], kept["confidence"], (),
        UUID(kept["run_id"]), CardStatus(kept["status"]), kept["is_found"], kept["pinned"], frozenset(kept["edited"]),
        kept["machine"], kept["base"], b"", kept["superseded_by"], row.version,
    )  # fmt: skip
    citations = [StoredCitation(*citation) for citation in row.citations]
    created_at, updated_at = (datetime.fromisoformat(kept[name]) for name in ("created_at", "updated_at"))
    return CardVersion(row.version, row.action, row.valid_from, _shown(state, citations, created_at, updated_at))


def get(tx: Transaction, user_id: UUID, card_id: str) -> Card | None:
    row = tx.row(GET, card_id, user_id)
    return _card(row) if row else None


def states(tx: Transaction, user_id: UUID, card_ids: Sequence[str]) -> list[CardState]:
    return [_state(row) for row in tx.rows(OF_IDS, list(card_ids), user_id)]


def hold(tx: Transaction, user_id: UUID, card_id: str) -> tuple[CardState, str] | None:
    """A card whose topic is held for this transaction, and its conversation's id."""
    while topic := tx.row(LOCK_TOPIC_OF, card_id, user_id):
        (card,) = states(tx, user_id, [card_id]) or (None,)
        if card is None or card.topic_id == topic.topic_id:  # else it moved while its topic was waited for
            return (card, topic.conversation_id) if card else None
    return None


def list_of_topic(
    tx: Transaction, user_id: UUID, topic_id: UUID, kind: CardKind | None, statuses: Iterable[CardStatus],
    after: Place | None, limit: int,
) -> list[Card]:  # fmt: skip
    message, offset, card = after or FIRST_PLACE
    rows = tx.rows(
        LIST_OF_TOPIC, topic=topic_id, user=user_id, kind=kind, statuses=list(statuses), message=message,
        offset=offset, card=card, limit=limit,
    )  # fmt: skip
    return [_card(row) for row in rows]


def list_of_user(
    tx: Transaction, user_id: UUID, topic_id: UUID | None, kind: CardKind | None, statuses: Iterable[CardStatus],
    after: Place | None, limit: int,
) -> list[Card]:  # fmt: skip
    message, offset, card = after or (None, None, None)
    rows = tx.rows(
        LIST_OF_USER, topic=topic_id, user=user_id, kind=kind, statuses=list(statuses), message=message,
        offset=offset, card=card, limit=limit,
    )  # fmt: skip
    return [_card(row) for row in rows]


def newest(tx: Transaction, user_id: UUID, topic_id: UUID, limit: int) -> list[Any]:
    """(kind, title, body), newest first."""
    return tx.rows(NEWEST, topic_id, user_id, limit)


def candidates(
    tx: Transaction, user_id: UUID, topic_id: UUID, keys: Iterable[bytes], messages: Iterable[int]
) -> list[CardState]:
    rows = tx.rows(CANDIDATES, user=user_id, topic=topic_id, keys=list(keys), messages=list(messages))
    return [_state(row) for row in rows]


def whereabouts(tx: Transaction, user_id: UUID, card_ids: Sequence[str]) -> dict[str, dict[int, UUID]]:
    """By card: the topic of each message it rests on."""
    found: dict[str, dict[int, UUID]] = {card_id: {} for card_id in card_ids}
    for row in tx.rows(WHEREABOUTS, list(card_ids), user_id):
        found[row.card_id][row.message_id] = row.topic_id
    return found


def taken(tx: Transaction, ids: Iterable[str]) -> frozenset[str]:
    return frozenset(row.card_id for row in tx.rows(TAKEN, list(ids)))


def related(
    tx: Transaction, user_id: UUID, topic_id: UUID, ids: Sequence[str], words: Iterable[str], pointed: Iterable[str]
) -> list[tuple[Claim, str | None, tuple[int, int] | None]]:
    """(card, what supersedes it, where that stands)."""
    rows = tx.rows(RELATED, topic=topic_id, user=user_id, ids=list(ids), words=list(words), pointed=list(pointed))
    return [
        (
            Claim(
                r.card_id, CardKind(r.kind), r.body, frozenset(r.words), (r.first_message_id, r.first_offset)
            ),
            r.superseded_by,
            (r.by_message_id, r.by_offset) if r.by_message_id is not None else None,
        )
        for r in rows
    ]  # fmt: skip


def write(
    tx: Transaction, user_id: UUID, conversation_id: str, cards: Sequence[CardState], actions: dict[str, str]
) -> None:
    """Writes cards whole. Those in `actions` have a new version, brought about by that."""
    ids = [card.card_id for card in cards]
    tx.run(UPSERT, user=user_id, conversation=conversation_id, cards=records(_row(card) for card in cards))
    tx.run(DELETE_CITATIONS, ids, user_id)
    tx.run(INSERT_CITATIONS, user_id, records(row for card in cards for row in _citation_rows(card)))
    if actions:
        tx.run(RECORD_VERSIONS, user=user_id, ids=list(actions), actions=list(actions.values()))


def _row(card: CardState) -> dict[str, Any]:
    return {
        "card_id": card.card_id, "topic_id": str(card.topic_id), "run_id": str(card.run_id), "kind": card.kind,
        "title": card.title, "body": card.body, "confidence": card.confidence, "status": card.status,
        "is_found": card.is_found, "pinned": card.pinned, "edited": sorted(card.edited), "machine": card.machine,
        "base": card.base, "key": card.key.hex(), "words": card.words,
        "is_pointed": signs(card.body).is_pointed, "superseded_by": card.superseded_by,
        "version": card.version, "first_message_id": card.place[0], "first_offset": card.place[1],
    }  # fmt: skip


def _citation_rows(card: CardState) -> list[dict[str, Any]]:
    return [
        {
            "card_id": card.card_id, "position": position, "message_id": span.message_id, "start_offset": span.start,
            "end_offset": span.end, "quote_sha256": span.quote_sha256,
        }
        for position, span in enumerate(card.citations, start=1)
    ]  # fmt: skip


def history(tx: Transaction, user_id: UUID, card_id: str, after: int, limit: int) -> list[CardVersion]:
    return [_version(row) for row in tx.rows(HISTORY, card_id, user_id, after, limit)]


def as_of(
    tx: Transaction, user_id: UUID, topic_id: UUID, at: datetime, kind: CardKind | None,
    statuses: Iterable[CardStatus], after: Place | None, limit: int,
) -> list[Card]:  # fmt: skip
    message, offset, card = after or FIRST_PLACE
    rows = tx.rows(
        AS_OF, topic=topic_id, user=user_id, at=at, kind=kind, statuses=list(statuses), message=message,
        offset=offset, card=card, limit=limit,
    )  # fmt: skip
    return [_version(row).card for row in rows]


def citing(tx: Transaction, user_id: UUID, message_ids: Sequence[int]) -> list[Card]:
    return [_card(row) for row in tx.rows(CITING, user_id, list(message_ids))]


def forget_message(tx: Transaction, user_id: UUID, message_id: int) -> None:
    """Removes versions that quote the message, and cards that rest on nothing else."""
    tx.run(FORGET_VERSIONS, user_id, message_id)
    tx.run(DELETE_RESTING_ON, user=user_id, message=message_id)


def delete_of_topic(tx: Transaction, topic_id: UUID) -> None:
    tx.run(DELETE_OF_TOPIC, topic_id)
