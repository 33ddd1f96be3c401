"""How long a timeline takes on the server, and how large it is, for a run of 10,000 steps and one of 100,000.

    PYTHONPATH=.:sdk/src python bench/timeline.py [--steps 10000 100000] [--calls 15]

The whole request through the application, in process: identity, SQL, columns, JSON. Compressed as API Gateway does it,
with gzip, which is not in the time. The floor beside it reads the same rows and makes JSON of them.
"""

from __future__ import annotations

import gzip
import json
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg

from bench.support import Targets, application, clean_environment, parse, place, say
from tests.support.queue import RecordingQueue
from tests.support.traces import run_events

if TYPE_CHECKING:
    from tests.support.api import Api

SMALL, SMALL_MS, SMALL_BYTES = 10_000, 150, 300_000
LARGE_MS = 1000
BATCH = 5000
ROWS = """
    SELECT first_sequence_no, parent_step_id, kind, name, status, started_at, ended_at, model, input_tokens,
        output_tokens
    FROM trace_steps WHERE user_id = %s AND run_id = %s ORDER BY first_sequence_no
"""


def fill(api: Api, steps: int) -> str:
    """A run of so many steps. Returns its id."""
    run_id = str(uuid4())
    events = run_events(run_id, steps - 1)
    with_batches = [events[first : first + BATCH] for first in range(0, len(events), BATCH)]
    for batch in with_batches:
        with api.services.db.user(api.user_id) as tx:
            api.services.traces.take(tx, api.user_id, batch)
    assert api.get(f"/runs/{run_id}")["step_count"] == steps
    return run_id


def asked(api: Api, path: str, calls: int) -> tuple[float, bytes]:
    """Milliseconds of the median request, and the answer."""
    taken = []
    for _ in range(calls):
        began = perf_counter()
        response = api.request("GET", path)
        taken.append(1000 * (perf_counter() - began))
        assert response.status_code == 200
    return median(taken), response.body


def floor(connection: psycopg.Connection[Any], user_id: object, run_id: str, calls: int) -> float:
    taken = []
    for _ in range(calls):
        began = perf_counter()
        json.dumps(connection.execute(ROWS, (user_id, run_id)).fetchall(), default=str)
        taken.append(1000 * (perf_counter() - began))
    return median(taken)


def main() -> None:
    args = parse(
        __doc__,
        ("--steps", {"type": int, "nargs": "+", "default": [SMALL, 100_000], "help": "of each run"}),
        ("--calls", {"type": int, "default": 15, "help": "requests of each (default: 15)"}),
    )
    clean_environment()
    application()
    from tests.support.api import Api

    targets = Targets()
    with place() as where:
        services = where.build(RecordingQueue())
        api = Api(services, RecordingQueue(), where.folder)
        with psycopg.connect(where.superuser, autocommit=True) as connection:
            for steps in args.steps:
                say(f"{steps} steps")
                run_id = fill(api, steps)
                connection.execute("ANALYZE")
                measure(targets, api, connection, run_id, steps, args.calls)
        services.close()
    targets.exit()


def measure(
    targets: Targets, api: Api, connection: psycopg.Connection[Any], run_id: str, steps: int, calls: int
) -> None:
    ms, body = asked(api, f"/runs/{run_id}/timeline", calls)
    bare = floor(connection, api.user_id, run_id, max(calls // 3, 1))
    packed = len(gzip.compress(body, 6))
    level = json.loads(body)["level"]
    print(f"{steps} steps, level {level}: {ms:.0f} ms, {len(body) / steps:.0f} bytes a step, {packed} bytes compressed")
    print(f"{steps} steps, rows to JSON: {bare:.0f} ms")
    if steps <= SMALL:
        targets.check(f"below {SMALL_MS} ms and {SMALL_BYTES} bytes", ms < SMALL_MS and packed < SMALL_BYTES)
    else:
        targets.check(f"below {LARGE_MS} ms", ms < LARGE_MS)


if __name__ == "__main__":
    main()
