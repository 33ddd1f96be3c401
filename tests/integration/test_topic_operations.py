"""Merging, splitting, moving and undoing, as a client of the API sees them."""

from __future__ import annotations

import pytest

from tests.support.api import Api

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


def test_undoing_a_split_leaves_no_archived_topic_active(api: Api) -> None:
    """Where the old topic was not active, and the new one was made so since, none is active then."""
    topic_id = api.say(DECISION)["topic_id"]
    api.chat("New topic: lunch")
    operation = api.split(topic_id, api.messages_in(topic_id)[1])
    api.patch(f"/topics/{operation['to_topic_id']}", {"is_active": True})
    api.undo(operation)
    assert api.get(f"/topics/{operation['to_topic_id']}")["status"] == "archived"
    assert api.get("/conversation")["active_topic_id"] is None


def test_a_topic_merged_elsewhere_since_stays_merged_there(api: Api, two: tuple[str, str]) -> None:
    """Undoing the first of two merges of a topic says nothing about the second."""
    target, source = two
    first = api.merge(source, target)
    api.patch(f"/topics/{source}", {"status": "active"})
    third = api.post("/topics", {"title": "Third"}, 201)["topic_id"]
    for message_id in api.messages_in(target):
        api.move(third, message_id)
    api.merge(source, third)
    assert api.undo(first)["undone_skipped"] == 2
    after = api.get(f"/topics/{source}")
    assert (after["status"], after["merged_into"]) == ("archived", third)


def test_cards_are_right_when_a_full_window_changes(api: Api) -> None:
    """Windows that were hashed are hashed again from the first changed message on, in both topics, there and back."""
    texts = [f"I decided to call store number {n} Alpha{n}." for n in range(80)]
    batch = [{"key": str(n), "role": "user", "content": text} for n, text in enumerate(texts)]
    [topic_id] = api.post("/imports", {"source": "notes", "messages": batch})["topic_ids"]
    other = api.post("/topics", {}, 201)["topic_id"]
    api.work()
    ids = api.messages_in(topic_id)

    def cited(topic: str) -> list[int]:
        api.work()
        cards = api.get(f"/topics/{topic}/cards?limit=200")["items"]
        return sorted(citation["message_id"] for card in cards for citation in card["citations"])

    assert cited(topic_id) == ids
    later = api.move(other, *ids[40:])
    assert (cited(topic_id), cited(other)) == (ids[:40], ids[40:])
    early = api.move(other, ids[5])
    assert (cited(topic_id), cited(other)) == ([*ids[:5], *ids[6:40]], [ids[5], *ids[40:]])
    api.undo(early)
    assert (cited(topic_id), cited(other)) == (ids[:40], ids[40:])
    api.undo(later)
    assert (cited(topic_id), cited(other)) == (ids, [])


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
