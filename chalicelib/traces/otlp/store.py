"""SQL of traces that are made of spans: which spans are there, what their roots say, their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chalicelib.adapters.arrays import Bytes, Encoded, Moments, Texts, Uuids, Wholes
from chalicelib.adapters.postgres import Row, Transaction
from chalicelib.traces.models import Prepared
from chalicelib.traces.progress.store import ADD_TO_RUNS, FACTS
from chalicelib.traces.store import joined

Step = tuple[UUID, UUID | None]  # run id and step id


@dataclass(slots=True)
class SpanStep:
    """A step that a span is: it has its start, its notes and its end at once.

    Args:
        started_no: the sequence number of its start, which says nothing that the end does not, but when it was.
    """

    run_id: UUID
    started_at: datetime
    end: Prepared
    notes: list[Prepared]
    started_no: int = -1


# Looked up one by one, by LIMIT: a join would be planned to read all of the user's steps.
KNOWN_STEPS = """
    SELECT s.run_id, s.step_id FROM unnest(%(runs)b::uuid[], %(steps)b::uuid[]) AS g (run_id, step_id),
        LATERAL (
            SELECT t.run_id, t.step_id FROM trace_steps t
            WHERE t.user_id = %(user)s AND t.run_id = g.run_id AND t.step_id = g.step_id LIMIT 1
        ) s
"""

# The two events of each step, and the step itself unless a gap of its run hides it: what would be made of its events.
INSERT_STEPS = f"""
    WITH given AS MATERIALIZED (
        SELECT g.run_id, g.started_no, g.ended_no, g.event_type, g.event_type = 'step.failed' AS is_failed, g.step_id,
            g.parent_step_id, g.kind, g.name, g.started_at, g.ended_at, g.attributes::jsonb AS attributes,
            CASE WHEN g.contents IS NOT NULL THEN string_to_array(g.contents, ',')::uuid[] END AS contents, g.bytes,
            g.redaction::jsonb AS redaction, g.fingerprint
        FROM unnest(%(run)b::uuid[], %(started_no)b::bigint[], %(ended_no)b::bigint[],
            %(type)b::text[], %(step)b::uuid[], %(parent)b::uuid[], %(kind)b::text[], %(name)b::text[],
            %(started)b::timestamptz[], %(ended)b::timestamptz[], %(attributes)b::text[], %(contents)b::text[],
            %(bytes)b::bigint[], %(redaction)b::text[], %(fingerprint)b::bytea[])
            AS g (run_id, started_no, ended_no, event_type, step_id, parent_step_id, kind, name, started_at,
                ended_at, attributes, contents, bytes, redaction, fingerprint)
    ), started AS (
        INSERT INTO trace_events (user_id, run_id, sequence_no, event_type, step_id, parent_step_id, kind, name, ts,
            sequence_source, attributes, bytes, redaction, fingerprint)
        SELECT %(user)s, run_id, started_no, 'step.started', step_id, parent_step_id, kind, name, started_at,
            'derived', '{{}}', 2, redaction, fingerprint
        FROM given
    ), ended AS (
        INSERT INTO trace_events (user_id, run_id, sequence_no, event_type, step_id, parent_step_id, kind, name, ts,
            sequence_source, attributes, contents, bytes, redaction, fingerprint)
        SELECT %(user)s, run_id, ended_no, event_type, step_id, parent_step_id, kind, name, ended_at, 'derived',
            attributes, contents, bytes, redaction, fingerprint
        FROM given
    ), said AS (
        SELECT given.*, {FACTS} FROM given WHERE run_id <> ALL (%(hidden)s)
    ), made AS (
        INSERT INTO trace_steps (user_id, run_id, step_id, parent_step_id, kind, name, status, first_sequence_no,
            started_sequence_no, ended_sequence_no, starts, ends, is_failed, started_at, ended_at, chunk_count,
            model, tool, error_type, input_tokens, output_tokens, cost)
        SELECT %(user)s, run_id, step_id, parent_step_id, kind, name,
            CASE WHEN is_failed THEN 'failed' ELSE 'completed' END, started_no, started_no, ended_no, 1, 1, is_failed,
            started_at, ended_at, 0, model, tool, error_type, input, output, cost
        FROM said
        RETURNING run_id, status, input_tokens, output_tokens, cost, model, kind
    ), before_and_now AS (
        SELECT 1 AS sign, * FROM made
    ) {ADD_TO_RUNS}
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


def insert_steps(tx: Transaction, user_id: UUID, steps: Sequence[SpanStep], hidden: list[UUID]) -> None:
    """
    Args:
        hidden: runs that have a gap.
    """
    ends = [step.end for step in steps]
    tx.run(
        INSERT_STEPS, user=user_id, hidden=hidden, run=Uuids([e.run_id for e in ends]),
        started_no=Wholes([step.started_no for step in steps]), ended_no=Wholes([e.sequence_no for e in ends]),
        type=Texts([e.event_type for e in ends]),
        step=Uuids([e.step_id for e in ends]), parent=Uuids([e.parent_step_id for e in ends]),
        kind=Texts([e.kind for e in ends]), name=Texts([e.name for e in ends]),
        started=Moments([step.started_at for step in steps]), ended=Moments([e.ts for e in ends]),
        attributes=Encoded([e.attributes for e in ends]), contents=Texts([joined(e.placeholders) for e in ends]),
        bytes=Wholes([e.size for e in ends]), redaction=Texts([e.redaction for e in ends]),
        fingerprint=Bytes([e.fingerprint for e in ends]),
    )  # fmt: skip


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
