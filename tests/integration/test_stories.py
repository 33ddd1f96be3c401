"""Stories as a client of the API sees them: told anew, versions, comparing, and what deleting leaves of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.jobs.models import JobKind
from tests.support.api import Api

DECISION = "I decided to go with Postgres for the new service."
QUESTION = "Do we need a cache in front of it?"
PREFERENCE = "I prefer dark mode in every editor."


def texts(api: Api, topic_id: str) -> list[str]:
    return [paragraph["text"] for paragraph in api.get(f"/topics/{topic_id}/story")["paragraphs"]]


def versions(api: Api, topic_id: str) -> list[int]:
    """Newest first."""
    return [version["version"] for version in api.get(f"/topics/{topic_id}/story/versions")["items"]]


def cards(api: Api, topic_id: str) -> list[Any]:
    found: list[Any] = api.get(f"/topics/{topic_id}/cards")["items"]
    return found


def stories_waiting(api: Api) -> list[str]:
    """The topics whose stories wait."""
    jobs = [api.get(f"/jobs/{m.job_id}") for m in api.queue.sent_messages() if m.kind is JobKind.STORY]
    return [job["subject"] for job in jobs if job["status"] == "queued"]


def test_a_story_follows_the_cards_by_itself(api: Api) -> None:
    """After the extraction that changed them, told from them, with who told it and why."""
    said = api.say(f"{DECISION} {QUESTION}")
    story = api.get(f"/topics/{said['topic_id']}/story")
    assert [paragraph["text"] for paragraph in story["paragraphs"]] == [
        "One thing was decided: “I decided to go with Postgres for the new service”.",
        "One question is open: “Do we need a cache in front of it?”.",
    ]
    assert (story["version"], story["is_current"], story["cards_count"], story["cause"]) == (1, True, 2, "cards")
    assert (story["provider"], story["model"], story["prompt_version"]) == ("rules", None, "digest-1")
    assert (story["fallback_used"], story["failure_class"], len(story["attempts"])) == (False, None, 1)
    job = api.get(f"/jobs/{story['job_id']}")
    assert (job["kind"], job["subject"], job["result"]["version"]) == ("story", said["topic_id"], 1)


def test_invariant_6_every_paragraph_cites_and_every_citation_is_verbatim(api: Api) -> None:
    """The citations are those of its cards, whatever the text is made of."""
    text = f"  🙂 Häagen — \r\n{DECISION} 👩‍👩‍👧 {QUESTION}\t"
    topic_id = api.say(text)["topic_id"]
    api.say(PREFERENCE)
    stored = {m["message_id"]: m["content"] for m in api.get("/conversation/messages")["items"]}
    of_card = {card["card_id"]: card["citations"] for card in cards(api, topic_id)}
    story = api.get(f"/topics/{topic_id}/story")
    assert len(story["paragraphs"]) == 3
    for paragraph in story["paragraphs"]:
        assert paragraph["citations"] == [place for card_id in paragraph["card_ids"] for place in of_card[card_id]]
        for citation in paragraph["citations"]:
            assert stored[citation["message_id"]][citation["start"] : citation["end"]] == citation["quote"] != ""


def act(what: str) -> Callable[[Api, str], Any]:
    """Something a user does to a card."""
    return {
        "edit": lambda api, card_id: api.patch(f"/cards/{card_id}", {"body": "We use Postgres 17."}),
        "delete": lambda api, card_id: api.delete(f"/cards/{card_id}"),
        "pin": lambda api, card_id: api.post(f"/cards/{card_id}/pin"),
    }[what]


@pytest.mark.parametrize("what", ["edit", "delete", "pin"])
def test_a_story_is_told_anew_after_what_the_user_does_to_a_card(api: Api, what: str) -> None:
    """One job, however much is done before it runs; the version before says that it is not current meanwhile."""
    topic_id = api.say(f"{DECISION} {QUESTION}")["topic_id"]
    [decision, question] = cards(api, topic_id)
    api.post(f"/cards/{question['card_id']}/pin")
    act(what)(api, decision["card_id"])
    assert stories_waiting(api) == [topic_id, topic_id], "the second cause has sent the same job again"
    assert api.get(f"/topics/{topic_id}/story")["is_current"] is False
    api.work()
    story = api.get(f"/topics/{topic_id}/story")
    assert (story["version"], story["is_current"], story["cause"]) == (2, True, "card")
    told = {
        "edit": "One thing was decided: “We use Postgres 17”.",
        "delete": "One question is open: “Do we need a cache in front of it?”.",
        "pin": "One thing was decided: “I decided to go with Postgres for the new service”.",
    }
    assert texts(api, topic_id)[0] == told[what]


def test_what_a_reader_does_not_see_makes_no_story(api: Api) -> None:
    """A message that gives no card, a pin that is there already, and an extraction by hand."""
    topic_id = api.say(DECISION)["topic_id"]
    [card] = cards(api, topic_id)
    api.post(f"/cards/{card['card_id']}/unpin")
    api.say("Nothing much happened.")
    api.post(f"/topics/{topic_id}/extract", status=202)
    api.work()
    assert versions(api, topic_id) == [1]


def test_a_state_that_was_told_before_is_told_again_the_same_way(api: Api) -> None:
    """Deleting a card makes a version; one that was never there before is never the same as another."""
    topic_id = api.say(f"{DECISION} {QUESTION}")["topic_id"]
    first = api.get(f"/topics/{topic_id}/story")
    elsewhere = api.post("/topics", {"title": "Elsewhere"}, 201)["topic_id"]
    later = api.say(PREFERENCE, topic_id=topic_id)["message_id"]
    operation = api.move(elsewhere, later)
    api.work()
    third = api.get(f"/topics/{topic_id}/story")
    assert third["version"] == 3
    assert third["paragraphs"] == first["paragraphs"]
    assert api.get(f"/jobs/{third['job_id']}")["result"]["reason"] == "restored"
    api.undo(operation)
    api.work()
    assert texts(api, topic_id)[-1] == "One preference was stated: “I prefer dark mode in every editor”."


def test_older_versions_are_read_and_listed(api: Api) -> None:
    """Newest first, page by page, without their words; each is read by its number."""
    topic_id = api.say(DECISION)["topic_id"]
    for more in (QUESTION, PREFERENCE):
        api.say(more)
    assert versions(api, topic_id) == [3, 2, 1]
    page = api.get(f"/topics/{topic_id}/story/versions?limit=2")
    assert [item["version"] for item in page["items"]] == [3, 2]
    assert "paragraphs" not in page["items"][0]
    assert [item["is_current"] for item in page["items"]] == [True, False]
    rest = api.get(f"/topics/{topic_id}/story/versions?limit=2&cursor={page['next_cursor']}")
    assert ([item["version"] for item in rest["items"]], rest["next_cursor"]) == ([1], None)
    assert len(api.get(f"/topics/{topic_id}/story?version=1")["paragraphs"]) == 1


def test_two_versions_are_compared(api: Api) -> None:
    """By paragraph; by default the newest with the one before; of the first, itself; either way round."""
    topic_id = api.say(DECISION)["topic_id"]
    path = f"/topics/{topic_id}/story/compare"
    only = api.get(path)
    assert (only["from_version"], only["to_version"], only["unchanged"]) == (1, 1, 1)
    api.say("I decided to call it Alpha.")
    api.say(PREFERENCE)
    [old], [new, added] = (api.get(f"/topics/{topic_id}/story?version={n}")["paragraphs"] for n in (1, 3))
    compared = api.get(f"{path}?from=1&to=3")
    assert (compared["added"], compared["removed"], compared["unchanged"]) == ([added], [], 0)
    assert compared["changed"] == [{"before": old, "after": new}]
    back = api.get(f"{path}?from=3&to=1")
    assert (back["added"], back["removed"]) == ([], [added])
    assert api.get(path) == api.get(f"{path}?from=2&to=3") == api.get(f"{path}?from=2") == api.get(f"{path}?to=3")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("?version=9", 404, "story_not_found"),
        ("?version=0", 422, "invalid"),
        (f"?version={2**31}", 422, "invalid"),
        ("?version=x", 422, "invalid"),
        ("?paragraph=1", 422, "invalid"),
        ("/compare?from=1&to=9", 404, "story_not_found"),
        ("/compare?to=9", 404, "story_not_found"),
        ("/compare?from=9", 404, "story_not_found"),
        ("/compare?before=1", 422, "invalid"),
        ("/versions?cursor=x", 400, "cursor_invalid"),
    ],
)
def test_what_is_not_there_or_not_asked_well_is_refused(api: Api, path: str, status: int, code: str) -> None:
    """With the code that says so."""
    topic_id = api.say(DECISION)["topic_id"]
    assert api.get(f"/topics/{topic_id}/story{path}", status)["error"]["code"] == code


def test_invariant_5_a_topic_without_cards_has_no_story(api: Api) -> None:
    """Nothing is told, nothing is queued; it has no versions, and nothing to compare."""
    topic_id = api.say("Nothing much happened.")["topic_id"]
    assert api.post(f"/topics/{topic_id}/story") == {"ok": True, "reason": "no_cards"}
    assert api.queue.take() == []
    for path in ("", "/compare"):
        assert api.get(f"/topics/{topic_id}/story{path}", 404)["error"]["code"] == "story_not_found"
    assert versions(api, topic_id) == []


def test_a_story_by_hand_of_cards_told_of_already_is_the_same_one(api: Api) -> None:
    """The job says so; under one Idempotency-Key there is one job."""
    topic_id = api.say(DECISION)["topic_id"]
    key = {"Idempotency-Key": "once"}
    job_id = api.post(f"/topics/{topic_id}/story", status=202, **key)["job_id"]
    assert api.post(f"/topics/{topic_id}/story", status=202, **key) == {"job_id": job_id}
    api.work()
    assert api.get(f"/jobs/{job_id}")["result"] == {"ok": True, "reason": "unchanged"}
    assert versions(api, topic_id) == [1]


def test_a_story_of_which_no_card_is_left_is_history(api: Api) -> None:
    """When the user has deleted them all: it can be read, it is not current, and gives no title."""
    topic_id = api.say(DECISION)["topic_id"]
    [card] = cards(api, topic_id)
    api.patch(f"/cards/{card['card_id']}", {"title": "Storage"})
    api.work()
    assert api.get(f"/topics/{topic_id}")["title"] == "Storage"
    api.delete(f"/cards/{card['card_id']}")
    [job_id] = [str(m.job_id) for m in api.queue.sent_messages()]
    api.work()
    assert api.get(f"/jobs/{job_id}")["result"] == {"ok": True, "reason": "no_cards"}
    assert api.get(f"/topics/{topic_id}/story")["is_current"] is False
    assert api.get(f"/topics/{topic_id}")["title"] == DECISION.rstrip(".")
    api.post(f"/cards/{card['card_id']}/restore")
    api.work()
    assert api.get(f"/topics/{topic_id}")["title"] == "Storage"


def test_a_topic_is_named_after_its_story_until_the_user_names_it(api: Api) -> None:
    """The first decision's title, at most 60 characters; the user's own stays, whatever is told."""
    said = api.say("Hello there. I decided to go with " + "a very special kind of " * 6 + "Postgres.")
    title = api.get(f"/topics/{said['topic_id']}")["title"]
    story = api.get(f"/topics/{said['topic_id']}/story")
    assert title == story["title"] == api.get("/topics")["items"][0]["title"]
    assert title.endswith("…")
    assert len(title) <= 60
    api.patch(f"/topics/{said['topic_id']}", {"title": "Mine"})
    api.say("I decided to call it Alpha.")
    assert api.get(f"/topics/{said['topic_id']}")["title"] == "Mine"


def test_a_topic_without_a_decision_keeps_its_opening_as_title(api: Api) -> None:
    """A digest without a decision has no title of its own."""
    topic_id = api.say(f"Hello there. {PREFERENCE}")["topic_id"]
    assert api.get(f"/topics/{topic_id}/story")["title"] is None
    assert api.get(f"/topics/{topic_id}")["title"] == "Hello there"


def test_deleting_a_message_removes_every_story_and_title_told_of_it(
    api: Api, superuser_rows: Callable[[str], list[str]]
) -> None:
    """At once, from every version, and before anything is told anew; the others stay, and a number is used once."""
    topic_id = api.say(PREFERENCE)["topic_id"]
    secret = api.say("I decided that the zanzibar project ships in May.")["message_id"]
    assert "zanzibar" in api.get(f"/topics/{topic_id}")["title"].lower()
    assert versions(api, topic_id) == [2, 1]
    for message in api.get("/conversation/messages")["items"]:
        if message["message_id"] != secret and "zanzibar" in message["content"]:
            api.delete(f"/messages/{message['message_id']}")  # the answer repeats it
    api.delete(f"/messages/{secret}")
    assert superuser_rows("zanzibar") == []
    assert versions(api, topic_id) == [1]
    assert api.get(f"/topics/{topic_id}")["title"] == PREFERENCE.rstrip(".")
    api.work()
    story = api.get(f"/topics/{topic_id}/story")
    assert (story["version"], story["is_current"]) == (3, True)
    assert len(story["paragraphs"]) == 1
    assert superuser_rows("zanzibar") == []


def test_a_version_that_cites_a_message_which_left_the_topic_is_gone(api: Api) -> None:
    """The renewed one follows in both topics; a topic that is emptied has none."""
    topic_id = api.say(DECISION)["topic_id"]
    moved = api.say(PREFERENCE)["message_id"]
    other = api.post("/topics", {"title": "Editors"}, 201)["topic_id"]
    api.move(other, moved)
    assert versions(api, topic_id) == [1]
    api.work()
    assert versions(api, topic_id) == [3, 1]
    assert texts(api, other) == ["One preference was stated: “I prefer dark mode in every editor”."]
    api.merge(topic_id, other)
    api.work()
    assert versions(api, topic_id) == []
    assert api.get(f"/topics/{topic_id}/story", 404)["error"]["code"] == "story_not_found"
    assert len(texts(api, other)) == 2


def test_moving_away_and_back_before_anything_runs_brings_the_story_back(api: Api) -> None:
    """The cards are what they were, and the version that went is told anew all the same."""
    said = api.say(DECISION)
    api.say(PREFERENCE)
    other = api.post("/topics", {"title": "Editors"}, 201)["topic_id"]
    api.undo(api.move(other, said["message_id"]))
    assert versions(api, said["topic_id"]) == []
    api.work()
    assert len(texts(api, said["topic_id"])) == 2
    assert api.get(f"/topics/{said['topic_id']}/story")["is_current"] is True


def test_nothing_is_extracted_from_stories(api: Api) -> None:
    """Telling a story queues no extraction, and changes no card."""
    topic_id = api.say(DECISION)["topic_id"]
    before, runs = cards(api, topic_id), api.get("/extract-runs")
    api.post(f"/topics/{topic_id}/story", status=202)
    assert [m.kind for m in api.queue.sent_messages()] == [JobKind.STORY]
    api.work()
    assert (cards(api, topic_id), api.get("/extract-runs")) == (before, runs)
