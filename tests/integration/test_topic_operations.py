"""Merging, splitting, moving and undoing, as a client of the API sees them."""

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
from tests.support.queue import RecordingQueue

DECISION = "I decided to go with Postgres for the new service."
PREFERENCE = "I prefer dark mode in every editor."


def kinds(api: Api, topic_id: str) -> list[str]:
    return [card["kind"] for card in api.get(f"/topics/{topic_id}/cards")["items"]]


def causes(api: Api) -> dict[str, str]:
    """The extractions that wait: topic to cause."""
    jobs = [api.get(f"/jobs/{message.job_id}") for message in api.queue.sent_messages()]
    return {job["subject"]: job["cause"] for job in jobs if job["kind"] == "extract" and job["status"] == "queued"}


@pytest.fixture
def two(api: Api) -> tuple[str, str]:
    """Two topics with a question and an answer each; the second is active."""
    first = api.say(DECISION)["topic_id"]
    return first, api.say(f"New topic: {PREFERENCE}")["topic_id"]


def test_a_merge_puts_all_messages_into_the_other_topic(api: Api, two: tuple[str, str]) -> None:
    """In their order; the emptied topic is archived, says where they went and shows no cards; the other is active and
    is extracted again by itself."""
    target, source = two
    before = api.get("/conversation/messages")["items"]
    merged = api.merge(source, target)
    assert (merged["kind"], merged["from_topic_id"], merged["to_topic_id"]) == ("merge", source, target)
    assert (merged["message_count"], merged["undone_at"]) == (2, None)
    assert api.messages_in(target) == [message["message_id"] for message in before]
    emptied = api.get(f"/topics/{source}")
    assert (emptied["status"], emptied["merged_into"], emptied["message_count"]) == ("archived", target, 0)
    assert api.get("/conversation")["active_topic_id"] == target
    assert kinds(api, source) == []
    assert causes(api) == {target: "merge"}
    api.work()
    assert sorted(kinds(api, target)) == ["decision", "preference"]


def test_a_merge_leaves_another_active_topic_active(api: Api, two: tuple[str, str]) -> None:
    """Only the emptied topic's own place as the active one goes to the other."""
    first, second = two
    third = api.chat("New topic: lunch")["topic_id"]
    api.merge(first, second)
    assert api.get("/conversation")["active_topic_id"] == third


def test_undoing_a_merge_restores_messages_status_and_active_topic(api: Api, two: tuple[str, str]) -> None:
    """Everything is as it was, the cards too; a topic that was archived is archived again."""
    target, source = two
    api.patch(f"/topics/{target}", {"status": "archived"})
    before = [api.get(f"/topics/{topic_id}/cards")["items"] for topic_id in two]
    places = api.places()
    operation = api.merge(source, target)
    api.work()
    undone = api.undo(operation)
    assert (undone["undone_moved"], undone["undone_skipped"]) == (2, 0)
    assert undone["undone_at"] is not None
    assert set(causes(api).values()) == {"undo"}
    assert set(causes(api)) == set(two)
    api.work()
    assert api.places() == places
    topics = {topic["topic_id"]: topic for topic in api.get("/topics")["items"]}
    assert [topics[one]["status"] for one in two] == ["archived", "active"]
    assert [topics[one]["merged_into"] for one in two] == [None, None]
    assert topics[source]["is_active"]
    after = [api.get(f"/topics/{topic_id}/cards")["items"] for topic_id in two]
    assert [[card["card_id"] for card in cards] for cards in after] == [
        [c["card_id"] for c in cards] for cards in before
    ]


def test_undoing_a_merge_changes_nothing_that_was_changed_since(api: Api, two: tuple[str, str]) -> None:
    """Messages deleted or moved on stay so and are counted; what was written to either topic stays there; a topic made
    active since stays active."""
    target, source = two
    question, answer = api.messages_in(source)
    operation = api.merge(source, target)
    third = api.post("/topics", {"title": "Third"}, 201)["topic_id"]
    api.delete(f"/messages/{question}")
    api.move(third, answer)
    later = api.say("We should email Ana.", topic_id=target)["message_id"]
    api.patch(f"/topics/{third}", {"is_active": True})
    undone = api.undo(operation)
    assert (undone["undone_moved"], undone["undone_skipped"]) == (0, 2)
    assert api.messages_in(source) == []
    assert api.messages_in(third) == [answer]
    assert later in api.messages_in(target)
    assert api.get("/conversation")["active_topic_id"] == third
    brought_back = api.get(f"/topics/{source}")
    assert (brought_back["status"], brought_back["merged_into"]) == ("active", None)


@pytest.mark.parametrize("way", ["say", "import", "activate", "unarchive", "move", "merge"])
def test_a_merged_topic_that_is_used_again_is_itself_again(api: Api, two: tuple[str, str], way: str) -> None:
    """Whatever puts something into it or takes it from the archive: it is no longer merged into anything."""
    target, source = two
    batch = {"source": "notes", "messages": [{"key": "1", "role": "user", "content": "An old note."}]}
    if way == "import":
        [source] = api.post("/imports", batch)["topic_ids"]
    api.merge(source, target)
    assert api.get(f"/topics/{source}")["merged_into"] == target
    if way == "say":
        api.chat("back again", topic_id=source)
    elif way == "import":
        batch["messages"][0]["key"] = "2"  # type: ignore[index]
        api.post("/imports", batch)
    elif way == "activate":
        api.patch(f"/topics/{source}", {"is_active": True})
    elif way == "unarchive":
        api.patch(f"/topics/{source}", {"status": "active"})
    elif way == "move":
        api.move(source, api.messages_in(target)[0])
    else:
        api.merge(target, source)
        assert api.get(f"/topics/{target}")["merged_into"] == source
    assert api.get(f"/topics/{source}")["merged_into"] is None


def test_renaming_or_archiving_a_merged_topic_leaves_it_merged(api: Api, two: tuple[str, str]) -> None:
    """That is no use of it."""
    target, source = two
    api.merge(source, target)
    changed = api.patch(f"/topics/{source}", {"title": "Old", "status": "archived"})
    assert changed["merged_into"] == target


def test_an_empty_topic_may_be_merged(api: Api, two: tuple[str, str]) -> None:
    """Nothing moves and nothing is extracted; undoing brings it back."""
    empty = api.post("/topics", {"title": "Nothing yet"}, 201)["topic_id"]
    operation = api.merge(empty, two[0])
    assert operation["message_count"] == 0
    assert api.queue.take() == []
    assert api.get(f"/topics/{two[0]}")["is_active"]
    assert api.undo(operation)["undone_moved"] == 0
    back = api.get(f"/topics/{empty}")
    assert (back["status"], back["merged_into"], back["is_active"]) == ("active", None, True)


def test_a_split_moves_a_message_and_all_later_ones_to_a_new_topic(api: Api) -> None:
    """The new one is active if the old one was, has the title it was given, and both are extracted again."""
    topic_id = api.say(DECISION)["topic_id"]
    cut = api.say(PREFERENCE)["message_id"]
    whole = api.messages_in(topic_id)
    operation = api.split(topic_id, cut, title="Editors")
    assert (operation["kind"], operation["from_topic_id"], operation["message_count"]) == ("split", topic_id, 2)
    new = api.get(f"/topics/{operation['to_topic_id']}")
    assert (new["title"], new["status"], new["is_active"], new["message_count"]) == ("Editors", "active", True, 2)
    assert [*api.messages_in(topic_id), *api.messages_in(new["topic_id"])] == whole
    assert causes(api) == {topic_id: "split", new["topic_id"]: "split"}
    api.work()
    assert kinds(api, topic_id) == ["decision"]
    assert kinds(api, new["topic_id"]) == ["preference"]


def test_a_split_of_a_topic_that_is_not_active_changes_nothing_about_that(api: Api) -> None:
    """The new topic is archived if the old one is."""
    topic_id = api.say(DECISION)["topic_id"]
    cut = api.messages_in(topic_id)[1]
    api.patch(f"/topics/{topic_id}", {"status": "archived"})
    active = api.chat("New topic: lunch")["topic_id"]
    new = api.get(f"/topics/{api.split(topic_id, cut)['to_topic_id']}")
    assert (new["status"], new["is_active"]) == ("archived", False)
    assert api.get("/conversation")["active_topic_id"] == active


@pytest.mark.parametrize("is_used", [False, True])
def test_undoing_a_split_archives_the_new_topic_unless_it_was_used(api: Api, is_used: bool) -> None:
    """What was written into the new topic stays there, and then so does the topic."""
    topic_id = api.say(DECISION)["topic_id"]
    whole = api.messages_in(topic_id)
    operation = api.split(topic_id, whole[1])
    new_id = operation["to_topic_id"]
    if is_used:
        api.say(PREFERENCE)
    undone = api.undo(operation)
    assert (undone["undone_moved"], undone["undone_skipped"]) == (1, 0)
    assert api.messages_in(topic_id) == whole
    assert api.get(f"/topics/{new_id}")["status"] == ("active" if is_used else "archived")
    assert api.get("/conversation")["active_topic_id"] == (new_id if is_used else topic_id)


def test_moving_many_messages_takes_them_from_wherever_they_are(api: Api, two: tuple[str, str]) -> None:
    """Those that are there already stay and are not counted; emptied topics keep no cards; undoing puts each back."""
    first, second = two
    places = api.places()
    ids = [*api.messages_in(first)[:1], *api.messages_in(second)]
    operation = api.move(second, *ids, *ids)
    assert (operation["kind"], operation["message_count"], operation["from_topic_id"]) == ("move", 1, first)
    api.work()
    third = api.post("/topics", {"title": "Third"}, 201)["topic_id"]
    everything = api.move(third, *places)
    assert (everything["message_count"], everything["from_topic_id"]) == (4, None)
    assert set(api.places().values()) == {third}
    assert kinds(api, first) == kinds(api, second) == []
    assert causes(api) == {third: "move"}
    assert api.undo(everything)["undone_moved"] == 4
    assert api.undo(operation)["undone_moved"] == 1
    assert api.places() == places
    api.work()
    assert (kinds(api, first), kinds(api, second), kinds(api, third)) == (["decision"], ["preference"], [])


def test_moving_one_message_is_recorded_as_an_operation(api: Api, two: tuple[str, str]) -> None:
    """PATCH answers with the message as before; where nothing moves nothing is recorded."""
    first, second = two
    message_id = api.messages_in(first)[0]
    moved = api.patch(f"/messages/{message_id}", {"topic_id": second})
    assert (moved["message_id"], moved["topic_id"], moved["content"]) == (message_id, second, DECISION)
    api.patch(f"/messages/{message_id}", {"topic_id": second})
    [operation] = api.get("/topic-operations")["items"]
    assert (operation["kind"], operation["from_topic_id"], operation["to_topic_id"]) == ("move", first, second)
    api.undo(operation)
    assert message_id in api.messages_in(first)


def test_the_answer_follows_its_question_through_merge_and_split(api: Api) -> None:
    """A message that is moved while it is being answered takes the answer along."""
    topic_id = api.say(DECISION)["topic_id"]
    asked = api.chat("Do we need a cache?")["message_id"]
    new_id = api.split(topic_id, asked)["to_topic_id"]
    api.work()
    assert [m["role"] for m in api.get(f"/conversation/messages?topic_id={new_id}")["items"]] == ["user", "assistant"]
    asked = api.chat("And a queue?")["message_id"]
    api.merge(new_id, topic_id)
    api.work()
    assert api.messages_in(new_id) == []
    assert len(api.messages_in(topic_id)) == 6
    assert asked in api.messages_in(topic_id)


def test_undoing_twice_is_refused(api: Api, two: tuple[str, str]) -> None:
    """409, and nothing moves; the record says when it was undone."""
    operation = api.merge(two[0], two[1])
    undone = api.undo(operation)
    path = f"/topic-operations/{operation['operation_id']}"
    assert api.post(f"{path}/undo", status=409)["error"]["code"] == "operation_undone"
    assert api.get(path) == undone


def test_operations_are_listed_newest_first_by_topic_and_page(api: Api, two: tuple[str, str]) -> None:
    """A topic's operations are those that took from it or gave to it, one of several sources included."""
    first, second = two
    third = api.post("/topics", {"title": "Third"}, 201)["topic_id"]
    moved = api.move(third, api.messages_in(first)[0], api.messages_in(second)[0])
    split = api.split(third, api.messages_in(third)[1])
    merged = api.merge(split["to_topic_id"], third)
    ids = [one["operation_id"] for one in (merged, split, moved)]
    assert [one["operation_id"] for one in api.get("/topic-operations")["items"]] == ids
    assert [one["operation_id"] for one in api.get(f"/topic-operations?topic_id={first}")["items"]] == ids[2:]
    assert [one["operation_id"] for one in api.get(f"/topic-operations?topic_id={third}")["items"]] == ids
    page = api.get("/topic-operations?limit=2")
    rest = api.get(f"/topic-operations?limit=2&cursor={page['next_cursor']}")
    assert [one["operation_id"] for one in [*page["items"], *rest["items"]]] == ids
    assert rest["next_cursor"] is None
    assert api.get(f"/topic-operations/{ids[0]}") == merged
    api.get("/topic-operations?cursor=dG9waWNzOng", 400)


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


class Crash(BaseException):
    """The process is gone."""


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
