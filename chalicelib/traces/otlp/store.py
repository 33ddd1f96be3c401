"""SQL of traces that are made of spans: which spans are there, what their roots say, their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from chalicelib.adapters.arrays import Uuids
from chalicelib.adapters.postgres import Row, Transaction

Step = tuple[UUID, UUID | None]  # run id and step id

# Looked up one by one, by LIMIT: a join would be planned to read all of the user's steps.
KNOWN_STEPS = """
    SELECT s.run_id, s.step_id FROM unnest(%(runs)b::uuid[], %(steps)b::uuid[]) AS g (run_id, step_id),
        LATERAL (
            SELECT t.run_id, t.step_id FROM trace_steps t
            WHERE t.user_id = %(user)s AND t.run_id = g.run_id AND t.step_id = g.step_id LIMIT 1
        ) s
"""

# A trace whose root is there is named by it, and ends when no more spans come for a while; others wait for their root.
NOTE_ROOTS = """
    UPDATE trace_runs r SET name = root.name, started_at = LEAST(r.started_at, root.started_at),
        closes_at = LEAST(r.closes_at, now() + make_interval(secs => %(late)s))
    FROM unnest(%(runs)s::uuid[]) AS g (run_id), LATERAL (
        SELECT s.run_id, s.name, s.started_at FROM trace_steps s
        WHERE s.user_id = %(user)s AND s.run_id = g.run_id AND s.parent_step_id IS NULL
        ORDER BY s.started_at, s.step_id LIMIT 1
    ) root
    WHERE r.user_id = %(user)s AND r.run_id = root.run_id
"""

# Two steps, because a number that is still taken cannot be given: first beyond all of them, then down.
ASIDE = """
    WITH ordered AS (
        SELECT e.run_id, e.sequence_no,
            row_number() OVER (PARTITION BY e.run_id ORDER BY s.started_at, s.step_id, e.sequence_no) AS place
        FROM trace_events e JOIN trace_steps s
            ON s.user_id = e.user_id AND s.run_id = e.run_id AND s.step_id = e.step_id
        WHERE e.user_id = %(user)s AND e.run_id = ANY(%(runs)s)
    )
    UPDATE trace_events e SET sequence_no = o.place + (1::bigint << 54) FROM ordered o
    WHERE e.user_id = %(user)s AND e.run_id = o.run_id AND e.sequence_no = o.sequence_no
"""
BACK = """
    UPDATE trace_events SET sequence_no = sequence_no - (1::bigint << 54)
    WHERE user_id = %s AND run_id = ANY(%s) AND sequence_no >= (1::bigint << 54)
"""
RENUMBER_STEPS = """
    UPDATE trace_steps s SET first_sequence_no = e.first, started_sequence_no = e.start, ended_sequence_no = e.end
    FROM (
        SELECT run_id, step_id, min(sequence_no) AS first,
            min(sequence_no) FILTER (WHERE event_type = 'step.started') AS start,
            min(sequence_no) FILTER (WHERE event_type IN ('step.completed', 'step.failed')) AS end
        FROM trace_events WHERE user_id = %(user)s AND run_id = ANY(%(runs)s) AND step_id IS NOT NULL
        GROUP BY run_id, step_id
    ) e WHERE s.user_id = %(user)s AND s.run_id = e.run_id AND s.step_id = e.step_id
"""

ENDED = """
    SELECT r.run_id, r.max_sequence_no,
        (SELECT max(e.ts) FROM trace_events e WHERE e.user_id = r.user_id AND e.run_id = r.run_id) AS ended_at,
        EXISTS (
            SELECT FROM trace_steps s WHERE s.user_id = r.user_id AND s.run_id = r.run_id
                AND s.parent_step_id IS NULL AND s.status = 'failed'
        ) AS is_failed
    FROM trace_runs r WHERE r.user_id = %s AND r.run_id = ANY(%s)
"""


def known_steps(tx: Transaction, user_id: UUID, steps: Sequence[Step]) -> set[bytes]:
    """Of steps that were made of spans, those that are there, by trace and span id."""
    runs, ids = Uuids(run for run, _ in steps), Uuids(step for _, step in steps)
    rows = tx.rows(KNOWN_STEPS, user=user_id, runs=runs, steps=ids)
    return {row.run_id.bytes + row.step_id.bytes[8:] for row in rows}


def note_roots(tx: Transaction, user_id: UUID, run_ids: Iterable[UUID], late: int) -> None:
    """
    Args:
        late: seconds that spans may still come once the root is there.
    """
    tx.run(NOTE_ROOTS, user=user_id, runs=list(run_ids), late=late)


def renumber(tx: Transaction, user_id: UUID, run_ids: Sequence[UUID]) -> None:
    tx.run(ASIDE, user=user_id, runs=list(run_ids))
    tx.run(BACK, user_id, list(run_ids))
    tx.run(RENUMBER_STEPS, user=user_id, runs=list(run_ids))


def ended(tx: Transaction, user_id: UUID, run_ids: Sequence[UUID]) -> list[Row]:
    """(run id, last sequence number, when it ended, whether a root failed) of each."""
    return tx.rows(ENDED, user_id, list(run_ids))
