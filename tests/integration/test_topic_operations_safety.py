"""Topic work that is refused, repeated, done at once or broken off; and what it leaves on record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from chalicelib import wiring
from chalicelib.settings import Settings
from local.roles import DatabaseUrls
from tests.support.api import Api
from tests.support.crashing import Crash
from tests.support.queue import RecordingQueue

DECISION = "I decided to go with Postgres for the new service."
PREFERENCE = "I prefer dark mode in every editor."


@pytest.fixture
def two(api: Api) -> tuple[str, str]:
    """Two topics with a question and an answer each; the second is active."""
    first = api.say(DECISION)["topic_id"]
    return first, api.say(f"New topic: {PREFERENCE}")["topic_id"]


REFUSED: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("merge", "first", {"into_topic_id": "<first>"}, 422, "merge_into_itself"),
    ("merge", "first", {"into_topic_id": "<nobody>"}, 404, "topic_not_found"),
    ("merge", "nobody", {"into_topic_id": "<first>"}, 404, "topic_not_found"),
    ("merge", "first", {"into_topic_id": "first"}, 422, "invalid"),
    ("merge", "first", {}, 422, "invalid"),
    ("split", "first", {"message_id": "<beginning>"}, 422, "split_leaves_nothing"),
    ("split", "first", {"message_id": "<elsewhere>"}, 404, "message_not_found"),
    ("split", "first", {"message_id": 10**17}, 404, "message_not_found"),
    ("split", "first", {"message_id": 10**30}, 422, "invalid"),
    ("split", "first", {"message_id": 0}, 422, "invalid"),
    ("split", "first", {"message_id": "7"}, 422, "invalid"),
    ("split", "nobody", {"message_id": 7}, 404, "topic_not_found"),
    ("messages", "first", {"message_ids": []}, 422, "invalid"),
    ("messages", "first", {"message_ids": list(range(1, 502))}, 422, "invalid"),
    ("messages", "first", {"message_ids": ["<elsewhere>", 10**17]}, 404, "message_not_found"),
    ("messages", "nobody", {"message_ids": ["<elsewhere>"]}, 404, "topic_not_found"),
]


@pytest.mark.parametrize(("what", "topic", "body", "status", "code"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_done_is_refused_and_nothing_moves(
    api: Api, two: tuple[str, str], what: str, topic: str, body: dict[str, Any], status: int, code: str
) -> None:
    """Each with its code; nothing is recorded, and nothing is extracted."""
    first, second = two
    known: dict[str, Any] = {"<first>": first, "<nobody>": str(uuid4())}
    known |= {"<beginning>": api.messages_in(first)[0], "<elsewhere>": api.messages_in(second)[0]}

    def filled(value: Any) -> Any:
        return [filled(one) for one in value] if isinstance(value, list) else known.get(value, value)

    before = api.places()
    path = f"/topics/{first if topic == 'first' else known['<nobody>']}/{what}"
    answer = api.post(path, {name: filled(value) for name, value in body.items()}, status)
    assert answer["error"]["code"] == code
    assert api.places() == before
    assert api.get("/topic-operations")["items"] == []
    assert api.queue.take() == []


def test_each_is_done_once_under_its_idempotency_key(api: Api, two: tuple[str, str]) -> None:
    """A repeat gets the first answer: no second split, and no 409 for an undo whose answer was lost."""
    topic_id, _ = two
    cut = {"message_id": api.messages_in(topic_id)[1]}
    split = api.post(f"/topics/{topic_id}/split", cut, 201, **{"Idempotency-Key": "s"})
    assert api.post(f"/topics/{topic_id}/split", cut, 201, **{"Idempotency-Key": "s"}) == split
    path = f"/topic-operations/{split['operation_id']}/undo"
    undone = api.post(path, status=200, **{"Idempotency-Key": "u"})
    assert api.post(path, status=200, **{"Idempotency-Key": "u"}) == undone
    assert len(api.get("/topic-operations")["items"]) == 1
    assert len(api.get("/topics")["items"]) == 3


def test_merging_both_ways_at_once_ends_in_one_of_the_two_orders(api: Api, two: tuple[str, str]) -> None:
    """A into B and B into A by two threads, again and again, while others move and write: nobody waits for ever, nobody
    gets an error, no message is lost."""
    first, second = two
    everything = set(api.places())
    for _ in range(8):
        start = Barrier(3)

        def merge(way: tuple[str, str], start: Barrier = start) -> int:
            start.wait(10)
            return api.request("POST", f"/topics/{way[0]}/merge", {"into_topic_id": way[1]}).status_code

        def write(start: Barrier = start) -> int:
            start.wait(10)
            return api.request("POST", "/chat", {"message": "and more", "topic_id": first}).status_code

        with ThreadPoolExecutor(3) as pool:
            merges = [pool.submit(merge, way) for way in ((first, second), (second, first))]
            written = pool.submit(write)
            assert [one.result(30) for one in merges] == [201, 201]
            assert written.result(30) == 202
        assert set(api.places()) > everything
        everything = set(api.places())
        merged = [api.get(f"/topics/{one}")["merged_into"] for one in two]
        assert merged[0] is None or merged[1] is None
    api.work()


@pytest.fixture
def crashing(settings: Settings, queue: RecordingQueue, home: Path) -> Iterator[tuple[Api, list[str]]]:
    """An application that dies at the crash points one names."""
    points: list[str] = []

    def reach(name: str) -> None:
        if name in points:
            raise Crash(name)

    services = wiring.build(settings, queue=queue, crash_points=reach)
    wiring.use(services)
    yield Api(services, queue, home), points
    services.close()


ACTIONS: list[Callable[[Api, str, str, dict[str, Any]], Any]] = [
    lambda api, first, second, _: api.merge(first, second),
    lambda api, first, _, __: api.split(first, api.messages_in(first)[1]),
    lambda api, first, second, _: api.move(second, *api.messages_in(first)),
    lambda api, first, second, _: api.patch(f"/messages/{api.messages_in(first)[0]}", {"topic_id": second}),
    lambda api, _, __, operation: api.undo(operation),
]


@pytest.mark.parametrize("action", ACTIONS, ids=["merge", "split", "move", "move one", "undo"])
def test_an_operation_that_dies_half_way_leaves_nothing(
    crashing: tuple[Api, list[str]], action: Callable[[Api, str, str, dict[str, Any]], Any]
) -> None:
    """Killed before its commit: no message, topic, record or job has changed, and it can be done again."""
    api, points = crashing
    first, second = api.say(DECISION)["topic_id"], api.say(f"New topic: {PREFERENCE}")["topic_id"]
    third = api.post("/topics", {}, 201)["topic_id"]
    operation = api.move(third, api.messages_in(second)[1])
    api.work()
    before = api.places(), api.get("/topics"), api.get("/topic-operations"), api.get("/extract-runs")
    points.append("mid_transaction")
    with pytest.raises(Crash):
        action(api, first, second, operation)
    points.clear()
    assert (api.places(), api.get("/topics"), api.get("/topic-operations"), api.get("/extract-runs")) == before
    assert api.queue.take() == []
    action(api, first, second, operation)
    assert api.places() != before[0]


CORRECTIONS = """
    SELECT DISTINCT ON (message_id) message_id, to_topic_id::text FROM topic_corrections WHERE user_id = %s
    ORDER BY message_id, correction_no DESC
"""


def test_the_last_correction_of_a_message_names_its_topic(
    api: Api, two: tuple[str, str], database: DatabaseUrls
) -> None:
    """One correction a message moved, and one back: routing is judged by the last one. The decision itself stays."""
    first, second = two
    decided = {one: api.get(f"/topics/{one}/router-runs") for one in two}
    moved = api.messages_in(first)
    api.undo(api.merge(first, second))
    api.split(second, api.messages_in(second)[1])
    with psycopg.connect(database.app) as connection:
        connection.execute("SELECT set_config('glia.user_id', %s, true)", (str(api.user_id),))
        last: dict[int, str] = dict(connection.execute(CORRECTIONS, (api.user_id,)).fetchall())
    places = api.places()
    assert set(last) == {*moved, api.get("/conversation/messages")["items"][-1]["message_id"]}
    assert last == {message_id: places[message_id] for message_id in last}
    assert {one: api.get(f"/topics/{one}/router-runs") for one in two} == decided


def test_the_record_of_an_operation_keeps_no_words_of_a_deleted_message(
    api: Api, superuser_rows: Callable[[str], list[str]]
) -> None:
    """Not after merge, split and undo, and whatever became of the topics."""
    topic_id = api.say("I decided that the xylophone project ships in May.")["topic_id"]
    other = api.say(f"New topic: {PREFERENCE}")["topic_id"]
    split = api.split(topic_id, api.messages_in(topic_id)[1])
    api.merge(topic_id, other)
    api.work()
    for message in api.get("/conversation/messages")["items"]:
        if "xylophone" in message["content"]:
            api.delete(f"/messages/{message['message_id']}")
    api.work()
    api.undo(split)
    api.work()
    assert superuser_rows("xylophone") == []
