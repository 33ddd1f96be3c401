"""Imports of older history, and the limits of a user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chalicelib import wiring
from local.roles import DatabaseUrls
from tests.conftest import settings_for
from tests.support.api import Api
from tests.support.databases import Server
from tests.support.queue import RecordingQueue

Start = Callable[..., Api]


@pytest.fixture
def api_with(database: DatabaseUrls, home: Path, server: Server, queue: RecordingQueue) -> Iterator[Start]:
    """An API with other settings."""
    built: list[wiring.Services] = []

    def start(**settings: str) -> Api:
        services = wiring.build(settings_for(database, home, server, **settings), queue=queue)
        built.append(services)
        wiring.use(services)
        return Api(services, queue, home)

    yield start
    for services in built:
        services.close()


def batch(*messages: dict[str, Any], source: str = "old-diary") -> dict[str, Any]:
    return {"source": source, "messages": [{"key": str(n), "role": "user", **m} for n, m in enumerate(messages)]}


def test_an_import_keeps_order_and_times_and_makes_cards(api: Api) -> None:
    """Messages land in the topics they name, as they were, and each topic is extracted in the background."""
    body = batch(
        {"content": "I decided to learn Dutch.", "topic": "Languages", "created_at": "2021-03-01T09:00:00+01:00"},
        {"content": "Good idea!", "role": "assistant", "topic": "Languages", "created_at": "2021-03-01T08:00:05Z"},
        {"content": "I prefer window seats.", "topic": "Travel"},
        {"content": "Our cat is called Miso."},
    )
    report = api.post("/imports", body)
    assert (report["imported"], report["duplicates"], report["skipped"]) == (4, 0, [])
    messages = api.get("/conversation/messages")["items"]
    assert [m["content"] for m in messages] == [m["content"] for m in body["messages"]]
    assert [m["created_at"] for m in messages[:2]] == ["2021-03-01T08:00:00.000000Z", "2021-03-01T08:00:05.000000Z"]
    assert {t["title"] for t in api.get("/topics")["items"]} == {"Languages", "Travel", "old-diary"}
    assert api.get("/conversation")["active_topic_id"] is None
    api.work()
    languages = messages[0]["topic_id"]
    assert [card["kind"] for card in api.get(f"/topics/{languages}/cards")["items"]] == ["decision"]
    (run, *_) = api.get(f"/topics/{languages}/router-runs")["items"]
    assert (run["rule"], run["policy"]) == ("import", "import")


def test_an_import_sent_twice_adds_nothing(api: Api) -> None:
    """The same keys again are duplicates, in whatever batch; another source has keys of its own."""
    body = batch({"content": "one"}, {"content": "two"})
    assert api.post("/imports", body)["imported"] == 2
    again = {**body, "messages": [*body["messages"], {"key": "9", "role": "user", "content": "three"}]}
    report = api.post("/imports", again)
    assert (report["imported"], report["duplicates"]) == (1, 2)
    assert api.post("/imports", batch({"content": "one"}, source="another"))["imported"] == 1
    assert [m["content"] for m in api.get("/conversation/messages")["items"]] == ["one", "two", "three", "one"]
    assert len(api.get("/topics")["items"]) == 2


def test_an_import_says_what_it_skipped_and_why(api: Api) -> None:
    """One bad message does not stop the others."""
    body = batch(
        {"content": "fine"},
        {"content": " \n"},
        {"content": "x" * 100_001},
        {"content": "be helpful", "role": "system"},
        {"content": "a\x00b"},
        {"content": "from the future", "created_at": "2999-01-01T00:00:00Z"},
        {"content": "from before", "created_at": "1200-01-01T00:00:00Z"},
    )
    report = api.post("/imports", body)
    assert report["imported"] == 1
    assert [(s["index"], s["reason"]) for s in report["skipped"]] == [
        (1, "blank"),
        (2, "too_long"),
        (3, "role"),
        (4, "characters"),
        (5, "time"),
        (6, "time"),
    ]


def test_an_import_of_malformed_batches_is_refused_whole(api: Api) -> None:
    """No messages, too many, unknown fields, times without a zone: 422 and nothing written."""
    for body in (
        {"source": "s", "messages": []},
        {"source": "s", "messages": [{"key": str(n), "role": "user", "content": "x"} for n in range(501)]},
        {"source": " ", "messages": [{"key": "1", "role": "user", "content": "x"}]},
        batch({"content": "x", "mood": "good"}),
        batch({"content": "x", "created_at": "2021-03-01T09:00:00"}),
        batch({"content": "x", "created_at": 5}),
        batch({"content": 5}),
    ):
        api.post("/imports", body, 422)
    assert api.get("/conversation/messages")["items"] == []
    assert api.get("/topics")["items"] == []


def test_imports_wait_while_the_queues_are_old_and_chat_never_does(
    fresh_database: DatabaseUrls, home: Path, server: Server, queue: RecordingQueue
) -> None:
    """Back-pressure: 503 with Retry-After for imports; a message is taken all the same."""
    settings = settings_for(fresh_database, home, server, GLIA_IMPORT_QUEUE_AGE="1")
    services = wiring.build(settings, queue=queue)
    wiring.use(services)
    api = Api(services, queue, home)
    api.post("/imports", batch({"content": "one"}))
    with psycopg.connect(server.superuser(fresh_database), autocommit=True) as connection:
        connection.execute("UPDATE jobs SET not_before = now() - interval '5 seconds'")
    response = api.request("POST", "/imports", batch({"content": "two"}))
    assert (response.status_code, response.json_body["error"]["code"]) == (503, "queues_are_old")
    assert int(response.headers["Retry-After"]) > 0
    api.chat("hello")
    services.close()


def test_a_user_may_send_so_many_messages_a_minute(api_with: Start) -> None:
    """429 with Retry-After beyond the limit, and nothing written; a repeated message still gets its first answer."""
    api = api_with(GLIA_MESSAGES_PER_MINUTE="3")
    first = api.chat("one", client_message_id="1")
    api.chat("two")
    api.chat("three")
    response = api.request("POST", "/chat", {"message": "four"})
    assert (response.status_code, response.json_body["error"]["code"]) == (429, "rate_limited")
    assert int(response.headers["Retry-After"]) > 0
    assert api.chat("one", client_message_id="1") == first
    assert len(api.get("/conversation/messages")["items"]) == 3
    api.another().chat("I am somebody else.")


def test_a_user_may_use_so_many_tokens_a_day(api_with: Start, superuser: Callable[..., None]) -> None:
    """Tokens of the last 24 hours count, older ones do not."""
    api = api_with(GLIA_TOKENS_PER_DAY="100")
    turn_id = api.say("hello")["turn_id"]
    superuser("UPDATE turns SET input_tokens = 90, output_tokens = 20 WHERE turn_id = %s", turn_id)
    refused = api.post("/chat", {"message": "more"}, 429)
    assert refused["error"]["code"] == "tokens_used_up"
    superuser("UPDATE turns SET created_at = now() - interval '25 hours' WHERE turn_id = %s", turn_id)
    api.chat("more")
