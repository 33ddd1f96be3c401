"""Previews: what another extractor would make of the cards, looked at before it is applied or discarded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chalicelib.cards.models import SourceMessage
from chalicelib.cards.windows import is_end, split
from chalicelib.errors import GliaError
from local.roles import DatabaseUrls
from tests.conftest import settings_for
from tests.support.api import Api
from tests.support.batches import Change, items, make_old, make_topics, progress, shown, start
from tests.support.databases import Server
from tests.support.model_glia import MODEL, ModelGlia, Start, starter
from tests.support.model_server import AnswerJson, HttpError, ModelRequest, Step
from tests.support.queue import RecordingQueue

FLOOR = "I decided to sand the floor."


@pytest.fixture
def begin(database: DatabaseUrls, home: Path, server: Server, queue: RecordingQueue) -> Iterator[Start]:
    """Rules extract; a model can be reached for previews."""
    with starter(partial(settings_for, database, home, server), queue, home) as started:
        yield started


def noting(title: str) -> AnswerJson:
    """A model that makes one card of every message of the user's."""

    def answer(request: ModelRequest) -> dict[str, Any]:
        return {
            "cards": [
                {
                    "kind": "insight", "title": title, "body": f"By {request.model}.", "confidence": 0.5,
                    "evidence": [{"message_id": one.message_id, "quote": one.content}],
                }
                for one in request.shown
                if one.use == "evidence"
            ][:1]
        }  # fmt: skip

    return AnswerJson(answer)


def preview(api: Api, asked: dict[str, Any] | None = None, **extractor: str) -> str:
    """Starts a preview of all topics, and has it made. Returns the batch's id."""
    more: dict[str, Any] = {"extractor": extractor} if extractor else {}
    batch_id = start(api, asked or {"all": True}, preview=True, **more)["batch_id"]
    api.work()
    return str(batch_id)


def cards_of(api: Api, topics: list[str]) -> dict[str, Any]:
    return {topic_id: shown(api, topic_id) for topic_id in topics}


def test_a_preview_by_another_model_changes_nothing_until_it_is_applied(begin: Start) -> None:
    """Cards and runs stay; the diff says what would change; applying shows it without calling the model, under a run of
    its own; what is applied stays when the topic is extracted again."""
    glia = begin([noting("Painting")])
    api, topics = glia.api, make_topics(glia.api, 3)
    before, runs = cards_of(api, topics), api.get("/extract-runs")
    batch_id = preview(api, provider="model", model=MODEL, prompt_version="cards-1-brief")
    told = api.get(f"/reextractions/{batch_id}")
    assert (told["status"], told["progress"]["done"], told["tokens"]) == ("ready", 3, 3 * 18)
    assert told["extractor"].startswith(f"openai/{MODEL}/cards-1-brief/")
    assert "fewer cards" in glia.model.requests[0].messages[0]["content"]
    assert (cards_of(api, topics), api.get("/extract-runs")) == (before, runs)
    for topic_id, item in items(api, batch_id).items():
        actions = {change["action"]: change for change in item["diff"]}
        assert set(actions) == {"created", "retired"}
        assert actions["created"]["before"] is None
        assert actions["created"]["after"]["title"] == "Painting"
        assert actions["retired"]["card_id"] == before[topic_id][0][0]
        assert item["cards_changed"] == 2
    assert api.post(f"/reextractions/{batch_id}/apply")["status"] == "applying"
    api.work()
    assert len(glia.model.requests) == 3
    assert progress(api, batch_id) == {"applied": 3}
    assert api.get(f"/reextractions/{batch_id}")["status"] == "done"
    for topic_id, item in items(api, batch_id).items():
        assert item["diff"] is None
        [card] = api.get(f"/topics/{topic_id}/cards")["items"]
        assert (card["title"], card["body"], card["run_id"]) == ("Painting", f"By {MODEL}.", item["run_id"])
        run = api.get(f"/extract-runs/{item['run_id']}")
        assert (run["cause"], run["status"], run["model"], run["job_id"]) == (
            "applied",
            "finished",
            MODEL,
            item["job_id"],
        )
    api.chat(FLOOR, topic_id=topics[0])
    api.work()
    assert [card[1] for card in shown(api, topics[1])] == ["Painting"]


def test_what_was_applied_stays_until_it_is_extracted_again(begin: Start) -> None:
    """A closed window keeps the chosen result while the topic grows; a batch without a choice takes it back."""
    glia = begin([noting("Chosen")])
    api = glia.api
    said = [{"key": str(n), "role": "user", "content": f"I decided to buy lamp {n}."} for n in range(40)]
    [topic_id] = api.post("/imports", {"source": "lamps", "messages": said})["topic_ids"]
    api.work()
    api.post(f"/reextractions/{preview(api, model=MODEL)}/apply")
    api.work()
    chosen = [card[1] for card in shown(api, topic_id)]
    assert set(chosen) == {"Chosen"}
    api.chat(FLOOR, topic_id=topic_id)
    api.work()
    now = [card[1] for card in shown(api, topic_id)]
    assert "Chosen" in now, "the closed window"
    assert len(now) > len(chosen), "the open one, by the rules again"
    start(api, {"topics": [topic_id]})
    api.work()
    assert "Chosen" not in [card[1] for card in shown(api, topic_id)]


def test_discarding_leaves_everything_and_keeps_no_diff(begin: Start) -> None:
    """Nothing has changed, the diffs are gone, and there is nothing left to decide about."""
    glia = begin([noting("Painting")])
    topics = make_topics(glia.api, 2)
    before = cards_of(glia.api, topics)
    batch_id = preview(glia.api, model=MODEL)
    assert glia.api.post(f"/reextractions/{batch_id}/discard")["status"] == "discarded"
    assert progress(glia.api, batch_id) == {"discarded": 2}
    assert [item["diff"] for item in items(glia.api, batch_id).values()] == [None, None]
    assert cards_of(glia.api, topics) == before
    for act in ("apply", "discard"):
        refused = glia.api.post(f"/reextractions/{batch_id}/{act}", status=409)
        assert refused["error"]["code"] == "reextraction_not_ready"
    assert glia.api.post(f"/reextractions/{batch_id}/cancel", status=409)["error"]["code"] == "reextraction_ended"


def test_a_second_preview_by_the_same_extractor_calls_no_model(begin: Start) -> None:
    """Results are kept; a dry run says so beforehand."""
    glia = begin([noting("Painting")])
    make_topics(glia.api, 2)
    body = {"preview": True, "extractor": {"model": MODEL}}
    before = start(glia.api, {"all": True}, 200, dry_run=True, **body)
    assert before["windows_to_extract"] == 2
    preview(glia.api, model=MODEL)
    asked = len(glia.model.requests)
    sent = sum(len(request.messages[0]["content"] + request.messages[1]["content"]) for request in glia.model.requests)
    assert sent / 4 < before["estimated_tokens"] < sent
    after = start(glia.api, {"all": True}, 200, dry_run=True, **body)
    assert (after["windows_to_extract"], after["estimated_tokens"]) == (0, 0)
    assert progress(glia.api, preview(glia.api, model=MODEL)) == {"done": 2}
    assert len(glia.model.requests) == asked


def ends_open(message_ids: list[int]) -> bool:
    """Whether the last window of a topic of these messages may grow."""
    last = split([SourceMessage(message_id, "user", "") for message_id in message_ids])[-1]
    return not is_end(len(last), last[-1].message_id)


def test_what_has_changed_since_is_left_to_ordinary_extraction(begin: Start) -> None:
    """Of a topic that has grown, the windows that are as they were are applied; the others stay as they are shown."""
    glia = begin([noting("Chosen")])
    api = glia.api
    said = [{"key": str(n), "role": "user", "content": f"I decided to buy lamp {n}."} for n in range(60)]
    [topic_id] = api.post("/imports", {"source": "lamps", "messages": said[:40]})["topic_ids"]
    count = 40
    while not ends_open(api.messages_in(topic_id)):  # where windows end depends on ids
        api.post("/imports", {"source": "lamps", "messages": said[count : count + 1]})
        count += 1
    api.work()
    batch_id = preview(api, model=MODEL)
    was = api.get(f"/topics/{topic_id}")
    accepted = api.chat(FLOOR, topic_id=topic_id)
    assert accepted["topic_id"] == topic_id
    assert was["message_count"] == count
    for message in api.queue.take():
        if message.kind == "turn":
            api.services.worker.deliver(message)
    [waiting] = api.queue.take()
    api.post(f"/reextractions/{batch_id}/apply")
    [applying] = api.queue.take()
    api.services.worker.deliver(applying)
    assert progress(api, batch_id) == {"applied": 1}
    titles = [card[1] for card in shown(api, topic_id)]
    assert "Chosen" in titles
    assert len(titles) > 1, "what the open window showed is still there"
    api.services.worker.deliver(waiting)
    titles = [card[1] for card in shown(api, topic_id)]
    assert "Chosen" in titles
    assert any("floor" in title for title in titles)


def test_a_topic_that_is_another_by_now_is_not_applied(begin: Start) -> None:
    """Nothing that was previewed is there any more: the item has failed as outdated, and no card has changed."""
    glia = begin([noting("Painting")])
    api = glia.api
    [topic_id] = make_topics(api, 1)
    batch_id = preview(api, model=MODEL)
    api.say(FLOOR, topic_id=topic_id)
    before = shown(api, topic_id)
    api.post(f"/reextractions/{batch_id}/apply")
    api.work()
    [item] = items(api, batch_id).values()
    assert (item["status"], item["failure_class"]) == ("failed", "outdated")
    assert shown(api, topic_id) == before
    assert api.get(f"/reextractions/{batch_id}")["status"] == "done"


def test_deleting_a_message_takes_the_diffs_made_from_it(
    begin: Start, superuser_rows: Callable[[str], list[str]]
) -> None:
    """No row anywhere holds a word of it or of what a model wrote about it."""
    glia = begin([noting("Zanzibar-9c1")])
    api = glia.api
    topics = make_topics(api, 2)
    batch_id = preview(api, model=MODEL)
    assert len(superuser_rows("Zanzibar-9c1")) == 4, "drafts and diffs"
    for topic_id in topics:
        [message_id] = api.messages_in(topic_id)
        api.delete(f"/messages/{message_id}")
    assert superuser_rows("Zanzibar-9c1") == []
    assert [item["diff"] for item in items(api, batch_id).values()] == [None, None]
    api.post(f"/reextractions/{batch_id}/apply")
    api.work()
    assert progress(api, batch_id) == {"applied": 2}, "there is nothing left of the topics to fail"


def test_users_edits_survive_what_is_applied(begin: Start) -> None:
    """An edited card stays as the user wrote it, whatever the other extractor thinks."""
    glia = begin([noting("Painting")])
    [topic_id] = make_topics(glia.api, 1)
    [(card_id, *_)] = shown(glia.api, topic_id)
    glia.api.patch(f"/cards/{card_id}", {"title": "Mine"})
    glia.api.post(f"/reextractions/{preview(glia.api, model=MODEL)}/apply")
    glia.api.work()
    assert ("Mine" in [card[1] for card in shown(glia.api, topic_id)]) is True


@pytest.mark.parametrize(
    ("step", "failure_class"),
    [
        (HttpError(401, "invalid_api_key"), "auth"),
        (HttpError(400, "context_length_exceeded"), "context_length"),
    ],
)
def test_a_failure_for_good_is_the_items_and_no_rules_stand_in(begin: Start, step: Step, failure_class: str) -> None:
    """A preview shows what the named model does, so its failure is shown too."""
    glia = begin([step])
    make_topics(glia.api, 2)
    batch_id = preview(glia.api, model=MODEL)
    assert progress(glia.api, batch_id) == {"failed": 2}
    assert {item["failure_class"] for item in items(glia.api, batch_id).values()} == {failure_class}
    assert glia.api.get(f"/reextractions/{batch_id}")["status"] == "done"


def test_a_passing_failure_is_tried_again_and_ends_among_the_dead(begin: Start) -> None:
    """The job is given back with its class; redriven when the model is well again, it ends the preview."""
    glia = begin([*[HttpError(503, "down")] * 15, noting("Painting")])
    make_topics(glia.api, 1)
    batch_id = start(glia.api, {"all": True}, preview=True, extractor={"model": MODEL})["batch_id"]
    [message] = glia.api.queue.take()
    for _ in range(5):
        with pytest.raises(GliaError):
            glia.api.services.worker.deliver(message)
    [item] = items(glia.api, batch_id).values()
    assert (item["status"], item["failure_class"]) == ("failed", "server")
    [dead] = glia.api.get("/jobs?status=dead")["items"]
    assert (dead["kind"], dead["failure_class"]) == ("reextract", "server")
    assert glia.api.post(f"/jobs/{dead['job_id']}/redrive")["status"] == "queued"
    assert glia.api.get(f"/reextractions/{batch_id}")["status"] == "running"
    glia.api.work()
    assert glia.api.get(f"/reextractions/{batch_id}")["status"] == "ready"


def test_a_preview_by_the_extractor_in_use_is_not_chosen(begin: Start, superuser: Change) -> None:
    """Applied, it is what extraction itself would have given: later extractions go on from there."""
    glia = begin([noting("Painting")])
    api = glia.api
    topics = make_topics(api, 2)
    make_old(superuser, api)
    before = cards_of(api, topics)
    batch_id = preview(api)
    assert [item["diff"] for item in items(api, batch_id).values()] == [[], []]
    api.post(f"/reextractions/{batch_id}/apply")
    api.work()
    assert cards_of(api, topics) == before
    assert start(api, {"older_than": "rules-2"})["topics"] == 0
    assert glia.model.requests == []


def test_a_cancelled_preview_asks_nobody_and_keeps_nothing(begin: Start) -> None:
    """Jobs that are queued still come to nothing, and diffs made before are gone."""
    glia = begin([noting("Painting")], GLIA_REEXTRACT_CONCURRENCY="1")
    api = glia.api
    make_topics(api, 3)
    batch_id = start(api, {"all": True}, preview=True, extractor={"model": MODEL})["batch_id"]
    [first] = api.queue.take()
    api.services.worker.deliver(first)
    assert progress(api, batch_id) == {"done": 1, "running": 1, "queued": 1}
    api.post(f"/reextractions/{batch_id}/cancel")
    api.work()
    assert progress(api, batch_id) == {"done": 1, "cancelled": 2}
    assert [item["diff"] for item in items(api, batch_id).values()] == [None] * 3
    assert len(glia.model.requests) == 1
    api.post(f"/reextractions/{batch_id}/apply", status=409)


def test_a_topic_that_changes_under_a_preview_is_previewed_as_it_is_then(begin: Start) -> None:
    """A message that comes while the model thinks is in what is shown."""
    glia: ModelGlia
    said: list[str] = []

    class Meanwhile(AnswerJson):
        def play(self, request: ModelRequest, wire: Any) -> None:
            if not said:
                said.append(FLOOR)
                glia.api.chat(FLOOR, topic_id=topic_id)
            super().play(request, wire)

    step = noting("Painting")
    glia = begin([Meanwhile(step.build)])
    [topic_id] = make_topics(glia.api, 1)
    batch_id = start(glia.api, {"all": True}, preview=True, extractor={"model": MODEL})["batch_id"]
    [message] = glia.api.queue.take()
    glia.api.services.worker.deliver(message)
    assert progress(glia.api, batch_id) == {"done": 1}
    assert [len(request.shown) for request in glia.model.requests] == [1, 2]
