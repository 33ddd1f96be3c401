"""What must hold of Glia's own runs once everything is at rest, whatever happened before."""

from __future__ import annotations

from chalicelib.adapters.postgres import Transaction
from tests.faults.promises import broken

# What the first event of a run of Glia's own says it is about.
ABOUT = """
    SELECT r.user_id, r.run_id, r.name, r.status, e.attributes AS said FROM trace_runs r
    JOIN trace_events e ON e.user_id = r.user_id AND e.run_id = r.run_id AND e.sequence_no = 0 WHERE r.service = 'glia'
"""

# Turns that have ended without exactly their own run, and decisions that name another run than their turn.
TURNS = """
    SELECT t.turn_id FROM turns t LEFT JOIN told r ON r.said->>'glia.turn.id' = t.turn_id::text
    WHERE t.status IN ('completed', 'failed') GROUP BY t.turn_id
    HAVING count(*) <> 1
        OR NOT coalesce(bool_and(r.run_id = t.trace_run_id AND r.name = 'chat.turn' AND r.status = t.status), false)
    UNION ALL
    SELECT t.turn_id FROM turns t JOIN topic_router_runs d ON d.message_id = t.user_message_id
    WHERE t.retry_of IS NULL AND d.trace_run_id IS DISTINCT FROM t.trace_run_id
"""

# Extract runs that have ended without the run of their last attempt.
EXTRACTIONS = """
    SELECT x.run_id FROM card_extract_runs x LEFT JOIN told r ON r.run_id = x.trace_run_id
    WHERE x.status <> 'running' AND (r.run_id IS NULL OR r.said->>'glia.extract_run.id' <> x.run_id::text
        OR (r.said->>'glia.extract_run.attempt')::int <> x.attempt OR r.said->>'glia.extract_run.status' <> x.status)
"""

# Attempts that were told of twice, or that never were.
ATTEMPTS = """
    SELECT r.said FROM told r
    LEFT JOIN card_extract_runs x ON x.run_id::text = r.said->>'glia.extract_run.id' WHERE r.name = 'cards.extract'
    GROUP BY r.said->>'glia.extract_run.id', r.said->>'glia.extract_run.attempt', r.said
    HAVING count(*) <> 1 OR bool_or(x.attempt IS NULL OR x.attempt < (r.said->>'glia.extract_run.attempt')::int)
"""

# Stories without their run, and versions that were told of twice.
STORIES = """
    SELECT s.topic_id, s.version FROM stories s LEFT JOIN told r ON r.run_id = s.trace_run_id
    WHERE r.run_id IS NULL OR r.name <> 'story.tell' OR r.said->>'glia.topic.id' <> s.topic_id::text
    UNION ALL
    SELECT (said->>'glia.topic.id')::uuid, (said->>'glia.story.version')::int FROM told
    WHERE said->>'glia.story.outcome' = 'told' GROUP BY 1, 2 HAVING count(*) > 1
"""

# Runs that are not whole.
HALVES = """
    SELECT r.run_id FROM trace_runs r WHERE r.service = 'glia' AND (r.closed_at IS NULL OR r.health <> '{}'
        OR r.event_count <> (SELECT count(*) FROM trace_events e WHERE e.user_id = r.user_id AND e.run_id = r.run_id)
        OR r.step_count <> (SELECT count(*) FROM trace_steps s WHERE s.user_id = r.user_id AND s.run_id = r.run_id))
"""


BROKEN = f"WITH told AS MATERIALIZED ({ABOUT}) " + broken(
    turns=TURNS, extractions=EXTRACTIONS, attempts=ATTEMPTS, stories=STORIES, halves=HALVES
)


def check_explanations(tx: Transaction) -> None:
    """What has ended is explained, once and whole; what has not happened is not."""
    assert tx.rows(BROKEN) == []
