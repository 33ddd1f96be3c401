"""Ingestion: receipts, order, gaps, conflicts, closing; invariant 11."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

from tests.support.api import Api
from tests.support.traces import event, new_run, run_events, send

Change = Callable[..., None]


def test_a_run_is_made_by_its_first_event_and_closes_when_all_is_there(api: Api) -> None:
    """Its name, tags, counts, tokens, cost, models and kinds are those of its events."""
    run_id = new_run()
    assert set(send(api, *run_events(run_id, 3))) == {"accepted"}
    run = api.get(f"/runs/{run_id}")
    assert (run["status"], run["name"], run["tags"], run["service"]) == ("completed", "a run", ["night"], "tests")
    assert (run["event_count"], run["step_count"], run["incomplete_count"]) == (10, 4, 0)
    assert (run["input_tokens"], run["output_tokens"], run["cost"]) == (30, 3, 0.3)
    assert (run["models"], run["kinds"], run["health"]) == (["small"], ["agent", "model"], [])
    assert run["closed_at"] is not None
    assert (run["next_sequence_no"], run["last_sequence_no"], run["held_count"]) == (10, 9, 0)


def test_invariant_11_a_resend_changes_nothing(api: Api) -> None:
    """Every event again, in one batch or several, even twice in one, its members in another order: duplicates."""
    run_id = new_run()
    events = run_events(run_id, 2)
    assert send(api, *events[:4], events[3]) == ["accepted"] * 4 + ["duplicate"]
    assert send(api, *events) == ["duplicate"] * 4 + ["accepted"] * 4
    before = api.get(f"/runs/{run_id}")
    assert set(send(api, *events, *events)) == {"duplicate"}
    turned = [{name: one[name] for name in reversed(one)} for one in events]
    assert set(send(api, *turned)) == {"duplicate"}
    assert api.get(f"/runs/{run_id}") == before


def test_invariant_11_a_conflicting_resend_is_refused(api: Api) -> None:
    """Of two events of one place the first stored wins, in one batch too; a difference that redaction hides is one."""
    run_id = new_run()
    secrets = [f"the key is sk-{letter * 40}" for letter in "ab"]
    first, second = (event(run_id, 0, attributes={"text": text}) for text in secrets)
    assert send(api, first, second, first) == ["accepted", "sequence_conflict", "duplicate"]
    assert send(api, second) == ["sequence_conflict"]
    [kept] = api.get(f"/runs/{run_id}/events")["items"]
    assert kept["attributes"] == {"text": "the key is [REDACTED:secret:1]"}
    assert kept["redaction"] == {"ruleset": "redaction-1", "counts": {"secret": 1}}


def test_invariant_11_every_gap_is_listed_and_what_lies_beyond_is_held(api: Api) -> None:
    """Hidden from steps, timeline and events until the gap fills."""
    run_id = new_run()
    events = run_events(run_id, 3)
    assert send(api, *events[:2], events[4], events[9]) == ["accepted", "accepted", "held", "held"]
    gaps = api.get(f"/traces/runs/{run_id}/gaps")
    assert gaps["gaps"] == [{"first": 2, "last": 3}, {"first": 5, "last": 8}]
    run = api.get(f"/runs/{run_id}")
    assert (run["status"], run["held_count"], run["step_count"]) == ("running", 2, 1)
    assert [one["sequence_no"] for one in api.get(f"/runs/{run_id}/events")["items"]] == [0, 1]
    assert send(api, *events[2:4]) == ["accepted", "accepted"]
    assert api.get(f"/runs/{run_id}")["step_count"] == 3
    assert set(send(api, *events[5:9])) == {"accepted"}
    assert api.get(f"/traces/runs/{run_id}/gaps")["gaps"] == []
    assert api.get(f"/runs/{run_id}")["status"] == "completed"


def test_gaps_fill_within_the_late_window_and_not_after_it(api: Api, superuser: Change) -> None:
    """Then the run closes as partial, shows what was held, and takes only exact duplicates."""
    run_id = new_run()
    events = run_events(run_id, 3)
    send(api, *events[:3], events[5], events[9])
    assert send(api, events[4]) == ["held"]
    superuser("UPDATE trace_runs SET closes_at = now() WHERE run_id = %s", run_id)
    assert send(api, events[3], events[4]) == ["run_closed", "duplicate"]
    run = api.get(f"/runs/{run_id}")
    assert (run["status"], run["health"]) == ("partial", ["gaps", "incomplete_steps"])
    assert [one["sequence_no"] for one in api.get(f"/runs/{run_id}/events")["items"]] == [0, 1, 2, 4, 5, 9]
    assert len(api.get(f"/traces/runs/{run_id}/gaps")["gaps"]) == 2
    assert send(api, events[3]) == ["run_closed"]


def test_the_sweep_closes_runs_of_which_nothing_is_heard(api: Api, superuser: Change) -> None:
    """As partial, and no others."""
    silent, live = new_run(), new_run()
    send(api, *run_events(silent, 1)[:3], *run_events(live, 1)[:3])
    superuser("UPDATE trace_runs SET closes_at = now() WHERE run_id = %s", silent)
    assert api.services.traces.close_due() >= 1
    assert [api.get(f"/runs/{run_id}")["status"] for run_id in (silent, live)] == ["partial", "running"]


def test_a_run_begun_and_ended_by_hand(api: Api) -> None:
    """Both ends are events like others; said twice they are the same, said otherwise they are refused."""
    run = api.post("/traces/runs", {"name": "by hand", "tags": ["x"]}, 201)
    run_id = run["run_id"]
    assert (run["status"], run["event_count"], run["tags"]) == ("running", 1, ["x"])
    assert api.post("/traces/runs", {"run_id": run_id, "name": "again"}, 201)["name"] == "by hand"
    send(api, event(run_id, 1))
    for _ in range(2):
        ended = api.post(f"/traces/runs/{run_id}/complete", {"last_sequence_no": 1, "status": "failed"})
        assert (ended["status"], ended["event_count"], ended["last_sequence_no"]) == ("failed", 3, 2)
    other = api.post(f"/traces/runs/{run_id}/complete", {"last_sequence_no": 9}, 409)
    assert other["error"]["code"] == "sequence_conflict"
    assert (
        api.post(f"/traces/runs/{new_run()}/complete", {"last_sequence_no": 1}, 404)["error"]["code"] == "run_not_found"
    )


def test_a_step_is_one_start_and_one_end_or_it_is_incomplete(api: Api) -> None:
    """A terminal event without a start, a start without an end, two ends."""
    run_id = new_run()
    ids = [new_run() for _ in range(4)]
    events = [
        event(run_id, 0, "step.completed", step_id=ids[0]),
        event(run_id, 1, "step.started", step_id=ids[1]),
        event(run_id, 2, "step.started", step_id=ids[2]),
        event(run_id, 3, "step.completed", step_id=ids[2]),
        event(run_id, 4, "step.completed", step_id=ids[2]),
        event(run_id, 5, "step.started", step_id=ids[3]),
        event(run_id, 6, "step.failed", step_id=ids[3], attributes={"error.type": "TimeoutError"}),
    ]
    send(api, *events)
    statuses = [api.get(f"/runs/{run_id}/steps/{step_id}")["status"] for step_id in ids]
    assert statuses == ["incomplete", "incomplete", "incomplete", "failed"]
    run = api.get(f"/runs/{run_id}")
    assert (run["incomplete_count"], run["failed_count"]) == (3, 1)


def test_parents_in_a_circle_are_none_and_flagged(api: Api) -> None:
    """A parent begins before its child: one that does not is unknown."""
    run_id = new_run()
    one, two = new_run(), new_run()
    events = [
        event(run_id, 0, "run.started"),
        event(run_id, 1, "step.started", step_id=one, parent_step_id=two),
        event(run_id, 2, "step.started", step_id=two, parent_step_id=one),
        event(run_id, 3, "step.completed", step_id=one),
        event(run_id, 4, "step.completed", step_id=two),
        event(run_id, 5, "run.completed", attributes={"last_sequence_no": 5}),
    ]
    send(api, *events)
    assert api.get(f"/runs/{run_id}/timeline")["columns"]["parent"] == [None, 0]
    assert api.get(f"/runs/{run_id}")["health"] == ["unknown_parents"]


def test_lines_and_gzip(api: Api) -> None:
    """NDJSON, gzip, both; a line that is no event does not spoil the others."""
    run_id = new_run()
    events = run_events(run_id, 1)
    lines = b"\n".join(json.dumps(one).encode() for one in events[:2]) + b'\n{"schema_version": \n\xff\n\n'
    lines_type = {"Content-Type": "application/x-ndjson"}
    assert _statuses(api, lines, lines_type) == ["accepted", "accepted", "not_json", "invalid_utf8"]
    packed = gzip.compress(json.dumps({"events": events}).encode())
    assert _statuses(api, packed, {"Content-Encoding": "gzip"})[1:3] == ["duplicate", "accepted"]
    packed = gzip.compress(b"\n".join(json.dumps(one).encode() for one in events))
    assert set(_statuses(api, packed, lines_type | {"Content-Encoding": "gzip"})) == {"duplicate"}


def _statuses(api: Api, raw: bytes, headers: dict[str, str]) -> list[str]:
    answer: Any = api.request("POST", "/traces/events", raw=raw, headers=headers)
    assert answer.status_code == 200, answer.body
    return [receipt["code"] or receipt["status"] for receipt in answer.json_body["receipts"]]


def test_runs_of_two_users_may_have_one_id(api: Api) -> None:
    """Each has its own run; neither sees the other's."""
    run_id = new_run()
    other = api.another()
    assert set(send(api, *run_events(run_id, 1, name="mine"))) == {"accepted"}
    other.get(f"/runs/{run_id}", 404)
    assert send(other, event(run_id, 0, name="theirs")) == ["accepted"]
    assert api.get(f"/runs/{run_id}")["name"] == "a run" or api.get(f"/runs/{run_id}")["name"] == "mine"
    assert other.get(f"/runs/{run_id}")["event_count"] == 1
