"""Turns: following, resuming, retrying, cancelling; topics and what makes them active."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.jobs.models import Outcome
from tests.support.api import Api


def events(api: Api, turn_id: str, after: int | None = None) -> list[tuple[int, str, dict[str, Any]]]:
    """The events of one request; none for 204."""
    headers = {"Last-Event-ID": str(after)} if after is not None else {}
    response = api.request("GET", f"/turns/{turn_id}/events", headers=headers)
    if response.status_code == 204:
        return []
    assert response.headers["Content-Type"].startswith("text/event-stream")
    found = []
    for block in response.body.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "id" in lines:
            found.append((int(lines["id"]), lines["event"], json.loads(lines["data"])))
    return found


def test_the_protocol_of_a_turn(api: Api) -> None:
    """started, deltas, completed; ids without gaps; the deltas are the message; resuming shows the rest, then 204."""
    said = api.say("I decided to go with Postgres. Do we need a cache?")
    seen = events(api, said["turn_id"])
    assert [number for number, _, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[0][1:] == ("turn.started", {"attempt": 1})
    assert {kind for _, kind, _ in seen[1:-1]} == {"message.delta"}
    assert seen[-1][1] == "turn.completed"
    text = "".join(data["text"] for _, kind, data in seen if kind == "message.delta")
    stored = api.get("/conversation/messages")["items"][1]
    assert (stored["role"], stored["content"]) == ("assistant", text)
    assert seen[-1][2] == {"message_id": stored["message_id"], "provider": "rules", "model": None}
    assert events(api, said["turn_id"], after=1) == seen[1:]
    assert api.request("GET", f"/turns/{said['turn_id']}/events?after={len(seen)}").status_code == 204


def test_a_turn_that_waits_is_held_and_told_when_to_ask_again(api: Api) -> None:
    """Before anything has happened the answer is an empty stream with `retry:`, not an error and not the end."""
    said = api.chat("hello")
    response = api.request("GET", said["events_url"])
    assert response.status_code == 200
    assert response.body.startswith(b"retry: ")
    assert events(api, said["turn_id"]) == []


def test_the_rules_say_what_they_noted_and_what_is_open(api: Api) -> None:
    """Without a model the answer is true and useful, and labelled."""
    api.say("Do we need a cache in front of it?")
    said = api.say("I decided to go with Postgres.")
    answer = api.get("/conversation/messages")["items"][-1]["content"]
    assert "I decided to go with Postgres." in answer
    assert "Do we need a cache in front of it?" in answer
    turn = api.get(f"/turns/{said['turn_id']}")
    assert (turn["status"], turn["provider"], turn["model"]) == ("completed", "rules", None)


def test_cancelling_ends_a_turn_and_keeps_its_message(api: Api) -> None:
    """A queued turn fails with class cancelled; its job is done; the user's message is extracted all the same."""
    said = api.chat("I decided to go with Postgres.")
    turn = api.post(f"/turns/{said['turn_id']}/cancel")
    assert (turn["status"], turn["failure_class"]) == ("failed", "cancelled")
    assert events(api, said["turn_id"])[-1][1:] == (
        "turn.failed",
        {"class": "cancelled", "message": "The turn was cancelled."},
    )
    assert api.post(f"/turns/{said['turn_id']}/cancel", status=409)["error"]["code"] == "turn_ended"
    assert set(api.work()) == {Outcome.NOTHING_TO_DO, Outcome.DONE}
    assert [m["role"] for m in api.get("/conversation/messages")["items"]] == ["user"]
    assert len(api.get(f"/topics/{said['topic_id']}/cards")["items"]) == 1


def test_retrying_a_failed_turn_makes_a_new_one_on_the_same_message(api: Api) -> None:
    """Once: the second retry while the first lives, and one of a turn that did not fail, are 409."""
    said = api.chat("hello there")
    path = f"/turns/{said['turn_id']}/retry"
    assert api.post(path, status=409)["error"]["code"] == "turn_not_failed"
    api.post(f"/turns/{said['turn_id']}/cancel")
    retried = api.post(path, status=202)
    assert retried["retry_of"] == said["turn_id"]
    assert retried["user_message_id"] == said["message_id"]
    assert api.post(path, status=409)["error"]["code"] == "turn_not_failed"
    api.work()
    assert api.get(f"/turns/{retried['turn_id']}")["status"] == "completed"
    assert api.post(f"/turns/{retried['turn_id']}/retry", status=409)["error"]["code"] == "turn_not_failed"
    assert [m["role"] for m in api.get("/conversation/messages")["items"]] == ["user", "assistant"]


def test_a_message_being_answered_cannot_be_deleted(api: Api) -> None:
    """409 until its turn has ended; after that it goes, and its failed turn cannot be retried."""
    said = api.chat("hello there")
    assert api.delete(f"/messages/{said['message_id']}", 409)["error"]["code"] == "turn_running"
    api.post(f"/turns/{said['turn_id']}/cancel")
    api.delete(f"/messages/{said['message_id']}")
    api.delete(f"/messages/{said['message_id']}", 404)
    assert api.post(f"/turns/{said['turn_id']}/retry", status=409)["error"]["code"] == "message_deleted"


def test_the_answer_follows_its_question_into_another_topic(api: Api) -> None:
    """A message that is moved while it is being answered takes the answer along."""
    said = api.chat("hello there")
    elsewhere = api.post("/topics", {"title": "Elsewhere"}, 201)["topic_id"]
    api.patch(f"/messages/{said['message_id']}", {"topic_id": elsewhere})
    api.work()
    messages = api.get(f"/conversation/messages?topic_id={elsewhere}")["items"]
    assert [m["role"] for m in messages] == ["user", "assistant"]


def test_what_makes_a_topic_active(api: Api) -> None:
    """Opening, an explicit message, and asking for it do; archiving the active one leaves none."""
    first = api.chat("hello")["topic_id"]
    second = api.post("/topics", {"title": "Plans"}, 201)
    assert second["is_active"]
    assert api.chat("hm")["topic_id"] == second["topic_id"]
    api.chat("back", topic_id=first)
    assert api.get("/conversation")["active_topic_id"] == first
    archived = api.patch(f"/topics/{first}", {"status": "archived"})
    assert (archived["status"], archived["is_active"]) == ("archived", False)
    assert api.get("/conversation")["active_topic_id"] is None
    third = api.chat("and now?")
    assert third["routing"]["rule"] == "no_active_topic"
    assert third["topic_id"] not in (first, second["topic_id"])
    api.chat("unarchive", topic_id=first)
    assert api.get(f"/topics/{first}")["status"] == "active"
    assert api.patch(f"/topics/{second['topic_id']}", {"is_active": True})["is_active"]
    assert api.patch(f"/topics/{second['topic_id']}", {"is_active": False})["is_active"] is False
    for wrong in ({}, {"is_active": True, "status": "archived"}, {"title": " "}):
        api.patch(f"/topics/{first}", wrong, 422)


def test_a_topic_is_titled_by_its_first_message_until_the_user_names_it(api: Api) -> None:
    """The opening, without the switch phrase, cut at a word."""
    words = "On a different note: the garden needs a fence before the goats come, and much else"
    topic_id = api.chat(words)["topic_id"]
    title = api.get(f"/topics/{topic_id}")["title"]
    assert title.startswith("The garden needs a fence")
    assert title.endswith("…")
    assert api.patch(f"/topics/{topic_id}", {"title": "Garden"})["title"] == "Garden"


def test_lists_page_without_loss_or_repetition(api: Api) -> None:
    """Walking by cursor gives every item once, in order, whatever the page size; the last page has no cursor."""
    topics = [api.post("/topics", {"title": f"T{n}"}, 201)["topic_id"] for n in range(7)]
    for n in range(7):
        api.say(f"I decided on plan {n}.", topic_id=topics[0])
    for path, order, key in (
        ("/topics", topics[::-1], "topic_id"),
        ("/conversation/messages", None, "message_id"),
        (f"/topics/{topics[0]}/cards", None, "card_id"),
        ("/extract-runs", None, "run_id"),
        (f"/topics/{topics[0]}/router-runs", None, "message_id"),
    ):
        whole = [item[key] for item in api.get(f"{path}?limit=200")["items"]]
        walked, cursor = [], None
        while True:
            page = api.get(f"{path}?limit=3" + (f"&cursor={cursor}" if cursor else ""))
            walked += [item[key] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert walked == whole
        assert len(whole) == len(set(whole)) >= 7
        assert order is None or walked == order


def test_the_older_conversation_routes_speak_of_the_active_topic(api: Api) -> None:
    """`/conversations/{id}/…` maps to the active topic; without one they answer with nothing."""
    conversation_id = api.get("/conversation")["conversation_id"]
    base = f"/conversations/{conversation_id}"
    assert api.get(f"{base}/messages") == {"items": [], "next_cursor": None}
    assert api.post(f"{base}/extract") == {"ok": True, "reason": "no_messages"}
    topic_id = api.say("I decided to go with Postgres.")["topic_id"]
    assert api.get(f"{base}/messages") == api.get(f"/conversation/messages?topic_id={topic_id}")
    assert api.get(f"{base}/cards") == api.get(f"/topics/{topic_id}/cards")
    assert "job_id" in api.post(f"{base}/extract", status=202)


def test_one_queued_extraction_a_topic(api: Api) -> None:
    """A second cause while one waits gets the same job."""
    topic_id = api.chat("I decided to go with Postgres.")["topic_id"]
    ids = {api.post(f"/topics/{topic_id}/extract", status=202)["job_id"] for _ in range(3)}
    assert len(ids) == 1


@pytest.mark.parametrize("word", ["turns", "jobs", "cards", "extract-runs"])
def test_unknown_ids_are_404(api: Api, word: str) -> None:
    """Well-formed ids that nobody has."""
    api.get(f"/{word}/01a1fbae-2a21-7aeb-aa8a-00ded395dedf", 404)
