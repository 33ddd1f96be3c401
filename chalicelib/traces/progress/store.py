"""SQL by which runs get on: gaps fill, steps are made of what has become visible, runs close. All of a batch's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from chalicelib.adapters.postgres import Transaction
from chalicelib.traces.marks import End, Start

# Moves each run's lowest gap up to the next one, and notes what came: counts, flags, and what the run's own events say.
# A run whose events are all there up to its last one closes; so does one whose time is over (`closing`).
ADVANCE = """
    WITH given AS MATERIALIZED (
        SELECT g.run_id, g.count, g.high, g.flags, g.closing, COALESCE(g.next, (
            SELECT max(q.sequence_no) + 1 FROM (
                SELECT e.sequence_no, row_number() OVER (ORDER BY e.sequence_no) AS n FROM trace_events e
                WHERE e.user_id = %(user)s AND e.run_id = g.run_id AND e.sequence_no >= g.low AND EXISTS (
                    SELECT FROM trace_events z
                    WHERE z.user_id = %(user)s AND z.run_id = g.run_id AND z.sequence_no = g.low)
            ) q WHERE q.sequence_no = g.low + q.n - 1), g.low) AS next
        FROM unnest(%(runs)s::uuid[], %(lows)s::bigint[], %(nexts)s::bigint[], %(counts)s::integer[],
            %(highs)s::bigint[], %(flags)s::text[], %(closing)s::boolean[])
            AS g (run_id, low, next, count, high, flags, closing)
    ), starts AS (
        SELECT * FROM jsonb_to_recordset(%(starts)s::jsonb) AS s (run_id uuid, sequence_no bigint, name text,
            at timestamptz, service text, framework text, tags text[], parent_run_id uuid, parent_step_id uuid)
    ), ends AS (
        SELECT * FROM jsonb_to_recordset(%(ends)s::jsonb)
            AS e (run_id uuid, sequence_no bigint, at timestamptz, last bigint, status text)
    ), noted AS MATERIALIZED (
        SELECT g.*, GREATEST(r.max_sequence_no, g.high) AS top,
            COALESCE(s.sequence_no < r.started_sequence_no, s.sequence_no IS NOT NULL) AS is_start,
            COALESCE(e.sequence_no < r.completed_sequence_no, e.sequence_no IS NOT NULL) AS is_end,
            r.completed_at IS NOT NULL OR e.sequence_no IS NOT NULL AS is_ended,
            g.closing OR COALESCE(g.next > CASE WHEN e.sequence_no < r.completed_sequence_no
                OR r.completed_sequence_no IS NULL THEN e.last ELSE r.last_sequence_no END, false) AS is_over
        FROM trace_runs r JOIN given g USING (run_id) LEFT JOIN starts s USING (run_id) LEFT JOIN ends e USING (run_id)
        WHERE r.user_id = %(user)s
    )
    UPDATE trace_runs r SET
        next_sequence_no = n.next, max_sequence_no = n.top, event_count = event_count + n.count,
        health = ARRAY(SELECT DISTINCT unnest(r.health || string_to_array(n.flags, ',')) ORDER BY 1),
        started_sequence_no = CASE WHEN n.is_start THEN s.sequence_no ELSE r.started_sequence_no END,
        name = CASE WHEN n.is_start THEN s.name ELSE r.name END,
        started_at = CASE WHEN n.is_start THEN s.at ELSE r.started_at END,
        service = CASE WHEN n.is_start THEN s.service ELSE r.service END,
        framework = CASE WHEN n.is_start THEN s.framework ELSE r.framework END,
        tags = CASE WHEN n.is_start THEN s.tags ELSE r.tags END,
        parent_run_id = CASE WHEN n.is_start THEN s.parent_run_id ELSE r.parent_run_id END,
        parent_step_id = CASE WHEN n.is_start THEN s.parent_step_id ELSE r.parent_step_id END,
        completed_sequence_no = CASE WHEN n.is_end THEN e.sequence_no ELSE r.completed_sequence_no END,
        last_sequence_no = CASE WHEN n.is_end THEN e.last ELSE r.last_sequence_no END,
        declared_status = CASE WHEN n.is_end THEN e.status ELSE r.declared_status END,
        ended_at = CASE WHEN n.is_end THEN e.at ELSE r.ended_at END,
        completed_at = CASE WHEN n.is_ended THEN COALESCE(r.completed_at, now()) END,
        closes_at = CASE WHEN n.is_ended THEN COALESCE(r.completed_at, now()) + make_interval(secs => %(late)s)
            ELSE now() + make_interval(secs => %(idle)s) END,
        closed_at = CASE WHEN n.is_over THEN now() END,
        status = CASE WHEN NOT n.is_over THEN 'running' WHEN n.closing THEN 'partial'
            WHEN n.is_end THEN e.status ELSE r.declared_status END
    FROM noted n LEFT JOIN starts s USING (run_id) LEFT JOIN ends e USING (run_id)
    WHERE r.user_id = %(user)s AND r.run_id = n.run_id
    RETURNING r.run_id, r.closed_at IS NOT NULL AS is_closed,
        CASE WHEN r.closed_at IS NULL THEN r.next_sequence_no ELSE r.max_sequence_no + 1 END AS high
"""

# What attributes say of their step.
FACTS = """
    left(COALESCE(attributes->>'gen_ai.request.model', attributes->>'gen_ai.response.model'), 200) AS model,
    left(attributes->>'gen_ai.tool.name', 200) AS tool, left(attributes->>'error.type', 200) AS error_type,
    CASE WHEN jsonb_typeof(attributes->'gen_ai.usage.input_tokens') = 'number' THEN
        LEAST(GREATEST((attributes->'gen_ai.usage.input_tokens')::numeric, 0), 1e12)::bigint END AS input,
    CASE WHEN jsonb_typeof(attributes->'gen_ai.usage.output_tokens') = 'number' THEN
        LEAST(GREATEST((attributes->'gen_ai.usage.output_tokens')::numeric, 0), 1e12)::bigint END AS output,
    CASE WHEN jsonb_typeof(attributes->'gen_ai.usage.cost') = 'number'
        THEN LEAST(GREATEST((attributes->'gen_ai.usage.cost')::numeric, 0), 1e9) END AS cost
"""

# Adds what steps have changed to their runs: of each step, how it is now (sign 1) and how it was (sign -1).
ADD_TO_RUNS = """
    , changed AS (
        SELECT run_id, sum(sign) AS steps, sum(sign) FILTER (WHERE status = 'incomplete') AS incomplete,
            sum(sign) FILTER (WHERE status = 'failed') AS failed, sum(sign * input_tokens) AS input,
            sum(sign * output_tokens) AS output, sum(sign * cost) AS cost,
            array_agg(DISTINCT model) FILTER (WHERE model IS NOT NULL) AS models,
            array_agg(DISTINCT kind) FILTER (WHERE kind IS NOT NULL) AS kinds
        FROM before_and_now GROUP BY run_id
    )
    UPDATE trace_runs r SET
        step_count = r.step_count + c.steps, incomplete_count = r.incomplete_count + COALESCE(c.incomplete, 0),
        failed_count = r.failed_count + COALESCE(c.failed, 0), input_tokens = r.input_tokens + COALESCE(c.input, 0),
        output_tokens = r.output_tokens + COALESCE(c.output, 0), cost = r.cost + COALESCE(c.cost, 0),
        models = CASE WHEN c.models <@ r.models OR c.models IS NULL THEN r.models
            ELSE ARRAY(SELECT DISTINCT unnest(r.models || c.models) ORDER BY 1) END,
        kinds = CASE WHEN c.kinds <@ r.kinds OR c.kinds IS NULL THEN r.kinds
            ELSE ARRAY(SELECT DISTINCT unnest(r.kinds || c.kinds) ORDER BY 1) END
    FROM changed c WHERE r.user_id = %(user)s AND r.run_id = c.run_id
"""

# Of the events of a step that have become visible, the first that says something holds, and what the step has said
# before holds still; a note says nothing of its step. Then the runs' sums. Each step is looked up once, by LIMIT and
# from then on by its place: what is planned for the few rows that are guessed is quadratic in the many that come.
MAKE_STEPS = f"""
    WITH given AS (
        SELECT * FROM unnest(%(runs)s::uuid[], %(lows)s::bigint[], %(highs)s::bigint[]) AS g (run_id, low, high)
    ), seen AS (
        SELECT e.run_id, e.step_id, e.parent_step_id, e.kind, e.ts, e.sequence_no, e.event_type,
            CASE WHEN e.event_type <> 'note' THEN NULLIF(e.name, '') END AS name,
            CASE WHEN e.event_type <> 'note' THEN e.attributes END AS attributes
        FROM given g JOIN trace_events e ON e.user_id = %(user)s AND e.run_id = g.run_id
            AND e.sequence_no >= g.low AND e.sequence_no < g.high AND e.step_id IS NOT NULL
    ), said AS (
        SELECT run_id, step_id, parent_step_id, kind, name, ts, sequence_no,
            event_type = 'step.started' AS is_start, event_type IN ('step.completed', 'step.failed') AS is_end,
            event_type = 'step.failed' AS is_failed, event_type = 'step.chunk' AS is_chunk,
            {FACTS}
        FROM seen ORDER BY run_id, step_id, sequence_no
    ), fresh AS (
        SELECT run_id, step_id,
            (array_agg(parent_step_id) FILTER (WHERE parent_step_id IS NOT NULL))[1] AS parent_step_id,
            (array_agg(kind) FILTER (WHERE kind IS NOT NULL))[1] AS kind,
            (array_agg(name) FILTER (WHERE name IS NOT NULL))[1] AS name,
            min(sequence_no) AS first_no, min(sequence_no) FILTER (WHERE is_start) AS start_no,
            min(sequence_no) FILTER (WHERE is_end) AS end_no,
            count(*) FILTER (WHERE is_start) AS starts, count(*) FILTER (WHERE is_end) AS ends,
            (array_agg(is_failed) FILTER (WHERE is_end))[1] AS is_failed,
            (array_agg(ts) FILTER (WHERE is_start))[1] AS started_at,
            (array_agg(ts) FILTER (WHERE is_end))[1] AS ended_at,
            (array_agg(ts) FILTER (WHERE is_chunk))[1] AS chunk_at, count(*) FILTER (WHERE is_chunk) AS chunks,
            (array_agg(model) FILTER (WHERE model IS NOT NULL))[1] AS model,
            (array_agg(tool) FILTER (WHERE tool IS NOT NULL))[1] AS tool,
            (array_agg(error_type) FILTER (WHERE error_type IS NOT NULL))[1] AS error_type,
            (array_agg(input) FILTER (WHERE input IS NOT NULL))[1] AS input,
            (array_agg(output) FILTER (WHERE output IS NOT NULL))[1] AS output,
            (array_agg(cost) FILTER (WHERE cost IS NOT NULL))[1] AS cost
        FROM said GROUP BY run_id, step_id
    ), compared AS MATERIALIZED (
        SELECT f.*, s.place, s.status AS was, s.input_tokens AS input_was, s.output_tokens AS output_was,
            s.cost AS cost_was, s.model AS model_was, s.kind AS kind_was
        FROM fresh f LEFT JOIN LATERAL (
            SELECT t.*, t.ctid AS place FROM trace_steps t
            WHERE t.user_id = %(user)s AND t.run_id = f.run_id AND t.step_id = f.step_id LIMIT 1
        ) s ON true
    ), made AS (
        INSERT INTO trace_steps (user_id, run_id, step_id, parent_step_id, kind, name, status, first_sequence_no,
            started_sequence_no, ended_sequence_no, starts, ends, is_failed, started_at, ended_at, first_chunk_at,
            chunk_count, model, tool, error_type, input_tokens, output_tokens, cost)
        SELECT %(user)s, f.run_id, f.step_id, f.parent_step_id, f.kind, COALESCE(f.name, ''),
            CASE WHEN f.starts = 1 AND f.ends = 1 THEN CASE WHEN f.is_failed THEN 'failed' ELSE 'completed' END
                ELSE 'incomplete' END,
            f.first_no, f.start_no, f.end_no, f.starts, f.ends, f.is_failed, f.started_at, f.ended_at, f.chunk_at,
            f.chunks, f.model, f.tool, f.error_type, f.input, f.output, f.cost
        FROM compared f WHERE f.was IS NULL
        RETURNING run_id, status, input_tokens, output_tokens, cost, model, kind
    ), merged AS (
        UPDATE trace_steps s SET
            parent_step_id = COALESCE(s.parent_step_id, f.parent_step_id),
            kind = COALESCE(s.kind, f.kind), name = COALESCE(NULLIF(s.name, ''), f.name, ''),
            status = CASE WHEN s.starts + f.starts = 1 AND s.ends + f.ends = 1
                THEN CASE WHEN COALESCE(s.is_failed, f.is_failed) THEN 'failed' ELSE 'completed' END
                ELSE 'incomplete' END,
            started_sequence_no = COALESCE(s.started_sequence_no, f.start_no),
            ended_sequence_no = COALESCE(s.ended_sequence_no, f.end_no),
            starts = s.starts + f.starts, ends = s.ends + f.ends, is_failed = COALESCE(s.is_failed, f.is_failed),
            started_at = COALESCE(s.started_at, f.started_at), ended_at = COALESCE(s.ended_at, f.ended_at),
            first_chunk_at = COALESCE(s.first_chunk_at, f.chunk_at), chunk_count = s.chunk_count + f.chunks,
            model = COALESCE(s.model, f.model), tool = COALESCE(s.tool, f.tool),
            error_type = COALESCE(s.error_type, f.error_type), input_tokens = COALESCE(s.input_tokens, f.input),
            output_tokens = COALESCE(s.output_tokens, f.output), cost = COALESCE(s.cost, f.cost)
        FROM compared f
        WHERE f.was IS NOT NULL AND s.ctid = f.place
        RETURNING s.run_id, s.status, s.input_tokens, s.output_tokens, s.cost, s.model, s.kind
    ), before_and_now AS (
        SELECT 1 AS sign, * FROM made UNION ALL SELECT 1, * FROM merged
        UNION ALL SELECT -1, run_id, was, input_was, output_was, cost_was, model_was, kind_was
        FROM compared WHERE was IS NOT NULL
    ) {ADD_TO_RUNS}
"""

# What a closed run's health is: a parent must begin before its child, so that no circle of them can be.
EXAMINE = """
    UPDATE trace_runs r SET health = ARRAY(SELECT DISTINCT flag FROM unnest(r.health || ARRAY[
        CASE WHEN r.next_sequence_no <= GREATEST(r.last_sequence_no, r.max_sequence_no) THEN 'gaps' END,
        CASE WHEN r.max_sequence_no > r.last_sequence_no THEN 'events_after_last' END,
        CASE WHEN r.incomplete_count > 0 THEN 'incomplete_steps' END,
        CASE WHEN EXISTS (
            SELECT FROM trace_steps s LEFT JOIN trace_steps p ON p.user_id = s.user_id AND p.run_id = s.run_id
                AND p.step_id = s.parent_step_id AND p.first_sequence_no < s.first_sequence_no
            WHERE s.user_id = r.user_id AND s.run_id = r.run_id AND s.parent_step_id IS NOT NULL AND p.step_id IS NULL
        ) THEN 'unknown_parents' END]) AS flag WHERE flag IS NOT NULL ORDER BY 1)
    WHERE r.user_id = %s AND r.run_id = ANY(%s)
"""

# Open runs whose time is over, oldest first; the system role sees no more of them.
DUE = (
    "SELECT user_id, run_id FROM trace_runs WHERE closed_at IS NULL AND closes_at <= now() ORDER BY closes_at LIMIT %s"
)
FLAG = """
    UPDATE trace_runs SET health = ARRAY(SELECT DISTINCT unnest(health || %s::text[]) ORDER BY 1)
    WHERE user_id = %s AND run_id = ANY(%s)
"""

FLAG_USERS_OF = """
    UPDATE trace_runs r SET health = ARRAY(SELECT DISTINCT unnest(r.health || %(flags)s::text[]) ORDER BY 1)
    WHERE r.user_id = %(user)s AND r.run_id IN (
        SELECT a.run_id FROM artifact_refs a
        WHERE a.user_id = %(user)s AND (a.artifact_id = %(artifact)s OR a.upload_id = %(artifact)s)
    )
"""


class Shown(NamedTuple):
    """How far a run is visible now: from `low` on, up to and without `high`."""

    run_id: UUID
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Advance:
    """What a batch brought to one run.

    Args:
        low: its lowest gap before.
        next: its lowest gap now, where that is known without looking at what is stored.
    """

    run_id: UUID
    low: int
    next: int | None
    count: int
    high: int
    flags: Sequence[str]
    closing: bool
    start: Start | None
    end: End | None

    @property
    def foreseen(self) -> Shown | None:
        """How far the run will be visible, closed or not; None if events are held, which only the database can tell."""
        high = max(self.low, self.high + 1)
        return Shown(self.run_id, self.low, high) if self.next == high else None


class Advanced(NamedTuple):
    """What became of a run."""

    shown: Shown
    is_closed: bool


def advance(
    tx: Transaction, user_id: UUID, given: Sequence[Advance], late: int, idle: int
) -> Callable[[], list[Advanced]]:
    """
    Args:
        late: seconds that gaps may fill after `run.completed`.
        idle: seconds after which a run of which nothing is heard closes.

    Returns:
        What waits for the answer.
    """
    lows = {one.run_id: one.low for one in given}
    rows = tx.send(
        ADVANCE, user=user_id, runs=[one.run_id for one in given], lows=[one.low for one in given],
        nexts=[one.next for one in given], counts=[one.count for one in given], highs=[one.high for one in given],
        flags=[",".join(one.flags) or None for one in given], closing=[one.closing for one in given],
        starts=Jsonb([_record(one.run_id, one.start) for one in given if one.start]),
        ends=Jsonb([_record(one.run_id, one.end) for one in given if one.end]), late=late, idle=idle,
    )  # fmt: skip
    return cache(lambda: [Advanced(Shown(row.run_id, lows[row.run_id], row.high), row.is_closed) for row in rows()])


def _record(run_id: UUID, mark: Start | End) -> dict[str, Any]:
    words = asdict(mark) | {"run_id": run_id, "at": mark.at.isoformat()}
    return {name: str(value) if isinstance(value, UUID) else value for name, value in words.items()}


def make_steps(tx: Transaction, user_id: UUID, shown: Sequence[Shown]) -> None:
    """Of the events that have become visible."""
    runs, lows, highs = zip(*shown, strict=True)
    tx.run(MAKE_STEPS, user=user_id, runs=list(runs), lows=list(lows), highs=list(highs))


def examine(tx: Transaction, user_id: UUID, run_ids: Sequence[UUID]) -> None:
    tx.run(EXAMINE, user_id, list(run_ids))


def due(tx: Transaction, limit: int) -> list[tuple[UUID, UUID]]:
    """(user id, run id), as the system role."""
    return [(row.user_id, row.run_id) for row in tx.rows(DUE, limit)]


def flag(tx: Transaction, user_id: UUID, run_ids: Iterable[UUID], flags: Sequence[str]) -> None:
    """Notes flags of health; `privacy_risk` blocks replay and export."""
    tx.run(FLAG, list(flags), user_id, list(run_ids))


def flag_users_of(tx: Transaction, user_id: UUID, artifact_id: UUID, reason: str) -> None:
    """Notes a flag on every run that refers to an artifact."""
    tx.run(FLAG_USERS_OF, user=user_id, artifact=artifact_id, flags=[reason])
