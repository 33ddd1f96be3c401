"""Ingestion that is cut short: nothing of a batch is there, and it can be sent again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib import wiring
from chalicelib.adapters.postgres import DatabaseUnavailable
from chalicelib.settings import Settings
from tests.support.api import Api
from tests.support.crashing import Crash
from tests.support.queue import RecordingQueue
from tests.support.traces import new_run, run_events, send

PID = "SELECT pg_backend_pid() AS pid"


@pytest.mark.parametrize("failure", [Crash, DatabaseUnavailable])
def test_a_batch_that_is_cut_short_leaves_nothing(
    api: Api, settings: Settings, queue: RecordingQueue, superuser: Callable[..., None], failure: type[BaseException]
) -> None:
    """The process, or its connection, ends when the events are sent and the database has not answered yet."""
    run_id, pids = new_run(), list[int]()
    events = run_events(run_id, 20)

    def end(name: str) -> None:
        assert name == "mid_transaction"
        if failure is Crash:
            raise Crash
        superuser("SELECT pg_terminate_backend(%s)", pids[0])

    ending = wiring.build(settings, queue=queue, crash_points=end)

    def take() -> None:
        with ending.db.user(api.user_id) as tx:
            pids.append(tx.one(PID).pid)
            ending.traces.take(tx, api.user_id, events)

    with pytest.raises(failure):
        take()
    ending.close()
    assert api.request("GET", f"/runs/{run_id}").status_code == 404
    assert set(send(api, *events)) == {"accepted"}
    assert api.get(f"/runs/{run_id}")["event_count"] == len(events)


def test_what_a_batch_shows_does_not_depend_on_what_is_foreseen(api: Api) -> None:
    """One run whole, one with a gap, one that a batch ends beyond a gap: each is as visible as it is by itself."""
    whole, gap, ended = (run_events(new_run(), 2) for _ in range(3))
    parts = [whole, gap[:3] + gap[4:], [ended[-1], *ended[:3]]]
    together, alone = api.another(), api.another()
    statuses = send(together, *(event for part in parts for event in part))
    apart = [status for part in parts for status in send(alone, *part)]
    assert statuses == apart
    assert {"accepted", "held"} == set(statuses)
    for events in (whole, gap, ended):
        path = f"/runs/{events[0]['run_id']}"
        shown = [
            {name: value for name, value in user.get(path).items() if not name.endswith("_at")}
            for user in (together, alone)
        ]
        assert shown[0] == shown[1]
