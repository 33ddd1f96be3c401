"""The timeline of a run of 100,000 steps: an overview that can be drawn at once, and a closer look anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.api import Api
from tests.support.traces import new_run, run_events, send

STEPS = 100_000
# Copies of one step, ten milliseconds and a place apart; taking the events of so many in would take the test's time.
COPY = """
    INSERT INTO trace_steps (user_id, run_id, step_id, parent_step_id, kind, name, status, first_sequence_no,
        started_sequence_no, ended_sequence_no, starts, ends, started_at, ended_at, chunk_count, model, input_tokens,
        output_tokens)
    SELECT user_id, run_id, gen_random_uuid(), parent_step_id, kind, name, status, first_sequence_no + 10 * n,
        first_sequence_no + 10 * n, first_sequence_no + 10 * n + 1, 1, 1, started_at + n * interval '10 milliseconds',
        ended_at + n * interval '10 milliseconds', 0, model, input_tokens, output_tokens
    FROM trace_steps, generate_series(1, %s) AS n WHERE run_id = %s AND kind = 'model'
"""
COUNT = "UPDATE trace_runs SET step_count = %s WHERE run_id = %s"


def test_levels_of_a_timeline_of_100_000_steps(api: Api, superuser: Callable[..., None]) -> None:
    """The finest level that fits is chosen; each level up has a fourth of the buckets, and the same sums; a stretch of
    the overview opens into its steps; the parts of level 0, put together, are all steps."""
    run_id = new_run()
    send(api, *run_events(run_id, 1))
    superuser(COPY, STEPS - 2, run_id)
    superuser(COUNT, STEPS, run_id)

    def timeline(query: str = "") -> dict[str, Any]:
        return dict(api.get(f"/runs/{run_id}/timeline{query}"))

    first = timeline()
    assert (first["level"], first["bucket"], first["count"]) == (2, 16, STEPS)
    sizes = []
    for level in (2, 3, 4, 8, 9):
        columns = timeline(f"?level={level}")["columns"]
        sizes.append(len(columns["count"]))
        assert sum(columns["count"]) == STEPS
        assert sum(columns["input_tokens"]) == 10 * (STEPS - 1)
        assert columns["first"] == list(range(0, STEPS, 4**level))
    assert sizes == [6250, 1563, 391, 2, 1]
    opened = timeline("?from=50000&to=50015")
    assert (opened["level"], len(opened["columns"]["sequence_no"])) == (0, 16)
    assert opened["columns"]["start"][0] == first["columns"]["start"][50000 // 16]
    numbers = [n for at in range(0, STEPS, 12_000) for n in timeline(f"?level=0&from={at}")["columns"]["sequence_no"]]
    assert len(numbers) == STEPS
    assert numbers == sorted(set(numbers))
