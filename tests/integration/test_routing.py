"""Routing v1 by setting, and routing replays, as a client of the API sees them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.conversations import store
from chalicelib.settings import Settings
from tests.support.api import Api
from tests.support.queue import RecordingQueue

COOKING = ("I made lasagna for dinner last night.", "Most evenings, I love my oven.", "It bakes good lasagna.")
SHIFT = "Thanks. Do you have any pets?"
LATER = ("My dog is a terrier.", "He barks at cats.")
BUG = "We need to fix the login bug before the deploy."
CHAT = 9  # statements: those of v0, and one for what was said of late


@pytest.fixture
def statements() -> list[str]:
    return []


@pytest.fixture
def v1(settings: Settings, queue: RecordingQueue, home: Path, statements: list[str]) -> Iterator[Api]:
    """The application with GLIA_ROUTING_POLICY=v1, its statements counted."""
    changed = settings.model_copy(update={"routing_policy": "v1"})
    services = wiring.build(changed, queue=queue, observe=statements.append)
    wiring.use(services)
    yield Api(services, queue, home)
    services.close()


def rules(api: Api, *messages: str) -> list[str]:
    return [api.chat(message)["routing"]["rule"] for message in messages]


def replay(api: Api, policy: str, **fields: Any) -> Any:
    return api.post("/routing/replays", {"policy": policy, **fields})


def everything(api: Api) -> str:
    """All that the API shows of a user."""
    topics = api.get("/topics")["items"]
    runs = [api.get(f"/topics/{topic['topic_id']}/router-runs") for topic in topics]
    return json.dumps([topics, runs, api.get("/conversation"), api.get("/conversation/messages")])


def test_v1_opens_a_topic_where_the_talk_turns(v1: Api) -> None:
    """By what is said, once the topic has begun; its record holds numbers, and none of the user's words."""
    assert rules(v1, *COOKING) == ["no_active_topic", "active_topic", "active_topic"]
    turned = v1.chat(SHIFT)
    assert turned["routing"] == {"rule": "topic_shift", "policy": "v1"}
    assert rules(v1, *LATER) == ["active_topic", "active_topic"]
    [run, *_] = v1.get(f"/topics/{turned['topic_id']}/router-runs")["items"]
    assert (run["policy"], run["rule"], run["to_topic_id"]) == ("v1", "topic_shift", turned["topic_id"])
    assert run["signals"]["log_odds"]["total"] > 0
    assert not any(word in json.dumps(run["signals"]) for word in ("pets", "lasagna", "hanks"))


def test_v0_stays_the_default(api: Api) -> None:
    """Without the setting the same talk is one topic."""
    assert set(rules(api, *COOKING, SHIFT, *LATER)[1:]) == {"active_topic"}


def test_v1_obeys_the_user(v1: Api) -> None:
    """An explicit topic wins, and the first message after going back to a topic by hand stays there."""
    first = v1.chat(COOKING[0])["topic_id"]
    rules(v1, *COOKING[1:])
    explicit = v1.chat(SHIFT, topic_id=first)
    assert (explicit["topic_id"], explicit["routing"]) == (first, {"rule": "explicit_topic", "policy": "v1"})
    v1.post("/topics", {"title": "Elsewhere"}, 201)
    v1.patch(f"/topics/{first}", {"is_active": True})
    v1.chat("New topic: cars")
    v1.patch(f"/topics/{first}", {"is_active": True})
    assert v1.chat("Where do you work?")["topic_id"] == first


def test_v1_hears_pauses(v1: Api, superuser: Callable[..., None]) -> None:
    """What goes on within minutes opens a topic half a day later."""
    rules(v1, *COOKING)
    assert v1.chat(BUG)["routing"]["rule"] == "active_topic"
    another = v1.another()
    rules(another, *COOKING)
    superuser("UPDATE messages SET created_at = created_at - interval '12 hours' WHERE user_id = %s", another.user_id)
    assert another.chat(BUG)["routing"]["rule"] == "topic_shift"


def test_v1_reads_in_one_statement_and_v0_reads_nothing(v1: Api, statements: list[str]) -> None:
    """Only where there is something to decide: not for an explicit topic, nor for the first message."""
    first = v1.chat(COOKING[0])["topic_id"]
    assert store.RECENT_TALK not in statements
    statements.clear()
    v1.chat(COOKING[1])
    assert statements.count(store.RECENT_TALK) == 1
    assert len(statements) <= CHAT, statements
    statements.clear()
    v1.chat(COOKING[2], topic_id=first)
    assert store.RECENT_TALK not in statements


def test_v1_reads_the_ends_of_long_messages_only(v1: Api) -> None:
    """A message of a hundred thousand characters is steady talk like any other long one."""
    v1.chat("lasagna " * 12_000)
    assert rules(v1, COOKING[1], SHIFT) == ["steady_talk", "steady_talk"]
    assert v1.chat("New topic: cars")["routing"]["rule"] == "switch_signal"


def test_a_replay_of_the_policy_in_use_changes_nothing(api: Api, v1: Api) -> None:
    """Of v1 over what v1 decided, with answers between, and of v0 over what v0 decided."""
    talk = (*COOKING, SHIFT, *LATER, "New topic: cars", BUG)
    for user, policy in ((v1, "v1"), (api.another(), "v0")):
        wiring.use(user.services)
        for message in talk:
            user.say(message)
        report = replay(user, policy)
        assert (report["messages"], report["changed"], report["changes"]) == (len(talk), 0, [])
        assert report["opened_then"] == report["opened_now"] >= 2


def test_a_replay_shows_what_would_differ_and_changes_nothing(api: Api) -> None:
    """v1 would have opened a topic at the shift; never would not have switched."""
    ids = [api.chat(message)["message_id"] for message in (*COOKING, SHIFT, *LATER, "New topic: cars")]
    before = everything(api)
    report = replay(api, "v1")
    [change] = report["changes"]
    assert (change["message_id"], change["would"]) == (ids[3], {"rule": "topic_shift", "opens_topic": True})
    assert (change["was"]["policy"], change["was"]["rule"], change["was"]["opens_topic"]) == (
        "v0",
        "active_topic",
        False,
    )
    assert (report["opened_then"], report["opened_now"], report["is_cut"]) == (2, 3, False)
    assert (report["first_message_id"], report["last_message_id"], report["agreement"]) == (ids[0], ids[-1], None)
    assert [change["message_id"] for change in replay(api, "never")["changes"]] == [ids[-1]]
    assert everything(api) == before


def test_corrections_are_the_labels_of_a_replay(api: Api) -> None:
    """The user moved what v0 had left behind: v1 agrees with that more than v0 did."""
    ids = [api.chat(message)["message_id"] for message in (*COOKING, SHIFT, *LATER)]
    elsewhere = api.post("/topics", {"title": "Pets"}, 201)["topic_id"]
    for message_id in ids[3:]:
        api.patch(f"/messages/{message_id}", {"topic_id": elsewhere})
    agreement = replay(api, "v1")["agreement"]
    assert agreement["corrected"] == 3
    assert agreement["replayed"] == {"pk": 0.0, "window_diff": 0.0}
    assert agreement["recorded"]["pk"] > 0.0
    assert agreement["recorded"]["window_diff"] > 0.0
    same = replay(api, "v0")["agreement"]
    assert same["replayed"] == same["recorded"]


def test_a_replay_may_be_cut_and_go_further_back(api: Api) -> None:
    """The newest messages up to one; it says when there are older ones."""
    ids = [api.chat(message)["message_id"] for message in (*COOKING, SHIFT, *LATER)]
    newest = replay(api, "v1", limit=2)
    assert (newest["messages"], newest["first_message_id"], newest["is_cut"]) == (2, ids[4], True)
    older = replay(api, "v1", limit=2, up_to_message_id=ids[3])
    assert (older["first_message_id"], older["last_message_id"], older["is_cut"]) == (ids[2], ids[3], True)
    assert [change["message_id"] for change in older["changes"]] == [ids[3]], "what went before was read"
    assert replay(api, "v1", limit=6)["is_cut"] is False


def test_a_replay_is_of_ones_own_history_only(api: Api) -> None:
    """Somebody else's messages and corrections are not there, whatever id is named."""
    ids = [api.chat(message)["message_id"] for message in (*COOKING, SHIFT)]
    stranger = api.another()
    empty = replay(stranger, "v1", up_to_message_id=ids[-1])
    assert (empty["messages"], empty["first_message_id"], empty["changes"], empty["agreement"]) == (0, None, [], None)
    mine = stranger.chat("Hello.")["message_id"]
    assert replay(stranger, "v1")["first_message_id"] == mine


def test_imported_history_is_read_and_not_decided(api: Api) -> None:
    """Its topics were named, not routed."""
    messages = [{"key": str(n), "role": "user", "content": text} for n, text in enumerate((*COOKING, SHIFT))]
    api.post("/imports", {"source": "diary", "messages": messages})
    said = api.chat("Hello there.")["message_id"]
    report = replay(api, "v1")
    assert (report["messages"], report["first_message_id"], report["changed"]) == (1, said, 0)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"policy": "v2"},
        {"policy": "v1", "limit": 0},
        {"policy": "v1", "limit": 4_001},
        {"policy": "v1", "up_to_message_id": 2**63},
        {"policy": "v1", "more": 1},
    ],
)
def test_a_replay_of_what_there_is_not_is_invalid(api: Api, body: dict[str, Any]) -> None:
    """An unknown policy, a limit or an id out of bounds, an unknown field: 422, and its place is named."""
    error = api.post("/routing/replays", body, 422)["error"]
    assert error["code"] == "invalid"
    assert error["details"]["fields"]
