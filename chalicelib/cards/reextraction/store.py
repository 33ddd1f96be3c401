"""SQL of re-extraction batches and their items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from chalicelib.adapters.postgres import Transaction
from chalicelib.cards.reextraction.models import Batch, BatchStatus, Item, ItemStatus
from chalicelib.jobs.models import REEXTRACTION


@dataclass(frozen=True, slots=True)
class Held:
    """A batch that is held until the transaction ends."""

    status: BatchStatus
    is_preview: bool
    request_id: str


@dataclass(frozen=True, slots=True)
class Task:
    """An item as its job finds it."""

    topic_id: UUID
    status: ItemStatus
    batch_id: UUID
    batch_status: BatchStatus
    choice: dict[str, Any] | None


INSERT = """
    INSERT INTO reextraction_batches (batch_id, user_id, filter, is_preview, choice, extractor, request_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING batch_id
"""

# Batches with what has become of their items.
BATCH_COLUMNS = """
    SELECT b.batch_id, b.status, b.is_preview, b.filter, b.extractor, i.progress, i.topics, i.cards_changed, i.tokens,
        b.request_id, b.created_at, b.ended_at
    FROM reextraction_batches b, LATERAL (
        SELECT coalesce(jsonb_object_agg(s.status, s.items), '{}') AS progress,
            coalesce(sum(s.items), 0)::int AS topics,
            coalesce(sum(s.cards_changed), 0)::int AS cards_changed, coalesce(sum(s.tokens), 0)::int AS tokens
        FROM (SELECT status, count(*) AS items, sum(cards_changed) AS cards_changed, sum(tokens) AS tokens
            FROM reextraction_items WHERE batch_id = b.batch_id GROUP BY status) AS s
    ) AS i
"""
GET = f"{BATCH_COLUMNS} WHERE b.batch_id = %s AND b.user_id = %s"

# A page of batches, newest first.
LIST = f"""
    {BATCH_COLUMNS} WHERE b.user_id = %(user)s AND (%(before)s::uuid IS NULL OR (b.created_at, b.batch_id)
        < (SELECT created_at, batch_id FROM reextraction_batches WHERE batch_id = %(before)s))
    ORDER BY b.created_at DESC, b.batch_id DESC LIMIT %(limit)s
"""
EXISTS = "SELECT EXISTS (SELECT FROM reextraction_batches WHERE batch_id = %s AND user_id = %s) AS found"

# A page of a batch's items, by topic.
ITEMS = """
    SELECT topic_id, status, job_id, run_id, cards_changed, tokens, failure_class, diff, ended_at
    FROM reextraction_items WHERE batch_id = %(batch)s AND user_id = %(user)s
        AND (%(after)s::uuid IS NULL OR topic_id > %(after)s) AND (%(status)s::text IS NULL OR status = %(status)s)
    ORDER BY topic_id LIMIT %(limit)s
"""

# The batch, held: who starts items, or ends the batch, does it one after the other.
HOLD = """
    SELECT status, is_preview, request_id FROM reextraction_batches
    WHERE batch_id = %s AND user_id = %s FOR NO KEY UPDATE
"""

# The items to start now, so that no more than a number of them are at work.
NEXT = """
    SELECT item_id, topic_id FROM reextraction_items WHERE batch_id = %(batch)s AND status = 'queued'
    ORDER BY topic_id LIMIT greatest(0, %(limit)s - (
        SELECT count(*) FROM reextraction_items WHERE batch_id = %(batch)s AND status = 'running'))
"""
START = """
    UPDATE reextraction_items i SET status = 'running', job_id = j.job_id
    FROM unnest(%s::uuid[], %s::uuid[]) AS j (item_id, job_id) WHERE i.item_id = j.item_id
"""

# Ends a batch of which nothing is left to do: a preview with something to show waits to be decided about.
END = """
    UPDATE reextraction_batches b SET ended_at = CASE WHEN s.status = 'done' THEN now() END, status = s.status
    FROM (SELECT CASE WHEN status = 'running' AND is_preview AND EXISTS (SELECT FROM reextraction_items
            WHERE batch_id = %(batch)s AND status = 'done') THEN 'ready' ELSE 'done' END AS status
        FROM reextraction_batches WHERE batch_id = %(batch)s) AS s
    WHERE b.batch_id = %(batch)s AND b.status IN ('running', 'applying') AND NOT EXISTS (
        SELECT FROM reextraction_items WHERE batch_id = %(batch)s AND status IN ('queued', 'running'))
"""
SET_STATUS = """
    UPDATE reextraction_batches SET status = %(status)s,
        ended_at = CASE WHEN %(status)s = 'applying' THEN NULL ELSE now() END,
        applied_at = CASE WHEN %(status)s = 'applying' THEN now() ELSE applied_at END
    WHERE batch_id = %(batch)s
"""

# All items of one status get another; diffs go unless they are still to be looked at.
SET_ITEMS = """
    UPDATE reextraction_items SET status = %(new)s, diff = CASE WHEN %(new)s = 'queued' THEN diff END,
        ended_at = CASE WHEN %(new)s = 'queued' THEN NULL ELSE now() END
    WHERE batch_id = %(batch)s AND status = %(old)s
"""
DROP_DIFFS = "UPDATE reextraction_items SET diff = NULL WHERE batch_id = %s AND diff IS NOT NULL"

# Ends the items that an extraction of their topic was for: by this job, or by one that this one stands for.
EXTRACTED = """
    UPDATE reextraction_items i SET status = 'done', run_id = %(run)s, cards_changed = %(cards_changed)s,
        tokens = %(tokens)s, failure_class = NULL, ended_at = now(), job_id = %(job)s
    WHERE i.topic_id = %(topic)s AND i.user_id = %(user)s AND i.status = 'running' AND (i.job_id = %(job)s
        OR NOT EXISTS (SELECT FROM jobs j WHERE j.job_id = i.job_id AND j.status IN ('queued', 'running')))
    RETURNING batch_id
"""

# Ends the items that no job is left for: of a topic, or the one that a job is about. They name the job that died last.
DIED = """
    UPDATE reextraction_items i SET status = 'failed', job_id = d.job_id, failure_class = d.failure_class,
        ended_at = now()
    FROM (SELECT job_id, failure_class FROM jobs WHERE subject = %(subject)s AND status = 'dead'
        ORDER BY ended_at DESC LIMIT 1) AS d
    WHERE i.user_id = %(user)s AND %(subject)s IN (i.topic_id, i.item_id) AND i.status = 'running' AND NOT EXISTS (
        SELECT FROM jobs o WHERE o.status IN ('queued', 'running') AND (o.job_id = i.job_id
            OR (%(subject)s = i.topic_id AND o.subject = i.topic_id AND o.kind = 'extract' AND o.cause = %(cause)s)))
    RETURNING i.batch_id
"""

# A dead job has been given back to the queue, or another one stands for it: so are the items it was for.
REDRIVEN = """
    UPDATE reextraction_items SET status = 'running', job_id = %(standing)s, failure_class = NULL, ended_at = NULL
    WHERE user_id = %(user)s AND job_id = %(dead)s AND status = 'failed' RETURNING batch_id
"""
REOPEN = """
    UPDATE reextraction_batches SET ended_at = NULL,
        status = CASE WHEN applied_at IS NULL THEN 'running' ELSE 'applying' END
    WHERE batch_id = ANY(%s) AND user_id = %s AND status IN ('ready', 'done')
"""

# The topic that an open job is about.
TOPIC_OF_JOB = """
    SELECT i.topic_id FROM jobs j JOIN reextraction_items i ON i.item_id = j.subject
    WHERE j.job_id = %s AND j.user_id = %s AND j.status IN ('queued', 'running')
"""
TASK = """
    SELECT i.topic_id, i.status, b.batch_id, b.status AS batch_status, b.choice
    FROM reextraction_items i JOIN reextraction_batches b USING (batch_id) WHERE i.item_id = %s AND i.user_id = %s
"""
FINISH = """
    UPDATE reextraction_items SET status = %(status)s, ended_at = now(), failure_class = %(failure_class)s,
        run_id = coalesce(%(run)s, run_id), cards_changed = %(cards_changed)s, tokens = coalesce(%(tokens)s, tokens),
        diff = %(diff)s, message_ids = %(message_ids)s
    WHERE item_id = %(item)s AND status = 'running'
"""

# What a preview shows goes with the messages it was made from.
FORGET_MESSAGE = """
    UPDATE reextraction_items SET diff = NULL, message_ids = '{}'
    WHERE user_id = %s AND diff IS NOT NULL AND message_ids @> ARRAY[%s::bigint]
"""


def insert(
    tx: Transaction, user_id: UUID, batch_id: UUID, asked: Mapping[str, Any], *, is_preview: bool,
    choice: Mapping[str, Any] | None, extractor: str, request_id: str,
) -> bool:  # fmt: skip
    """Returns whether the batch is new."""
    kept = Jsonb(choice) if choice is not None else None
    return tx.row(INSERT, batch_id, user_id, Jsonb(asked), is_preview, kept, extractor, request_id) is not None


def get(tx: Transaction, user_id: UUID, batch_id: UUID) -> Batch | None:
    row = tx.row(GET, batch_id, user_id)
    return _batch(row) if row else None


def list_batches(tx: Transaction, user_id: UUID, before: UUID | None, limit: int) -> list[Batch]:
    return [_batch(row) for row in tx.rows(LIST, user=user_id, before=before, limit=limit)]


def _batch(row: Any) -> Batch:
    batch_id, status, *rest = row
    return Batch(batch_id, BatchStatus(status), *rest)


def exists(tx: Transaction, user_id: UUID, batch_id: UUID) -> bool:
    return bool(tx.one(EXISTS, batch_id, user_id).found)


def items(
    tx: Transaction, user_id: UUID, batch_id: UUID, status: str | None, after: UUID | None, limit: int
) -> list[Item]:
    rows = tx.rows(ITEMS, batch=batch_id, user=user_id, status=status, after=after, limit=limit)
    return [Item(topic_id, ItemStatus(status), *rest) for topic_id, status, *rest in rows]


def hold(tx: Transaction, user_id: UUID, batch_id: UUID) -> Held | None:
    row = tx.row(HOLD, batch_id, user_id)
    return Held(BatchStatus(row.status), row.is_preview, row.request_id) if row else None


def next_items(tx: Transaction, batch_id: UUID, limit: int) -> dict[UUID, UUID]:
    """Topics by the ids of their items."""
    return {row.item_id: row.topic_id for row in tx.rows(NEXT, batch=batch_id, limit=limit)}


def start(tx: Transaction, jobs: Mapping[UUID, UUID]) -> None:
    """`jobs` by the ids of their items."""
    tx.run(START, list(jobs), list(jobs.values()))


def end(tx: Transaction, batch_id: UUID) -> None:
    tx.run(END, batch=batch_id)


def set_status(tx: Transaction, batch_id: UUID, status: BatchStatus) -> None:
    tx.run(SET_STATUS, batch=batch_id, status=status)


def set_items(tx: Transaction, batch_id: UUID, old: ItemStatus, new: ItemStatus) -> None:
    tx.run(SET_ITEMS, batch=batch_id, old=old, new=new)


def drop_diffs(tx: Transaction, batch_id: UUID) -> None:
    tx.run(DROP_DIFFS, batch_id)


def extracted(
    tx: Transaction, user_id: UUID, topic_id: UUID, job_id: UUID, run_id: UUID | None, cards_changed: int, tokens: int
) -> set[UUID]:
    """The batches whose items have ended."""
    rows = tx.rows(
        EXTRACTED, user=user_id, topic=topic_id, job=job_id, run=run_id, cards_changed=cards_changed, tokens=tokens
    )
    return {row.batch_id for row in rows}


def died(tx: Transaction, user_id: UUID, subject: UUID) -> set[UUID]:
    """The batches whose items have failed."""
    return {row.batch_id for row in tx.rows(DIED, user=user_id, subject=subject, cause=REEXTRACTION)}


def redriven(tx: Transaction, user_id: UUID, dead: UUID, standing: UUID) -> None:
    batches = {row.batch_id for row in tx.rows(REDRIVEN, user=user_id, dead=dead, standing=standing)}
    if batches:
        tx.run(REOPEN, sorted(batches), user_id)


def topic_of_job(tx: Transaction, user_id: UUID, job_id: UUID) -> UUID | None:
    row = tx.row(TOPIC_OF_JOB, job_id, user_id)
    return row.topic_id if row else None


def task(tx: Transaction, user_id: UUID, item_id: UUID) -> Task:
    row = tx.one(TASK, item_id, user_id)
    return Task(row.topic_id, ItemStatus(row.status), row.batch_id, BatchStatus(row.batch_status), row.choice)


def finish(
    tx: Transaction, item_id: UUID, status: ItemStatus, *, failure_class: str | None = None,
    run_id: UUID | None = None, cards_changed: int | None = None, tokens: int | None = None,
    diff: Sequence[Mapping[str, Any]] | None = None, message_ids: Sequence[int] = (),
) -> None:  # fmt: skip
    tx.run(
        FINISH, item=item_id, status=status, failure_class=failure_class, run=run_id, cards_changed=cards_changed,
        tokens=tokens, diff=None if diff is None else Jsonb(diff), message_ids=list(message_ids),
    )  # fmt: skip


def forget_message(tx: Transaction, user_id: UUID, message_id: int) -> None:
    tx.run(FORGET_MESSAGE, user_id, message_id)
