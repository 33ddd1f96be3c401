"""SQL of windows, of what extractors found in them, and of which results a topic shows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.adapters.records import records
from chalicelib.cards.identity import draft_key
from chalicelib.cards.models import CardKind, Citation, DraftCard, Extractor, WindowResult
from chalicelib.cards.windows import START, Window, chained


@dataclass(frozen=True, slots=True)
class Closed:
    """All closed windows of a topic: the last one's number and end, their chain, and their messages' count."""

    last_no: int
    end_id: int
    chain: bytes
    total: int
    start_id: int | None


@dataclass(frozen=True, slots=True)
class Dirty:
    """A window whose cards the topic does not show yet."""

    number: int
    start_id: int
    end_id: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Fresh:
    """A window with its result, ready to be shown. `tokens` is what the result cost when it was made."""

    start_id: int
    hash: bytes
    message_ids: Sequence[int]
    result_id: UUID
    drafts: Sequence[DraftCard]
    intended: str
    failure_class: str | None
    is_chosen: bool
    tokens: int


# The last closed window of a topic, which stands for all of them.
CLOSED = """
    SELECT window_no, end_id, chain, total,
        (SELECT start_id FROM topic_windows WHERE topic_id = %(topic)s AND window_no = 0) AS start_id
    FROM topic_windows WHERE topic_id = %(topic)s AND user_id = %(user)s ORDER BY window_no DESC LIMIT 1
"""
INSERT_WINDOWS = """
    INSERT INTO topic_windows (topic_id, window_no, user_id, start_id, end_id, message_count, hash, chain, total)
    SELECT %s, w.n, %s, w.s, w.e, w.c, decode(w.h, 'hex'), decode(w.chain, 'hex'), w.total
    FROM jsonb_to_recordset(%s) AS w (n integer, s bigint, e bigint, c integer, h text, chain text, total integer)
    ON CONFLICT DO NOTHING
"""

# Closed windows that are not shown as they are, or by another extractor than the one meant now. What the user chose
# from a preview stays, and so does what the rules stand in for, unless this is to be tried again.
DIRTY = """
    SELECT w.window_no, w.start_id, w.end_id, w.hash FROM topic_windows w
    LEFT JOIN shown_windows s ON s.topic_id = w.topic_id AND s.start_id = w.start_id AND s.window_hash = w.hash
        AND s.result_id IS NOT NULL
    WHERE w.topic_id = %(topic)s AND w.user_id = %(user)s AND (s.topic_id IS NULL
        OR (s.intended <> %(intended)s AND (NOT s.is_chosen OR %(again)s))
        OR (s.failure_class IS NOT NULL AND %(again)s))
    ORDER BY w.window_no
"""

# Whether the open window at the end is shown as it is, by the same rule.
TAIL_IS_SHOWN = """
    SELECT EXISTS (SELECT FROM shown_windows WHERE topic_id = %(topic)s AND user_id = %(user)s
        AND start_id = %(start)s AND window_hash = %(hash)s AND result_id IS NOT NULL
        AND (intended = %(intended)s OR (is_chosen AND NOT %(again)s))
        AND (failure_class IS NULL OR NOT %(again)s)) AS yes
"""

# What is shown although no such window is there any more, or is about to be shown anew: with the keys of its drafts.
GONE = """
    SELECT s.start_id, s.keys FROM shown_windows s
    WHERE s.topic_id = %(topic)s AND s.user_id = %(user)s AND (s.start_id = ANY(%(starts)s)
        OR (%(is_whole)s AND NOT EXISTS (SELECT FROM topic_windows w
                WHERE w.topic_id = s.topic_id AND w.start_id = s.start_id AND w.hash = s.window_hash)
            AND (s.start_id, s.window_hash) IS DISTINCT FROM (%(tail_start)s::bigint, %(tail_hash)s::bytea)))
"""

# All closed windows of a topic, and what is shown of it.
CLOSED_WINDOWS = """
    SELECT window_no, start_id, end_id, hash FROM topic_windows WHERE topic_id = %s AND user_id = %s ORDER BY window_no
"""
SHOWN_RESULTS = "SELECT start_id, window_hash, result_id FROM shown_windows WHERE topic_id = %s AND user_id = %s"

# Results that are there for these windows, by this extractor.
RESULTS = """
    SELECT result_id, window_hash, message_ids, coalesce(input_tokens, 0) + coalesce(output_tokens, 0) AS tokens
    FROM window_results WHERE user_id = %s AND extractor = %s AND window_hash = ANY(%s)
"""
DRAFT_COLUMNS = "d.kind, d.title, d.body, d.confidence, d.citations"
DRAFTS = f"""
    SELECT d.result_id, {DRAFT_COLUMNS} FROM window_drafts d WHERE d.result_id = ANY(%s) AND d.user_id = %s
    ORDER BY d.result_id, d.position
"""

# Drafts with these keys in the windows a topic shows, in reading order.
DRAFTS_OF_KEYS = f"""
    SELECT {DRAFT_COLUMNS}, s.start_id FROM window_drafts d
    JOIN shown_windows s ON s.result_id = d.result_id AND s.topic_id = %s
    WHERE d.user_id = %s AND d.key = ANY(%s) AND s.start_id <> ALL(%s) ORDER BY s.start_id, d.position
"""

# Results of windows, with their drafts. One that is there already stays.
INSERT_RESULTS = """
    WITH made AS (
        INSERT INTO window_results
            (result_id, user_id, window_hash, extractor, message_ids, dropped, input_tokens, output_tokens)
        SELECT r.result_id, %(user)s, decode(r.hash, 'hex'), r.extractor,
            ARRAY(SELECT jsonb_array_elements_text(r.message_ids)::bigint), r.dropped, r.input_tokens, r.output_tokens
        FROM jsonb_to_recordset(%(results)s) AS r (result_id uuid, hash text, extractor text, message_ids jsonb,
            dropped integer, input_tokens integer, output_tokens integer)
        ON CONFLICT DO NOTHING RETURNING result_id
    )
    INSERT INTO window_drafts (result_id, position, user_id, key, kind, title, body, confidence, citations)
    SELECT d.result_id, d.position, %(user)s, decode(d.key, 'hex'), d.kind, d.title, d.body, d.confidence, d.citations
    FROM jsonb_to_recordset(%(drafts)s) AS d (result_id uuid, position integer, key text, kind text, title text,
        body text, confidence double precision, citations jsonb) JOIN made USING (result_id)
"""

# From now on these windows are shown, and those that are gone are not.
SHOW = """
    WITH gone AS (
        DELETE FROM shown_windows
        WHERE topic_id = %(topic)s AND start_id = ANY(%(gone)s) AND start_id <> ALL(%(starts)s)
    )
    INSERT INTO shown_windows
        (topic_id, start_id, user_id, window_hash, result_id, intended, failure_class, is_chosen, keys, tokens)
    SELECT %(topic)s, w.start_id, %(user)s, decode(w.hash, 'hex'), w.result_id, w.intended, w.failure_class,
        w.is_chosen, ARRAY(SELECT decode(jsonb_array_elements_text(w.keys), 'hex')), w.tokens
    FROM jsonb_to_recordset(%(windows)s) AS w (start_id bigint, hash text, result_id uuid, intended text,
        failure_class text, is_chosen boolean, keys jsonb, tokens integer)
    ON CONFLICT (topic_id, start_id) DO UPDATE SET window_hash = excluded.window_hash, result_id = excluded.result_id,
        intended = excluded.intended, failure_class = excluded.failure_class, is_chosen = excluded.is_chosen,
        keys = excluded.keys, tokens = excluded.tokens
"""
# What a topic shows is to be gone through again, without extracting anything anew.
DOUBT = "UPDATE shown_windows SET result_id = NULL WHERE topic_id = %s AND user_id = %s"
SHOW_NONE = "DELETE FROM shown_windows WHERE topic_id = %s"

# How the topic's cards came about: by which failures the rules stood in, and what the shown results cost.
SHOWN_STATE = """
    SELECT array_remove(array_agg(DISTINCT failure_class), NULL) AS failures, coalesce(sum(tokens), 0) AS tokens
    FROM shown_windows WHERE topic_id = %s AND user_id = %s
"""

# Everything found in windows with a message that is being deleted, in whatever topic it was then.
FORGET_MESSAGE = "DELETE FROM window_results WHERE user_id = %s AND message_ids @> ARRAY[%s::bigint]"


def closed(tx: Transaction, user_id: UUID, topic_id: UUID) -> Closed:
    row = tx.row(CLOSED, topic=topic_id, user=user_id)
    if row is None:
        return Closed(-1, 0, START, 0, None)
    return Closed(row.window_no, row.end_id, bytes(row.chain), row.total, row.start_id)


def insert_windows(tx: Transaction, user_id: UUID, topic_id: UUID, known: Closed, new: Sequence[Window]) -> Closed:
    """Keeps windows that have been closed since `known`. Returns what is known then."""
    rows = []
    for window in new:
        known = Closed(
            known.last_no + 1,
            window.end_id,
            chained(known.chain, window),
            known.total + len(window.messages),
            known.start_id or window.start_id,
        )
        rows.append(
            {
                "n": known.last_no, "s": window.start_id, "e": window.end_id, "c": len(window.messages),
                "h": window.hash.hex(), "chain": known.chain.hex(), "total": known.total,
            }
        )  # fmt: skip
    if rows:
        tx.run(INSERT_WINDOWS, topic_id, user_id, records(rows))
    return known


def dirty(tx: Transaction, user_id: UUID, topic_id: UUID, intended: str, again: bool) -> list[Dirty]:
    """
    Args:
        again: what the user chose, and what the rules stand in for, is dirty too.
    """
    rows = tx.rows(DIRTY, topic=topic_id, user=user_id, intended=intended, again=again)
    return [Dirty(row.window_no, row.start_id, row.end_id, bytes(row.hash)) for row in rows]


def tail_is_shown(tx: Transaction, user_id: UUID, topic_id: UUID, tail: Window, intended: str, again: bool) -> bool:
    row = tx.one(
        TAIL_IS_SHOWN, topic=topic_id, user=user_id, start=tail.start_id, hash=tail.hash, intended=intended, again=again
    )
    return bool(row.yes)


def gone(
    tx: Transaction, user_id: UUID, topic_id: UUID, tail: Window | None, starts: Sequence[int], *, is_whole: bool
) -> tuple[list[int], set[bytes]]:
    """Start ids, and keys of the drafts, of what is not to be shown any more as it is.

    Args:
        tail: the open window at the topic's end.
        starts: where windows start that are about to be shown anew.
        is_whole: windows that are not there any more go too.
    """
    rows = tx.rows(
        GONE, topic=topic_id, user=user_id, starts=list(starts), is_whole=is_whole,
        tail_start=tail.start_id if tail else None, tail_hash=tail.hash if tail else None,
    )  # fmt: skip
    return [row.start_id for row in rows], {bytes(key) for row in rows for key in row.keys}


def closed_windows(tx: Transaction, user_id: UUID, topic_id: UUID) -> list[Dirty]:
    return [Dirty(r.window_no, r.start_id, r.end_id, bytes(r.hash)) for r in tx.rows(CLOSED_WINDOWS, topic_id, user_id)]


def shown_results(tx: Transaction, user_id: UUID, topic_id: UUID) -> dict[tuple[int, bytes], UUID | None]:
    """The results that a topic shows, by where their windows start and hash."""
    rows = tx.rows(SHOWN_RESULTS, topic_id, user_id)
    return {(row.start_id, bytes(row.window_hash)): row.result_id for row in rows}


def results(tx: Transaction, user_id: UUID, extractor: str, hashes: Iterable[bytes]) -> dict[bytes, Any]:
    """Rows (result_id, window_hash, message_ids, tokens) by hash."""
    wanted = list(hashes)
    rows = tx.rows(RESULTS, user_id, extractor, wanted) if wanted else []
    return {bytes(row.window_hash): row for row in rows}


def drafts(tx: Transaction, user_id: UUID, result_ids: Sequence[UUID]) -> dict[UUID, list[DraftCard]]:
    found: dict[UUID, list[DraftCard]] = {result_id: [] for result_id in result_ids}
    for row in tx.rows(DRAFTS, list(result_ids), user_id) if result_ids else ():
        found[row.result_id].append(_draft(row))
    return found


def drafts_of_keys(
    tx: Transaction, user_id: UUID, topic_id: UUID, keys: Iterable[bytes], but: Sequence[int]
) -> list[tuple[int, DraftCard]]:
    """(start id of the window, draft) in reading order; not of the windows that start with `but`."""
    rows = tx.rows(DRAFTS_OF_KEYS, topic_id, user_id, list(keys), list(but))
    return [(row.start_id, _draft(row)) for row in rows]


def _draft(row: Any) -> DraftCard:
    citations = tuple(Citation(*citation) for citation in row.citations)
    return DraftCard(CardKind(row.kind), row.title, row.body, row.confidence, citations)


def result_id(user_id: UUID, window_hash: bytes, extractor: Extractor) -> UUID:
    """The id of a window's result follows from what it is of, so that two workers give it the same."""
    named = user_id.bytes + window_hash + extractor.name.encode()
    return UUID(bytes=hashlib.sha256(named).digest()[:16], version=5)


def insert_results(tx: Transaction, user_id: UUID, found: Sequence[tuple[Dirty, Sequence[int], WindowResult]]) -> None:
    """Keeps (window, ids of its messages, result)."""
    ids = [result_id(user_id, window.hash, result.extractor) for window, _, result in found]
    tx.run(
        INSERT_RESULTS,
        user=user_id,
        results=records(_result_row(id_, *one) for id_, one in zip(ids, found, strict=True)),
        drafts=records(row for id_, (_, _, one) in zip(ids, found, strict=True) for row in _draft_rows(id_, one)),
    )


def _result_row(id_: UUID, window: Dirty, message_ids: Sequence[int], result: WindowResult) -> dict[str, Any]:
    return {
        "result_id": str(id_), "hash": window.hash.hex(), "extractor": result.extractor.name,
        "message_ids": list(message_ids), "dropped": result.dropped,
        "input_tokens": result.input_tokens, "output_tokens": result.output_tokens,
    }  # fmt: skip


def _draft_rows(id_: UUID, result: WindowResult) -> list[dict[str, Any]]:
    return [
        {
            "result_id": str(id_), "position": position, "key": draft_key(draft).hex(), "kind": draft.kind,
            "title": draft.title, "body": draft.body, "confidence": draft.confidence,
            "citations": [[c.message_id, c.start, c.end, c.quote] for c in draft.citations],
        }
        for position, draft in enumerate(result.drafts)
    ]  # fmt: skip


def show(tx: Transaction, user_id: UUID, topic_id: UUID, fresh: Sequence[Fresh], gone_starts: Sequence[int]) -> None:
    rows = [
        {
            "start_id": w.start_id, "hash": w.hash.hex(), "result_id": str(w.result_id), "intended": w.intended,
            "failure_class": w.failure_class, "is_chosen": w.is_chosen, "tokens": w.tokens,
            "keys": sorted({draft_key(draft).hex() for draft in w.drafts}),
        }
        for w in fresh
    ]  # fmt: skip
    starts = [w.start_id for w in fresh]
    tx.run(SHOW, topic=topic_id, user=user_id, gone=list(gone_starts), starts=starts, windows=records(rows))


def doubt(tx: Transaction, user_id: UUID, topic_id: UUID) -> None:
    tx.run(DOUBT, topic_id, user_id)


def show_none(tx: Transaction, topic_id: UUID) -> None:
    tx.run(SHOW_NONE, topic_id)


def shown_state(tx: Transaction, user_id: UUID, topic_id: UUID) -> tuple[list[str], int]:
    """(failure classes for which the rules stand in, tokens that the shown results cost)."""
    row = tx.one(SHOWN_STATE, topic_id, user_id)
    return row.failures or [], row.tokens


def forget_message(tx: Transaction, user_id: UUID, message_id: int) -> None:
    tx.run(FORGET_MESSAGE, user_id, message_id)
