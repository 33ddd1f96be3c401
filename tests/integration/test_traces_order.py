"""Invariant 11, at random: the same events in any order, any number of times, from four at once, are one run."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib import wiring
from tests.support.api import Api
from tests.support.traces import Event, event, new_run, run_events

EXAMPLES = 25
CLIENTS = 4
VARYING = {"run_id", "received_at", "closes_at", "closed_at", "idempotency_key"}


def tangled(run_id: str) -> list[Event]:
    """A run whose steps interleave, fail, repeat, have no start, no end, and say things twice."""
    ids = [str(UUID(int=UUID(run_id).int ^ (n + 100))) for n in range(4)]
    types = ["step.started", "step.chunk", "step.completed", "step.failed", "step.started"]
    made = [event(run_id, 0, "run.started", name="tangled")]
    for n in range(14):
        step, parent = ids[n * 7 % 4], ids[n * 3 % 4]
        words = {"gen_ai.request.model": f"m{n % 3}", "gen_ai.usage.input_tokens": n, "gen_ai.usage.cost": 0.1 * n}
        made.append(
            event(
                run_id,
                n + 1,
                types[n * 11 % 5],
                step_id=step,
                parent_step_id=parent if parent != step else None,
                kind=["model", "tool", None][n % 3],
                name=f"n{n % 2}",
                attributes=words if n % 2 else {},
            )
        )
    made.append(event(run_id, 15, "run.completed", attributes={"last_sequence_no": 15, "status": "failed"}))
    return made


def sent(services: wiring.Services, user_id: UUID, batches: list[list[Event]], begin: threading.Barrier) -> None:
    begin.wait()
    for batch in batches:
        with services.db.user(user_id) as tx:
            receipts = services.traces.take(tx, user_id, batch)
        assert {receipt.status for receipt in receipts} <= {"accepted", "held", "duplicate"}
    services.close()


def sent_by_four(api: Api, shares: list[list[list[Event]]]) -> None:
    """Each client sends its batches, one after the other, all at once."""
    failures: list[BaseException] = []
    begin = threading.Barrier(CLIENTS)

    def run(share: list[list[Event]]) -> None:
        try:
            sent(api.services, api.user_id, share, begin)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def everything(api: Api, run_id: str) -> Any:
    """What can be seen of a run, without what differs from one run to the next."""
    shown = [
        api.get(f"/runs/{run_id}"),
        *api.get(f"/runs/{run_id}/events?limit=200")["items"],
        api.get(f"/runs/{run_id}/timeline")["columns"],
        api.get(f"/traces/runs/{run_id}/gaps")["gaps"],
    ]
    own = UUID(run_id).int
    return [_relative(one, own) for one in shown]


def _relative(value: Any, own: int) -> Any:
    if isinstance(value, dict):
        return {
            name: UUID(item).int ^ own if name in ("step_id", "parent_step_id") and item else _relative(item, own)
            for name, item in value.items()
            if name not in VARYING
        }
    return value


@st.composite
def plans(draw: st.DrawFn) -> list[list[list[int]]]:
    """For each of four clients, batches of places in two runs of events."""
    places = list(range(26))
    shares = [draw(st.lists(st.sampled_from(places), max_size=20)) for _ in range(CLIENTS)]
    missing = set(places) - {place for share in shares for place in share}
    shares[draw(st.integers(0, CLIENTS - 1))] += draw(st.permutations(sorted(missing)))
    return [_cut(draw, share) for share in shares]


def _cut(draw: st.DrawFn, share: list[int]) -> list[list[int]]:
    cuts = sorted(draw(st.sets(st.integers(0, len(share)), max_size=4)))
    pieces = [share[a:b] for a, b in zip([0, *cuts], [*cuts, len(share)], strict=True)]
    return [piece for piece in pieces if piece]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans())
def test_invariant_11_any_order_any_number_of_times_from_four_at_once(api: Api, plan: list[list[list[int]]]) -> None:
    """Two runs, whose events come in batches that mix them: each is what it is when it is sent once, in order."""
    one, two, first, second = (new_run() for _ in range(4))
    events = tangled(one) + run_events(two, 3)
    assert len(events) == 26
    sent_by_four(api, [[[events[place] for place in batch] for batch in share] for share in plan])
    alone = api.another()
    with api.services.db.user(alone.user_id) as tx:
        for straight in [*tangled(first), *run_events(second, 3)]:
            api.services.traces.take(tx, alone.user_id, [straight])
    assert everything(api, one) == everything(alone, first)
    assert everything(api, two) == everything(alone, second)
