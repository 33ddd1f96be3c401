"""Bad events: each its code, nothing half-written, and the good ones beside it are stored."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.traces import event, new_run

SELF = "0198c1f0-6a54-7d2b-9f3e-8b1c2d3e4f50"
DEEP: Any = 1
for _ in range(80):
    DEEP = [DEEP]

CASES: list[tuple[str, dict[str, Any]]] = [
    ("schema_version_unknown", {"schema_version": 2}),
    ("schema_version_unknown", {"schema_version": None}),
    ("run_id_invalid", {"run_id": "nope"}),
    ("run_id_invalid", {"run_id": 7}),
    ("sequence_no_invalid", {"sequence_no": -1}),
    ("sequence_no_invalid", {"sequence_no": 2**53 + 1}),
    ("sequence_no_invalid", {"sequence_no": 10**30}),
    ("sequence_no_invalid", {"sequence_no": 1.5}),
    ("sequence_no_invalid", {"sequence_no": True}),
    ("sequence_no_invalid", {"sequence_no": "1"}),
    ("event_type_unknown", {"event_type": "step.paused"}),
    ("kind_unknown", {"kind": "oracle"}),
    ("step_id_missing", {"event_type": "step.started"}),
    ("step_id_invalid", {"step_id": "x"}),
    ("parent_is_itself", {"step_id": SELF, "parent_step_id": SELF.upper().replace("-", "")}),
    ("ts_invalid", {"ts": "yesterday"}),
    ("ts_invalid", {"ts": 1700000000}),
    ("ts_invalid", {"ts": "2026-03-01T08:00:00"}),
    ("ts_out_of_range", {"ts": "1970-01-01T00:00:00Z"}),
    ("ts_out_of_range", {"ts": "0001-01-01T00:00:00+14:00"}),
    ("ts_out_of_range", {"ts": "9999-12-31T23:59:59-14:00"}),
    ("invalid", {"name": "x" * 201}),
    ("invalid", {"name": None}),
    ("invalid", {"mood": "good"}),
    ("invalid", {"attributes": []}),
    ("invalid", {"call_signature": "me"}),
    ("invalid", {"redaction": {"ruleset": "jane doe", "counts": {}}}),
    ("invalid", {"artifact_refs": [{"role": "x"}]}),
    ("too_deep", {"attributes": {"x": DEEP}}),
    ("number_out_of_range", {"attributes": {"x": float("inf")}}),
    ("number_out_of_range", {"attributes": {"x": float("nan")}}),
    ("reserved_name", {"attributes": {"x": {"$content": 0}}}),
    ("reserved_name", {"attributes": {"x": {"$artifact": 0}}}),
    ("event_too_large", {"attributes": {"x": "x" * 10_000_000}}),
    ("not_an_event", {}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "wrong"), CASES, ids=[f"{n}-{code}" for n, (code, _) in enumerate(CASES)])
def test_a_bad_event_has_its_code_and_leaves_its_batch_alone(api: Api, code: str, wrong: dict[str, Any]) -> None:
    """The events before and after it are stored; of it, nothing is."""
    run_id = new_run()
    bad: Any = event(run_id, 1) | wrong if wrong else "event"
    body = json.dumps({"events": [event(run_id, 0), bad, event(run_id, 1, name="good")]}).encode()
    raw, headers = (gzip.compress(body), {"Content-Encoding": "gzip"}) if len(body) > 10**6 else (body, {})
    answer: Any = api.request("POST", "/traces/events", raw=raw, headers=headers)
    assert answer.status_code == 200, answer.body
    receipts = answer.json_body["receipts"]
    assert [receipt["code"] or receipt["status"] for receipt in receipts] == ["accepted", code, "accepted"]
    assert [one["name"] for one in api.get(f"/runs/{run_id}/events")["items"]] == ["note", "good"]
    assert [run["run_id"] for run in api.get("/runs")["items"]] == [run_id]


def test_characters_that_cannot_be_kept_are_replaced_and_flagged(api: Api) -> None:
    """NUL and lone surrogates, in values, keys and names; emoji stay."""
    run_id = new_run()
    words = {"a\x00b": "x\x00y", "lone": "\ud800!", "emoji": "\U0001f642 \\u0000"}
    answer = api.post("/traces/events", {"events": [event(run_id, 0, name="n\x00", attributes=words)]})
    assert answer["counts"]["accepted"] == 1
    [kept] = api.get(f"/runs/{run_id}/events")["items"]
    assert kept["name"] == "n\ufffd"
    assert kept["attributes"]["a\ufffdb"] == "x\ufffdy"
    assert kept["attributes"]["lone"].endswith("\ufffd!")
    assert kept["attributes"]["emoji"] == "\U0001f642 \\u0000"
    assert api.get(f"/runs/{run_id}")["health"] == ["characters_replaced"]


def test_a_clock_that_is_ahead_is_flagged(api: Api) -> None:
    """The event is kept as it says, and when it came is kept too."""
    run_id = new_run()
    api.post("/traces/events", {"events": [event(run_id, 0) | {"ts": "2030-01-01T00:00:00+02:00"}]})
    [kept] = api.get(f"/runs/{run_id}/events")["items"]
    assert kept["ts"] == "2029-12-31T22:00:00.000000Z"
    assert kept["received_at"] < "2029"
    assert api.get(f"/runs/{run_id}")["health"] == ["clock_skew"]


@pytest.mark.parametrize(
    ("raw", "headers", "status", "code"),
    [
        (b"hello", {}, 400, "body_not_events"),
        (b'{"events": [', {}, 400, "body_not_events"),
        (gzip.compress(b'{"events": []}', mtime=0)[:-4], {"Content-Encoding": "gzip"}, 400, "body_not_gzip"),
        (gzip.compress(b"0" * 40_000_000, mtime=0), {"Content-Encoding": "gzip"}, 413, "inflated_too_large"),
        (b'{"events": [' + b"1," * 20_000 + b"1]}", {}, 413, "too_many_events"),
        (b"x" * 6_400_000, {}, 413, "too_large"),
        (b"{}", {"Content-Type": "text/csv"}, 415, "unsupported_media_type"),
    ],
)
def test_a_body_that_cannot_be_read_at_all_is_refused(
    api: Api, raw: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    """With its code; nothing is written."""
    answer: Any = api.request("POST", "/traces/events", raw=raw, headers=headers)
    assert (answer.status_code, answer.json_body["error"]["code"]) == (status, code)
    assert api.get("/runs")["items"] == []
