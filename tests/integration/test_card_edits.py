"""What users do to cards, over HTTP: edits that survive, pins, deletions that hold, history, and the past."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from local.roles import DatabaseUrls
from tests.conftest import settings_for
from tests.support.api import Api
from tests.support.databases import Server
from tests.support.model_glia import MODEL, Start, starter
from tests.support.model_server import AnswerJson, ModelRequest
from tests.support.queue import RecordingQueue

SAID = "I decided to go with Postgres for storage. Do we need a cache in front of it?"


@pytest.fixture
def start(database: DatabaseUrls, home: Path, server: Server, queue: RecordingQueue) -> Iterator[Start]:
    with starter(partial(settings_for, database, home, server, GLIA_EXTRACT_MODEL=MODEL), queue, home) as started:
        yield started


def shown(api: Api, topic_id: str, query: str = "") -> list[Any]:
    found: list[Any] = api.get(f"/topics/{topic_id}/cards{query}")["items"]
    return found


def extract(api: Api, topic_id: str) -> None:
    api.post(f"/topics/{topic_id}/extract", status=202)
    api.work()


def test_invariant_7_an_edit_survives_every_extraction(api: Api) -> None:
    """The user's words stay through new messages and extraction by hand; the untouched fields stay the machine's."""
    topic_id = api.say(SAID)["topic_id"]
    decision, question = shown(api, topic_id)
    edited = api.patch(f"/cards/{decision['card_id']}", {"title": "Postgres it is"})
    assert (edited["title"], edited["edited"], edited["edited_by_user"]) == ("Postgres it is", ["title"], True)
    assert edited["version"] == decision["version"] + 1
    api.say("We should email Ana about the contract by Friday.", topic_id=topic_id)
    extract(api, topic_id)
    now = {card["card_id"]: card for card in shown(api, topic_id)}
    assert now[decision["card_id"]] == edited
    assert now[question["card_id"]] == question, "an unchanged card keeps its id and times"
    assert len(now) == 3


def test_invariant_7_a_deleted_card_never_comes_back_until_it_is_restored(api: Api) -> None:
    """Not by extraction, not by saying it again; restoring gives back what it was."""
    topic_id = api.say(SAID)["topic_id"]
    decision, question = shown(api, topic_id)
    path = f"/cards/{decision['card_id']}"
    api.delete(path)
    api.delete(path)
    api.say("I decided to go with Postgres for storage.", topic_id=topic_id)
    extract(api, topic_id)
    assert [card["card_id"] for card in shown(api, topic_id)] == [question["card_id"]]
    assert [card["card_id"] for card in api.get("/cards?status=deleted")["items"]] == [decision["card_id"]]
    assert api.get(path)["status"] == "deleted"
    assert api.patch(path, {"title": "x"}, 409)["error"]["code"] == "card_deleted"
    restored = api.post(f"{path}/restore")
    assert (restored["status"], restored["body"], restored["title"]) == ("active", decision["body"], decision["title"])
    assert api.post(f"{path}/restore", status=409)["error"]["code"] == "card_not_deleted"
    extract(api, topic_id)
    assert decision["card_id"] in {card["card_id"] for card in shown(api, topic_id)}


def test_an_edit_of_a_card_that_has_changed_meanwhile_is_refused_with_the_card_as_it_is(api: Api) -> None:
    """ETag and If-Match; without one the last writer wins."""
    topic_id = api.say(SAID)["topic_id"]
    card_id = shown(api, topic_id)[0]["card_id"]
    path = f"/cards/{card_id}"
    etag = api.request("GET", path).headers["ETag"]
    first = api.request("PATCH", path, {"title": "First"}, headers={"If-Match": etag})
    assert first.status_code == 200
    second = api.request("PATCH", path, {"title": "Second"}, headers={"If-Match": etag})
    assert (second.status_code, second.json_body["error"]["code"]) == (409, "card_changed")
    assert second.json_body["error"]["details"]["card"] == first.json_body
    third = api.request("PATCH", path, {"title": "Third"}, headers={"If-Match": first.headers["ETag"]})
    assert third.json_body["title"] == "Third"
    assert api.request("PATCH", path, {"title": "x"}, headers={"If-Match": "three"}).status_code == 400
    assert api.patch(path, {"title": "Fourth"})["version"] == 4


@pytest.mark.parametrize(
    "body", [{}, {"title": " "}, {"kind": "poem"}, {"body": "x" * 4001}, {"status": "active"}, {"title": 3}]
)
def test_an_edit_that_makes_no_sense_is_refused(api: Api, body: Any) -> None:
    """422, and the card is as it was."""
    topic_id = api.say(SAID)["topic_id"]
    card = shown(api, topic_id)[0]
    api.patch(f"/cards/{card['card_id']}", body, 422)
    assert api.get(f"/cards/{card['card_id']}") == card


def test_a_pinned_card_stays_when_it_is_not_found_any_more(api: Api) -> None:
    """Found no more, a card retires; pinned, it stays until it is unpinned."""
    topic_id = api.say("I think the blue remote control looks rather dull to older people in this market.")["topic_id"]
    [card] = shown(api, topic_id)
    path = f"/cards/{card['card_id']}"
    assert api.post(f"{path}/pin")["pinned"] is True
    for n in range(14):  # surer words use up the window's budget
        api.chat(f"We decided to name the long and winding service number {n} after river {n}.", topic_id=topic_id)
    api.work()
    assert api.get(path)["status"] == "active"
    now = api.post(f"{path}/unpin")
    assert now["pinned"] is False
    assert (now["status"] == "retired") is (card["card_id"] not in {c["card_id"] for c in shown(api, topic_id)})


def test_a_newer_card_supersedes_the_one_it_contradicts(api: Api) -> None:
    """Both are shown, the older one marked; if the newer goes, the older one holds again."""
    topic_id = api.say("We decided to use Postgres for storage.")["topic_id"]
    [old] = shown(api, topic_id)
    api.say("Actually, we decided to use MySQL for storage instead of Postgres.", topic_id=topic_id)
    first, second = shown(api, topic_id)
    assert (first["card_id"], first["status"], first["superseded_by"]) == (
        old["card_id"], "superseded", second["card_id"],
    )  # fmt: skip
    assert second["status"] == "active"
    assert [card["card_id"] for card in api.get("/cards?status=superseded")["items"]] == [old["card_id"]]
    api.delete(f"/cards/{second['card_id']}")
    assert [(card["card_id"], card["status"]) for card in shown(api, topic_id)] == [(old["card_id"], "active")]


def test_cards_of_all_topics_are_listed_filtered_and_paged(api: Api) -> None:
    """Newest evidence first; by kind, topic and status; every card once over all pages."""
    first = api.say(SAID)["topic_id"]
    second = api.say("New topic: I prefer tea. We decided to buy a kettle.")["topic_id"]
    everything = api.get("/cards")["items"]
    assert {card["topic_id"] for card in everything} == {first, second}
    places = [(c["citations"][0]["message_id"], c["citations"][0]["start"]) for c in everything]
    assert places == sorted(places, reverse=True)
    assert {c["kind"] for c in api.get("/cards?kind=decision")["items"]} == {"decision"}
    assert {c["topic_id"] for c in api.get(f"/cards?topic_id={first}")["items"]} == {first}
    paged, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/cards?limit=1{cursor and f'&cursor={cursor}'}")
        paged += page["items"]
        cursor = page["next_cursor"]
    assert paged == everything
    assert api.get("/cards?status=nonsense", 422)["error"]["code"] == "invalid"
    assert api.get("/cards?cursor=nonsense", 400)["error"]["code"] == "cursor_invalid"


def test_the_history_of_a_card_tells_what_happened_to_it(api: Api) -> None:
    """One version a change a reader can see, with what brought it about."""
    topic_id = api.say(SAID)["topic_id"]
    card_id = shown(api, topic_id)[0]["card_id"]
    api.patch(f"/cards/{card_id}", {"body": "Mine"})
    api.post(f"/cards/{card_id}/pin")
    api.post(f"/cards/{card_id}/pin")
    api.delete(f"/cards/{card_id}")
    api.post(f"/cards/{card_id}/restore")
    history = api.get(f"/cards/{card_id}/history")["items"]
    assert [item["action"] for item in history] == ["created", "edited", "pinned", "deleted", "restored"]
    assert [item["version"] for item in history] == [1, 2, 3, 4, 5]
    assert history[0]["card"]["body"] == "I decided to go with Postgres for storage."
    assert history[-1]["card"] == api.get(f"/cards/{card_id}")
    page = api.get(f"/cards/{card_id}/history?limit=2")
    assert [item["version"] for item in page["items"]] == [1, 2]
    assert [i["version"] for i in api.get(f"/cards/{card_id}/history?cursor={page['next_cursor']}")["items"]] == [
        3,
        4,
        5,
    ]


def test_the_past_is_served_byte_for_byte_as_it_was(api: Api) -> None:
    """`as_of` a moment: the cards as they were answered then, whatever was said, edited, moved and deleted since."""
    topic_id = api.say(SAID)["topic_id"]
    before = api.request("GET", f"/topics/{topic_id}/cards").body
    moment = quote(datetime.now(UTC).isoformat())
    decision, question = shown(api, topic_id)
    api.patch(f"/cards/{decision['card_id']}", {"title": "Mine"})
    api.delete(f"/cards/{question['card_id']}")
    later = api.say("We decided to use Redis instead of Postgres.", topic_id=topic_id)
    api.post(f"/topics/{topic_id}/split", {"message_id": later["message_id"]}, 201)
    api.work()
    assert api.request("GET", f"/topics/{topic_id}/cards").body != before
    assert api.request("GET", f"/topics/{topic_id}/cards?as_of={moment}").body == before
    assert shown(api, topic_id, "?as_of=2001-01-01T00:00:00Z") == []
    assert api.get(f"/topics/{topic_id}/cards?as_of=yesterday", 422)["error"]["code"] == "invalid"


def test_deleted_words_are_in_no_version_of_any_card(api: Api, superuser_rows: Any) -> None:
    """A message's deletion reaches results, edited cards' other fields, history and the past."""
    first = api.say("I decided to call the service Zanzibar.")
    topic_id = first["topic_id"]
    second = api.say("I decided to call the service Zanzibar.", topic_id=topic_id)
    [card] = shown(api, topic_id)
    assert len(card["citations"]) == 2
    api.patch(f"/cards/{card['card_id']}", {"title": "The name"})
    api.delete(f"/messages/{first['message_id']}")
    [now] = shown(api, topic_id)
    assert (now["card_id"], now["title"]) == (card["card_id"], "The name")
    assert [c["message_id"] for c in now["citations"]] == [second["message_id"]]
    api.work()
    assert shown(api, topic_id)[0]["title"] == "The name"
    for message in api.get(f"/conversation/messages?topic_id={topic_id}")["items"]:
        api.delete(f"/messages/{message['message_id']}")
    api.work()
    assert shown(api, topic_id) == []
    assert superuser_rows("Zanzibar") == []


def test_a_suggestion_stands_beside_the_users_words_until_it_is_decided(start: Start) -> None:
    """The model words a card anew: the edited title stays, the newer one is offered, once."""
    titles = iter(["Storage", "Storage engine", "Storage engine", "Database"])

    def answer(request: ModelRequest) -> dict[str, Any]:
        source = request.shown[0]
        evidence = [{"message_id": source.message_id, "quote": "We decided to use Postgres."}]
        fields = {"kind": "decision", "body": "Postgres is used.", "confidence": 0.9, "evidence": evidence}
        return {"cards": [{**fields, "title": next(titles)}]}

    glia = start([AnswerJson(answer)] * 4, GLIA_CHAT_MODEL="")
    topic_id = glia.api.say("We decided to use Postgres.")["topic_id"]
    [card] = glia.cards(topic_id)
    path = f"/cards/{card['card_id']}"
    glia.api.patch(path, {"title": "Mine"})
    glia.api.say("And now?", topic_id=topic_id)
    [offered] = glia.cards(topic_id)
    assert (offered["title"], offered["suggestion"]) == (
        "Mine",
        {"kind": None, "title": "Storage engine", "body": None},
    )
    assert glia.api.post(f"{path}/dismiss-suggestion")["suggestion"] is None
    assert glia.api.post(f"{path}/accept-suggestion", status=409)["error"]["code"] == "no_suggestion"
    glia.api.say("Still?", topic_id=topic_id)
    assert glia.cards(topic_id)[0]["suggestion"] is None, "what was dismissed is not offered again"
    glia.api.say("And then?", topic_id=topic_id)
    accepted = glia.api.post(f"{path}/accept-suggestion")
    assert (accepted["title"], accepted["edited"], accepted["edited_by_user"]) == ("Database", [], False)
    assert json.dumps(glia.cards(topic_id)[0]) == json.dumps(accepted)
