"""SQL that reads runs, and what changes a run as a whole: overrides and erasure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.traces import contents
from chalicelib.traces.models import OWN, Gap
from chalicelib.traces.runs.models import Buckets, Event, Filter, Run, Skeleton, Step

RUN_COLUMNS = ", ".join(field.name for field in fields(Run))
GET = f"SELECT {RUN_COLUMNS} FROM trace_runs WHERE user_id = %s AND run_id = %s"
LOCK = f"{GET} FOR UPDATE"

# A page of runs, the last received first.
LIST = f"""
    SELECT {RUN_COLUMNS} FROM trace_runs WHERE user_id = %(user)s
        AND (%(before)s::timestamptz IS NULL OR (received_at, run_id) < (%(before)s, %(before_id)s::uuid))
        AND (%(status)s::text IS NULL OR status = %(status)s) AND (%(kind)s::text IS NULL OR %(kind)s = ANY(kinds))
        AND (%(model)s::text IS NULL OR %(model)s = ANY(models)) AND (%(tag)s::text IS NULL OR %(tag)s = ANY(tags))
        AND (%(origin)s::text IS NULL OR
            (%(origin)s = 'glia') = COALESCE(service = '{OWN}' AND '{OWN}' = ANY(tags), false))
        AND (%(since)s::timestamptz IS NULL OR COALESCE(started_at, received_at) >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR COALESCE(started_at, received_at) < %(until)s)
        AND (%(min_cost)s::numeric IS NULL OR cost >= %(min_cost)s)
        AND CASE %(health)s::text WHEN 'ok' THEN health = '{{}}' WHEN 'flagged' THEN health <> '{{}}'
            ELSE %(health)s IS NULL OR %(health)s = ANY(health) END
    ORDER BY received_at DESC, run_id DESC LIMIT %(limit)s
"""

# Runs of missing sequence numbers from the lowest gap on, up to the last number that is known of.
GAPS = """
    WITH there AS (
        SELECT sequence_no FROM trace_events WHERE user_id = %(user)s AND run_id = %(run)s AND sequence_no >= %(low)s
        UNION ALL SELECT %(low)s - 1 UNION ALL SELECT %(end)s + 1
    )
    SELECT sequence_no + 1 AS first, next - 1 AS last
    FROM (SELECT sequence_no, lead(sequence_no) OVER (ORDER BY sequence_no) AS next FROM there) pairs
    WHERE next > sequence_no + 1 ORDER BY sequence_no LIMIT %(limit)s
"""

EVENT_COLUMNS = ", ".join(f"e.{name}" for name in Event._fields)

# A page of visible events, as many as fit `room` bytes with their contents, one at least.
EVENTS = f"""
    SELECT {EVENT_COLUMNS} FROM (
        SELECT *, sum(bytes) OVER (ORDER BY sequence_no) - bytes AS before FROM (
            SELECT * FROM trace_events
            WHERE user_id = %(user)s AND run_id = %(run)s AND sequence_no > %(after)s AND sequence_no < %(horizon)s
                AND (%(step)s::uuid IS NULL OR step_id = %(step)s)
            ORDER BY sequence_no LIMIT %(limit)s
        ) chosen
    ) e WHERE e.before < %(room)s ORDER BY e.sequence_no
"""
EVENTS_AT = f"""
    SELECT {EVENT_COLUMNS} FROM trace_events e
    WHERE user_id = %s AND run_id = %s AND sequence_no = ANY(%s) ORDER BY sequence_no
"""

# Contents by hash, and what the blocks among them are made of.
CONTENTS = """
    WITH RECURSIVE found AS (
        SELECT content_hash, body, items FROM trace_contents WHERE user_id = %(user)s AND content_hash = ANY(%(hashes)s)
        UNION
        SELECT c.content_hash, c.body, c.items FROM found, unnest(found.items) AS i (content_hash)
            JOIN trace_contents c ON c.user_id = %(user)s AND c.content_hash = i.content_hash
    ) SELECT content_hash, body, items FROM found
"""

STEP_COLUMNS = ", ".join(f"s.{name}" for name in Step._fields)
STEP = f"SELECT {STEP_COLUMNS} FROM trace_steps s WHERE user_id = %s AND run_id = %s AND step_id = %s"
STEP_AT = f"SELECT {STEP_COLUMNS} FROM trace_steps s WHERE user_id = %s AND run_id = %s AND first_sequence_no = %s"

# The steps of a run from one position to another, in columns.
SKELETON = """
    SELECT array_agg(step_id) AS step_id, array_agg(parent_step_id) AS parent_step_id,
        array_agg(first_sequence_no) AS sequence_no, array_agg(kind) AS kind, array_agg(name) AS name,
        array_agg(status) AS status, array_agg((extract(epoch FROM started_at - %(zero)s) * 1000000)::bigint) AS start,
        array_agg((extract(epoch FROM ended_at - started_at) * 1000000)::bigint) AS duration,
        array_agg(model) AS model, array_agg(input_tokens) AS input, array_agg(output_tokens) AS output,
        array_agg(cost::float8) AS cost
    FROM (
        SELECT * FROM trace_steps WHERE user_id = %(user)s AND run_id = %(run)s
        ORDER BY first_sequence_no OFFSET %(first)s LIMIT %(count)s
    ) s
"""

# The same, `size` steps in a row added up to one.
BUCKETS = """
    SELECT array_agg(%(first)s + bucket * %(size)s) AS first, array_agg(steps) AS count, array_agg(start_us) AS start,
        array_agg(end_us) AS ends, array_agg(failed) AS failed, array_agg(incomplete) AS incomplete,
        array_agg(input) AS input, array_agg(output) AS output, array_agg(cost) AS cost, array_agg(kind) AS kind
    FROM (
        SELECT n / %(size)s AS bucket, count(*) AS steps,
            (extract(epoch FROM min(started_at) - %(zero)s) * 1000000)::bigint AS start_us,
            (extract(epoch FROM max(COALESCE(ended_at, started_at)) - %(zero)s) * 1000000)::bigint AS end_us,
            count(*) FILTER (WHERE status = 'failed') AS failed,
            count(*) FILTER (WHERE status = 'incomplete') AS incomplete,
            COALESCE(sum(input_tokens), 0)::bigint AS input, COALESCE(sum(output_tokens), 0)::bigint AS output,
            COALESCE(sum(cost), 0)::float8 AS cost, mode() WITHIN GROUP (ORDER BY kind) AS kind
        FROM (
            SELECT *, row_number() OVER (ORDER BY first_sequence_no) - 1 AS n FROM (
                SELECT * FROM trace_steps WHERE user_id = %(user)s AND run_id = %(run)s
                ORDER BY first_sequence_no OFFSET %(first)s LIMIT %(count)s
            ) window_of_steps
        ) s GROUP BY 1 ORDER BY 1
    ) buckets
"""

OVERRIDE = """
    UPDATE trace_runs SET privacy_override = %s, privacy_overridden_at = now() WHERE user_id = %s AND run_id = %s
"""

# Nobody is taking events in for the user while this is held.
HOLD_KEY = "SELECT FROM trace_keys WHERE user_id = %s FOR UPDATE"
DELETE_RUN = """
    WITH events AS (DELETE FROM trace_events WHERE user_id = %(user)s AND run_id = %(run)s),
        steps AS (DELETE FROM trace_steps WHERE user_id = %(user)s AND run_id = %(run)s)
    DELETE FROM trace_runs WHERE user_id = %(user)s AND run_id = %(run)s
"""

# Contents that only this run uses.
DELETE_CONTENTS = """
    WITH gone AS (
        DELETE FROM trace_content_refs WHERE user_id = %(user)s AND run_id = %(run)s RETURNING content_hash
    )
    SELECT content_hash FROM gone g WHERE NOT EXISTS (
        SELECT FROM trace_content_refs o
        WHERE o.user_id = %(user)s AND o.content_hash = g.content_hash AND o.run_id <> %(run)s)
"""
DROP_CONTENTS = "DELETE FROM trace_contents WHERE user_id = %s AND content_hash = ANY(%s)"


def get(tx: Transaction, user_id: UUID, run_id: UUID) -> Run | None:
    row = tx.row(GET, user_id, run_id)
    return Run(*row) if row else None


def lock(tx: Transaction, user_id: UUID, run_id: UUID) -> Run | None:
    row = tx.row(LOCK, user_id, run_id)
    return Run(*row) if row else None


def list_runs(
    tx: Transaction, user_id: UUID, wanted: Filter, before: tuple[datetime, UUID] | None, limit: int
) -> list[Run]:
    narrowed = {field.name: getattr(wanted, field.name) for field in fields(Filter)}
    moment, run_id = before or (None, None)
    rows = tx.rows(LIST, user=user_id, before=moment, before_id=run_id, limit=limit, **narrowed)
    return [Run(*row) for row in rows]


def gaps(tx: Transaction, user_id: UUID, run: Run, limit: int) -> list[Gap]:
    rows = tx.rows(GAPS, user=user_id, run=run.run_id, low=run.next_sequence_no, end=run.end, limit=limit)
    return [Gap(*row) for row in rows]


def events(
    tx: Transaction, user_id: UUID, run: Run, *, step_id: UUID | None, after: int, limit: int, room: int
) -> list[Event]:
    rows = tx.rows(
        EVENTS, user=user_id, run=run.run_id, after=after, horizon=run.horizon, step=step_id, limit=limit, room=room
    )
    return [Event(*row) for row in rows]


def events_at(tx: Transaction, user_id: UUID, run_id: UUID, numbers: Sequence[int]) -> list[Event]:
    return [Event(*row) for row in tx.rows(EVENTS_AT, user_id, run_id, list(numbers))]


def bodies(tx: Transaction, user_id: UUID, hashes: Sequence[UUID], *, by_name: bool = False) -> contents.Bodies:
    """What hashes stand for; by name: with the hashes of what is kept by itself in its place."""
    rows = tx.rows(CONTENTS, user=user_id, hashes=list(hashes)) if hashes else []
    return contents.by_name(rows) if by_name else contents.assembled(rows)


def step(tx: Transaction, user_id: UUID, run_id: UUID, step: UUID | int) -> Step | None:
    """A step by its id, or by its first sequence number."""
    row = tx.row(STEP if isinstance(step, UUID) else STEP_AT, user_id, run_id, step)
    return Step(*row) if row else None


def skeleton(tx: Transaction, user_id: UUID, run: Run, first: int, count: int) -> Skeleton:
    row = tx.one(SKELETON, user=user_id, run=run.run_id, zero=_zero(run), first=first, count=count)
    return Skeleton(*(column or [] for column in row))


def buckets(tx: Transaction, user_id: UUID, run: Run, first: int, count: int, size: int) -> Buckets:
    row = tx.one(BUCKETS, user=user_id, run=run.run_id, zero=_zero(run), first=first, count=count, size=size)
    return Buckets(*(column or [] for column in row))


def _zero(run: Run) -> datetime:
    return run.started_at or run.received_at


def override(tx: Transaction, user_id: UUID, run_id: UUID, reason: str) -> None:
    tx.run(OVERRIDE, reason, user_id, run_id)


def delete(tx: Transaction, user_id: UUID, run_id: UUID) -> bool:
    """Erases a run, its events and steps, and the contents that nothing else uses. False if there was none."""
    tx.run(HOLD_KEY, user_id)
    alone = [row.content_hash for row in tx.rows(DELETE_CONTENTS, user=user_id, run=run_id)]
    if alone:
        tx.run(DROP_CONTENTS, user_id, alone)
    return tx.run(DELETE_RUN, user=user_id, run=run_id) == 1
