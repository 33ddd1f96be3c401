"""Looking at runs: lists, timelines, steps, contents, bundles, overrides, erasure, Glia's own runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from uuid import UUID, uuid4

import psycopg
import pytest

from local.roles import DatabaseUrls
from tests.support.api import Api
from tests.support.traces import Event, event, new_run, run_events, send

Change = Callable[..., None]


def conversation(run_id: str, calls: int, *, word: str = "why") -> list[Event]:
    """A run whose every call sends all that was said before."""
    said: list[dict[str, str]] = []
    made = [event(run_id, 0, "run.started")]
    for n in range(calls):
        said.append({"role": "user", "content": f"question {n} {word} {hashlib.sha256(b'%d' % n).hexdigest() * 20}"})
        step = {"step_id": str(UUID(int=UUID(run_id).int ^ (n + 1))), "kind": "model"}
        asked = {"gen_ai.input.messages": list(said)}
        said.append({"role": "assistant", "content": f"answer {n} {hashlib.sha256(b'%d' % n).hexdigest() * 20}"})
        made.append(event(run_id, len(made), "step.started", attributes=asked, **step))
        answered = {"gen_ai.output.messages": [said[-1]]}
        made.append(event(run_id, len(made), "step.completed", attributes=answered, **step))
    return made


def test_a_step_shows_what_went_in_and_what_came_out(api: Api) -> None:
    """Whole, as it was sent, by the step's id or by its place."""
    run_id = new_run()
    events = conversation(run_id, 20)
    send(api, *events)
    started, ended = events[-2:]
    for named in (started["step_id"], started["sequence_no"]):
        step = api.get(f"/runs/{run_id}/steps/{named}")
        assert step["inputs"] == started["attributes"]
        assert step["outputs"] == ended["attributes"]
        assert (step["status"], step["attributes"]) == ("completed", {})
    shown = api.get(f"/runs/{run_id}/events?limit=200")["items"]
    assert [one["attributes"] for one in shown] == [one.get("attributes", {}) for one in events]
    assert api.get(f"/runs/{run_id}/steps/{uuid4()}", 404)["error"]["code"] == "step_not_found"


STORED = """
    SELECT (SELECT sum(pg_column_size(t.*)) FROM trace_contents t WHERE user_id = %(user)s)
         + (SELECT sum(pg_column_size(t.*)) FROM trace_events t WHERE user_id = %(user)s)
         + (SELECT sum(pg_column_size(t.*)) FROM trace_content_refs t WHERE user_id = %(user)s)
"""


def test_a_conversation_sent_with_every_call_is_stored_once(api: Api, database: DatabaseUrls) -> None:
    """60 calls, each with all before: at most 1.5 times its messages are stored; a second run adds no content."""
    events = conversation(new_run(), 60)
    send(api, *events)
    said = [*events[-2]["attributes"]["gen_ai.input.messages"], *events[-1]["attributes"]["gen_ai.output.messages"]]
    unique = sum(len(json.dumps(message)) for message in said)
    with psycopg.connect(database.app) as connection:
        connection.execute("SELECT set_config('glia.user_id', %s, true)", (str(api.user_id),))
        [stored] = connection.execute(STORED, {"user": api.user_id}).fetchone() or [0]
        assert 0 < stored < 1.5 * unique
        count = "SELECT count(*) FROM trace_contents WHERE user_id = %s"
        before = connection.execute(count, (api.user_id,)).fetchone()
        send(api, *conversation(new_run(), 60))
        assert connection.execute(count, (api.user_id,)).fetchone() == before


def test_a_timeline_is_columns(api: Api) -> None:
    """A row a step, in order; parents are positions; words are numbered."""
    run_id = new_run()
    send(api, *run_events(run_id, 4))
    shown = api.get(f"/runs/{run_id}/timeline")
    columns = shown["columns"]
    assert (shown["level"], shown["bucket"], shown["first"], shown["count"]) == (0, 1, 0, 5)
    assert [shown["names"][n] for n in columns["name"]] == ["agent", "call 0", "call 1", "call 2", "call 0"]
    assert [shown["kinds"][n] for n in columns["kind"]] == ["agent"] + ["model"] * 4
    assert columns["parent"] == [None, 0, 0, 0, 0]
    assert columns["sequence_no"] == [1, 2, 4, 6, 8]
    assert columns["start"] == [1_000_000, 2_000_000, 4_000_000, 6_000_000, 8_000_000]
    assert columns["duration"] == [9_000_000] + [1_000_000] * 4
    assert [shown["statuses"][n] for n in columns["status"]] == ["completed"] * 5
    assert (columns["input_tokens"][1], columns["cost"][1], columns["model"][:2]) == (10, 0.1, [None, 0])
    part = api.get(f"/runs/{run_id}/timeline?from=2&to=3")
    assert (part["count"], part["columns"]["sequence_no"], part["columns"]["parent"]) == (2, [4, 6], [None, None])


def test_levels_add_steps_up(api: Api) -> None:
    """At level 1 four steps are one bucket; sums over buckets are those over steps; outside of the run nothing is."""
    run_id = new_run()
    send(api, *run_events(run_id, 20))
    fine = api.get(f"/runs/{run_id}/timeline?level=0")["columns"]
    coarse = api.get(f"/runs/{run_id}/timeline?level=1")
    assert (coarse["bucket"], coarse["columns"]["first"]) == (4, [0, 4, 8, 12, 16, 20])
    assert coarse["columns"]["count"] == [4, 4, 4, 4, 4, 1]
    for name in ("input_tokens", "output_tokens"):
        assert sum(coarse["columns"][name]) == sum(n or 0 for n in fine[name])
    assert coarse["columns"]["start"] == fine["start"][::4]
    assert coarse["kinds"] == ["model"]
    assert api.get(f"/runs/{run_id}/timeline?from=900")["columns"]["sequence_no"] == []


def test_runs_are_found_by_what_they_are(api: Api) -> None:
    """Status, kind, model, tag, cost, health, time; pages, the last received first."""
    runs = [new_run() for _ in range(3)]
    for n, run_id in enumerate(runs):
        send(api, *run_events(run_id, n + 1)[: None if n else -1])

    def found(query: str) -> list[int]:
        return [runs.index(run["run_id"]) for run in api.get(f"/runs?{query}")["items"]]

    assert found("") == [2, 1, 0]
    assert found("status=running") == [0]
    assert found("kind=agent&model=small&tag=night&status=completed") == [2, 1]
    assert found("model=large") == found("kind=tool") == found("tag=day") == found("health=flagged") == []
    assert found("min_cost=0.2") == [2, 1]
    assert found("health=ok&since=2026-03-01T08:00:00Z") == [2, 1, 0]
    assert found("until=2026-03-01T08:00:00Z") == []
    first = api.get("/runs?limit=2")
    assert found(f"limit=2&cursor={first['next_cursor']}") == [0]


def test_a_bundle_holds_each_content_once(api: Api) -> None:
    """In parts; events name contents by hash, and every name is there."""
    run_id = new_run()
    events = conversation(run_id, 30)
    send(api, *events)
    first = api.get(f"/runs/{run_id}/export?limit=40")
    second = api.get(f"/runs/{run_id}/export?limit=40&cursor={first['next_cursor']}")
    assert (len(first["events"]), len(second["events"]), second["next_cursor"]) == (40, 21, None)
    for part in (first, second):
        lists = [v for e in part["events"] for v in e["attributes"].values() if isinstance(v, dict)]
        named = [h for v in [*lists, *part["contents"].values()] for h in v.get("$contents", [])]
        assert named
        assert set(named) <= set(part["contents"])
    assert len(json.dumps(first)) < len(json.dumps(events[:40])) / 4


def test_a_long_text_is_kept_once_whoever_says_it(api: Api) -> None:
    """A tool's answer and the messages that tell it share it: in events whole, in bundles by its name."""
    run_id, answer = new_run(), "and so on, " * 300
    step = {"step_id": new_run()}
    told = [{"role": "tool", "content": answer, "tool_call_id": f"c{n}"} for n in range(3)]
    events = [
        event(run_id, 0, "run.started"),
        event(run_id, 1, "step.started", kind="tool", **step),
        event(run_id, 2, "step.completed", attributes={"gen_ai.tool.call.result": answer}, **step),
        event(run_id, 3, attributes={"gen_ai.input.messages": told}),
    ]
    send(api, *events)
    shown = api.get(f"/runs/{run_id}/events")["items"]
    assert [one["attributes"] for one in shown] == [one.get("attributes", {}) for one in events]
    bundle = api.get(f"/runs/{run_id}/export")
    contents = bundle["contents"]
    [name] = [name for name, content in contents.items() if content == answer]
    messages = [contents[item] for item in bundle["events"][3]["attributes"]["gen_ai.input.messages"]["$contents"]]
    assert messages == [{**message, "content": {"$content": name}} for message in told]


def test_invariant_12_a_privacy_risk_run_is_not_exported_without_a_recorded_override(
    api: Api, superuser: Change
) -> None:
    """The reason is kept, redacted; a run without risk has nothing to override."""
    run_id = new_run()
    send(api, *run_events(run_id, 1))
    reason = {"reason": "Shown to jane.doe@example.org, who agrees."}
    assert api.post(f"/runs/{run_id}/privacy-override", reason, 409)["error"]["code"] == "no_privacy_risk"
    superuser("UPDATE trace_runs SET health = '{privacy_risk}' WHERE run_id = %s", run_id)
    assert api.get(f"/runs/{run_id}/export", 409)["error"]["code"] == "privacy_risk"
    run = api.post(f"/runs/{run_id}/privacy-override", reason)
    assert run["privacy_override"] == "Shown to [REDACTED:email:1], who agrees."
    assert run["privacy_overridden_at"]
    assert len(api.get(f"/runs/{run_id}/export")["events"]) == 6


def test_erasing_a_run_leaves_nothing_of_it(api: Api, superuser_rows: Callable[[str], list[str]]) -> None:
    """Its events, steps and contents go; contents that another run uses stay."""
    gone, stays = new_run(), new_run()
    send(api, *conversation(gone, 30, word="wherefore"), *conversation(stays, 20, word="wherefore"))
    api.delete(f"/runs/{gone}")
    api.delete(f"/runs/{gone}", 404)
    assert superuser_rows(gone) == superuser_rows("question 29 wherefore") == []
    assert api.get(f"/runs/{stays}/steps/39")["inputs"] == conversation(stays, 20, word="wherefore")[39]["attributes"]


PLANTED = {
    "secret": "sk-proj-abcdEFGH1234567890abcdEFGH1234567890",
    "email": "rosalind.planted@example.org",
    "card": "4111 1111 1111 1111",
    "iban": "DE89 3704 0044 0532 0130 00",
}


@pytest.mark.parametrize("secret", PLANTED.values(), ids=PLANTED)
def test_invariant_12_a_planted_secret_is_found_in_no_table(
    api: Api, superuser_rows: Callable[[str], list[str]], secret: str
) -> None:
    """In every field of an event that is text of the sender's: names, tags, keys, values, messages, roles."""
    run_id = new_run()
    refs = [{"upload_id": new_run(), "role": f"of {secret}", "media_type": f"x/{secret}", "bytes": 1}]
    words = {"tags": [secret], "service": secret, f"a {secret}": 1, "deep": {"x": [{secret: secret}]}}
    talk = {"gen_ai.input.messages": [{"role": "user", "content": f"{n} {secret} " + "so " * 200} for n in range(20)]}
    send(
        api,
        event(run_id, 0, "run.started", name=f"for {secret}", attributes=words),
        event(run_id, 1, name=secret, attributes={"input.value": f"{secret} " * 400}, artifact_refs=refs),
        event(run_id, 2, "step.started", step_id=new_run(), attributes=talk),
    )
    assert api.get(f"/runs/{run_id}")["event_count"] == 3
    assert superuser_rows(secret) == []
