"""Steps made of whole spans: what would be made of their events, one by one, and hidden like those behind a gap."""

from __future__ import annotations

import json
import random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from local.roles import DatabaseUrls
from tests.support.api import Api
from tests.support.databases import Server

AT = 1_790_000_000_000_000_000
ENVELOPE = (
    "sequence_no", "event_type", "step_id", "parent_step_id", "kind", "name", "ts", "sequence_source", "attributes",
)  # fmt: skip
STEPS = """
    SELECT to_jsonb(s) - 'user_id' AS step FROM trace_steps s WHERE user_id = %s AND run_id = %s ORDER BY step_id
"""
RUN = """
    SELECT to_jsonb(r) - ARRAY['user_id', 'received_at', 'closes_at', 'privacy_overridden_at'] AS run
    FROM trace_runs r WHERE user_id = %s AND run_id = %s
"""
VALUES: dict[str, list[dict[str, Any]]] = {
    "gen_ai.usage.input_tokens": [
        {"intValue": "7"}, {"intValue": "-7"}, {"stringValue": "8"}, {"stringValue": "many"},
        {"doubleValue": 2.5}, {"doubleValue": 1e300}, {"boolValue": True},
    ],
    "llm.token_count.completion": [{"intValue": 3}, {"intValue": str(2**62)}, {"doubleValue": 0.4}],
    "gen_ai.usage.cost": [{"doubleValue": 0.000001}, {"doubleValue": -1.0}, {"stringValue": "1"}, {"intValue": "3"}],
    "gen_ai.request.model": [{"stringValue": "a"}, {"stringValue": "m" * 300}, {"intValue": "4"}, {"stringValue": ""}],
    "gen_ai.response.model": [{"stringValue": "b"}],
    "gen_ai.tool.name": [{"stringValue": "search"}, {"boolValue": False}],
    "gen_ai.operation.name": [{"stringValue": "chat"}, {"stringValue": "execute_tool"}, {"stringValue": "dance"}],
    "error.type": [{"stringValue": "Timeout"}],
    "output.value": [{"stringValue": "said " * 500}, {"stringValue": ""}],
}  # fmt: skip
EVENTS = [
    {"name": "retry", "timeUnixNano": str(AT + 5), "attributes": [
        {"key": "gen_ai.request.model", "value": {"stringValue": "of-a-note"}},
        {"key": "gen_ai.usage.cost", "value": {"doubleValue": 5.0}},
    ]},
    {"name": "exception", "timeUnixNano": str(AT + 6), "attributes": [
        {"key": "exception.type", "value": {"stringValue": "ValueError"}},
    ]},
]  # fmt: skip


def span(trace_id: UUID, number: int, chance: random.Random) -> dict[str, Any]:
    """One of anything: what a span may say of itself, in any combination."""
    attributes = [
        {"key": key, "value": chance.choice(values)} for key, values in VALUES.items() if chance.random() < 0.5
    ]
    made = {
        "traceId": trace_id.hex, "spanId": f"{number + 1:016x}", "name": chance.choice(["", "call", "n" * 300]),
        "startTimeUnixNano": str(AT + number * 1000), "endTimeUnixNano": str(AT + chance.randrange(10**9)),
        "attributes": attributes, "status": {"code": chance.choice([0, 1, 2]), "message": "why"},
        "events": [event for event in EVENTS if chance.random() < 0.3],
    }  # fmt: skip
    return made | ({"parentSpanId": f"{chance.randrange(number) + 1:016x}"} if number else {})


def send(api: Api, spans: list[dict[str, Any]], **resource: Any) -> None:
    body = json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}).encode()
    response = api.request("POST", "/v1/traces", raw=body)
    assert (response.status_code, json.loads(response.body)) == (200, {})


def kept(url: str, user_id: UUID, run_id: UUID) -> tuple[list[Any], Any]:
    """A user's steps of a run, and the run."""
    with psycopg.connect(url) as connection:
        steps = [row[0] for row in connection.execute(STEPS, (user_id, run_id))]
        row = connection.execute(RUN, (user_id, run_id)).fetchone()
    return steps, row and row[0]


@pytest.mark.parametrize("seed", range(4))
def test_steps_of_spans_are_those_of_their_events(api: Api, server: Server, database: DatabaseUrls, seed: int) -> None:
    """Every event of the run, sent as it is by another user, makes the same steps and the same run."""
    chance, trace_id, other = random.Random(seed), uuid4(), api.another()
    send(api, [span(trace_id, number, chance) for number in range(60)])
    events = api.get(f"/runs/{trace_id}/events?limit=200")["items"]
    sent = [
        {"schema_version": 1, "run_id": str(trace_id), **{name: event[name] for name in ENVELOPE}} for event in events
    ]
    receipts = other.post("/traces/events", {"events": sent})["receipts"]
    assert {receipt["status"] for receipt in receipts} == {"accepted"}
    url = server.superuser(database)
    of_spans, of_events = kept(url, api.user_id, trace_id), kept(url, other.user_id, trace_id)
    assert len(of_spans[0]) == 60
    assert of_spans == of_events


def test_spans_of_a_run_with_a_gap_are_hidden_until_it_fills(api: Api) -> None:
    """A program that numbers its events may be traced by its spans as well, under the same id."""
    run_id, chance = uuid4(), random.Random(1)

    def event(number: int, event_type: str, **more: Any) -> dict[str, Any]:
        return {
            "schema_version": 1, "run_id": str(run_id), "sequence_no": number, "event_type": event_type, "name": "own",
            "ts": "2026-09-21T12:00:00Z", **more,
        }  # fmt: skip

    api.post("/traces/events", {"events": [event(0, "run.started"), event(2, "note")]})
    send(api, [span(run_id, number, chance) for number in range(3)])
    assert api.get(f"/runs/{run_id}")["step_count"] == 0
    api.post("/traces/events", {"events": [event(1, "note")]})
    run = api.get(f"/runs/{run_id}")
    assert (run["step_count"], run["incomplete_count"]) == (3, 0)
    assert api.get(f"/traces/runs/{run_id}/gaps")["gaps"] == []
    send(api, [span(run_id, number, chance) for number in range(5)])
    assert api.get(f"/runs/{run_id}")["step_count"] == 5


def test_spans_of_a_process_of_which_nothing_can_be_kept_are_kept(api: Api) -> None:
    """The run goes without the start that would tell of it."""
    trace_id, chance = uuid4(), random.Random(2)
    nothing = [{"key": "share", "value": {"doubleValue": "NaN"}}]
    send(api, [span(trace_id, number, chance) for number in range(2)], attributes=nothing)
    run = api.get(f"/runs/{trace_id}")
    assert (run["step_count"], run["service"], run["health"]) == (2, None, [])
    events = api.get(f"/runs/{trace_id}/events")["items"]
    assert (events[0]["sequence_no"], events[0]["event_type"]) == (0, "step.started")
    assert api.get(f"/traces/runs/{trace_id}/gaps")["gaps"] == []
