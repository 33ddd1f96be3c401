"""Glia's own runs as they are stored: in one statement, and as if their events had been sent one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest

from chalicelib.adapters.postgres import Transaction
from chalicelib.explaining.models import Explanation, Step
from chalicelib.traces.recording import store
from chalicelib.traces.recording.envelopes import envelopes
from local.roles import DatabaseUrls
from tests.support.api import Api
from tests.support.databases import Server

Change = Callable[..., None]
Rows = list[dict[str, Any]]
AT = datetime(2026, 3, 1, 8, 0, 0, 250_000, tzinfo=UTC)
RECEIPT = {"user_id", "received_at", "completed_at", "closed_at", "closes_at"}
TABLES: Sequence[LiteralString] = (
    "SELECT *, closes_at - completed_at AS stays_open FROM trace_runs WHERE user_id = %s",
    "SELECT * FROM trace_events WHERE user_id = %s ORDER BY sequence_no",
    "SELECT *, sha256(convert_to(name, 'UTF8')) FROM trace_steps WHERE user_id = %s ORDER BY first_sequence_no",
    "SELECT * FROM trace_contents WHERE user_id = %s ORDER BY content_hash",
    "SELECT * FROM trace_content_refs WHERE user_id = %s ORDER BY content_hash",
)


def step(kind: str, name: str, seconds: float, **fields: Any) -> Step:
    return Step(kind, name, AT + timedelta(seconds=seconds), AT + timedelta(seconds=seconds + 0.5), **fields)


def call(model: str, failure: str | None = None, tokens: int | None = None) -> Step:
    asked = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model, "glia.prompt.sha256": "ab" * 32}
    found = {"gen_ai.usage.input_tokens": tokens, "gen_ai.usage.output_tokens": tokens}
    return step("model", "reply", 2, asked=asked, found=found, failure_class=failure)


def explanation(steps: Sequence[Step], failure: str | None = None, **about: Any) -> Explanation:
    return Explanation(uuid4(), "a run", AT, AT + timedelta(seconds=9), about, steps, failure, ("glia", "chat"))


LONG = {"glia.cards.ids": [f"t:{UUID(int=1)}:{n:016x}" for n in range(40)]}
SEVERAL = [
    step("planner", "route", 0, found={"glia.routing.signals": {"log_odds": {"cues": 0.25}, "switch_phrase": False}}),
    step("retriever", "context", 1, found=LONG),
    step("agent", "window", 2, steps=[call("small", "timeout"), call("Large", tokens=12), step("validator", "ü", 4)]),
    step("tool", "rules", 6, asked={"gen_ai.tool.name": "rules"}, failure_class="server"),
    step("tool", "n" * 300, 7, asked={"gen_ai.request.model": "m" * 300, "glia.n": 1e21}),
]
RUNS = {
    "several steps": explanation(SEVERAL, None, **{"glia.turn.id": str(uuid4()), "glia.message.id": 7}),
    "failed": explanation([call("small", "auth")], "auth"),
    "nothing done": explanation([]),
    "many steps": explanation([call(f"model-{n % 3}", tokens=n) for n in range(300)]),
    "found by the gate": explanation([step("tool", "4111 1111 1111 1111", 0, asked={"x": "jane.doe@example.org"})]),
}


@pytest.fixture
def rows(server: Server, database: DatabaseUrls) -> Callable[[Api], list[Rows]]:
    """What a user has in the tables of traces, but for who it is and when it was received."""

    def read(api: Api) -> list[Rows]:
        with psycopg.connect(server.superuser(database), row_factory=psycopg.rows.dict_row) as connection:
            found = [connection.execute(table, [api.user_id]).fetchall() for table in TABLES]
        return [[{name: row[name] for name in row.keys() - RECEIPT} for row in table] for table in found]

    return read


@pytest.mark.parametrize("told", RUNS.values(), ids=RUNS)
def test_what_is_recorded_cannot_be_told_from_what_is_sent(
    api: Api, superuser: Change, rows: Callable[[Api], list[Rows]], told: Explanation
) -> None:
    """Every column of every table, fingerprints too; and its events sent again are duplicates."""
    sender = api.another()
    for one in (api, sender):
        one.get("/keys/signing")
    superuser("UPDATE trace_keys SET conflict_key = %s WHERE user_id = %s", b"k" * 32, api.user_id)
    superuser("UPDATE trace_keys SET conflict_key = %s WHERE user_id = %s", b"k" * 32, sender.user_id)
    with api.services.db.user(api.user_id) as tx:
        api.services.recorder.explain(tx, api.user_id, told)
    events, _ = envelopes(told)
    sent = sender.post("/traces/events", {"events": events})["counts"]
    assert sent["accepted"] == len(events)
    recorded = rows(api)
    assert recorded[0][0]["status"] == ("failed" if told.failure_class else "completed")
    assert recorded == rows(sender)
    assert len(recorded[1]) == len(events)
    assert api.post("/traces/events", {"events": events})["counts"]["duplicate"] == len(events)
    changed = events[0] | {"name": "another"}
    [receipt] = api.post("/traces/events", {"events": [changed]})["receipts"]
    assert (receipt["status"], receipt["code"]) == ("rejected", "run_closed")


def test_a_run_is_recorded_once_or_not_at_all(api: Api) -> None:
    """There if its transaction commits, once if it is written twice, gone if it does not; another's of the same id
    stays as it was."""
    told, undone = RUNS["several steps"], explanation(SEVERAL)
    recorder, user_id = api.services.recorder, api.user_id
    with api.services.db.user(user_id) as tx:
        recorder.explain(tx, user_id, told)
        recorder.explain(tx, user_id, told)
    with api.services.db.user(user_id) as tx, pytest.raises(ZeroDivisionError), tx.attempt():
        _record_and_fail(api, tx, undone)
    shown = api.get(f"/runs/{told.run_id}")
    assert (shown["status"], shown["service"], shown["event_count"], shown["step_count"]) == (
        "completed",
        "glia",
        18,
        8,
    )
    api.get(f"/runs/{undone.run_id}", 404)
    other = explanation([])
    begun = {"run_id": str(other.run_id), "name": "mine"}
    api.post("/traces/runs", begun, 201)
    with api.services.db.user(user_id) as tx:
        recorder.explain(tx, user_id, other)
    assert api.get(f"/runs/{other.run_id}")["status"] == "running"


def _record_and_fail(api: Api, tx: Transaction, told: Explanation) -> None:
    api.services.recorder.explain(tx, api.user_id, told)
    raise ZeroDivisionError


def test_ids_are_kept_whatever_they_look_like(api: Api) -> None:
    """A card's id may look like a bank account's number, and is none."""
    ids = [f"t:{UUID(int=1)}:be10d097d2331422", f"t:{UUID(int=1)}:4111111111111111"]
    told = explanation([step("retriever", "context", 0, found={"glia.cards.ids": ids})])
    with api.services.db.user(api.user_id) as tx:
        api.services.recorder.explain(tx, api.user_id, told)
    [_, _, read, _] = api.get(f"/runs/{told.run_id}/events")["items"]
    assert read["attributes"]["glia.cards.ids"] == ids


def test_recording_takes_one_statement(api: Api) -> None:
    """Whatever the size, for a user's first run too; the general way would take eight."""
    seen: list[str] = []
    for told in (RUNS["several steps"], RUNS["many steps"]):
        with api.services.db.user(api.user_id) as tx:
            tx._observe = seen.append
            api.services.recorder.explain(tx, api.user_id, told)
    assert seen == [store.INSERT_WITH_CONTENTS, store.INSERT]
