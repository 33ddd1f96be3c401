"""Batches of topics that are extracted again: which they are, how they go on, and how they are kept within bounds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app import app
from chalicelib import wiring
from chalicelib.jobs.errors import DeadJob
from chalicelib.jobs.models import JobKind, JobMessage, Outcome
from chalicelib.settings import Settings
from local.context import LocalContext
from tests.support.api import Api
from tests.support.batches import Change, items, make_old, make_topics, progress, shown, start
from tests.support.queue import RecordingQueue


@pytest.fixture
def narrow(settings: Settings, queue: RecordingQueue, home: Path) -> Iterator[Api]:
    """The application, with two topics of a batch at work at once."""
    services = wiring.build(settings.model_copy(update={"reextract_concurrency": 2}), queue=queue)
    wiring.use(services)
    yield Api(services, queue, home)
    services.close()


def kill(superuser: Change, api: Api, message: JobMessage) -> None:
    superuser("UPDATE jobs SET attempts = 5, failure_class = 'server' WHERE job_id = %s", message.job_id)
    with pytest.raises(DeadJob):  # the record fails on into the dead-letter queue
        api.services.worker.deliver(message)


def topics_of(api: Api, batch: Any) -> list[str]:
    return sorted(items(api, batch["batch_id"]))


def test_a_batch_extracts_every_topic_again_and_says_so(api: Api, superuser: Change) -> None:
    """Topics by older rules are extracted once each; ids, texts and versions of cards that stay are as before."""
    topics = make_topics(api, 12)
    make_old(superuser, api)
    before = {topic_id: shown(api, topic_id) for topic_id in topics}
    batch = start(api, {"older_than": "rules-2"})
    assert (batch["status"], batch["topics"], batch["is_preview"]) == ("running", 12, False)
    api.work()
    told = api.get(f"/reextractions/{batch['batch_id']}")
    assert (told["status"], told["cards_changed"], told["ended_at"] is None) == ("done", 0, False)
    assert progress(api, batch["batch_id"]) == {"done": 12}
    assert {topic_id: shown(api, topic_id) for topic_id in topics} == before
    for item in items(api, batch["batch_id"]).values():
        run = api.get(f"/extract-runs/{item['run_id']}")
        assert (run["cause"], run["job_id"], run["windows_extracted"]) == ("reextraction", item["job_id"], 1)
    assert start(api, {"older_than": "rules-2"})["topics"] == 0


def test_a_batch_of_nothing_is_done_at_once(api: Api) -> None:
    """A filter that finds no topic is no error, and leaves nothing running."""
    api.post("/topics", {"title": "Empty"}, 201)
    batch = start(api, {"all": True})
    assert (batch["status"], batch["topics"], batch["progress"]["queued"]) == ("done", 0, 0)


def test_each_filter_finds_its_topics(api: Api, superuser: Change) -> None:
    """Named, older, fallen back, failed, all: never one without messages."""
    topics = make_topics(api, 6)
    api.post("/topics", {"title": "Empty"}, 201)
    make_old(superuser, api, topics[0], topics[1])
    superuser("UPDATE shown_windows SET failure_class = 'timeout' WHERE topic_id = %s", topics[2])
    bury_run = "UPDATE card_extract_runs SET status = 'failed', ended_at = now() WHERE topic_id = %s"
    superuser(bury_run, topics[3])

    def found(**asked: Any) -> list[str]:
        return topics_of(api, start(api, asked))

    assert found(topics=[topics[5], topics[4]]) == [topics[4], topics[5]]
    assert found(older_than="rules-2") == [topics[0], topics[1]]
    assert found(older_than="rules-1") == []
    assert found(older_than="rules///rules-1") == topics[2:]
    assert found(fallback_only=True) == [topics[2]]
    assert found(failed_only=True) == [topics[3]]
    assert found(all=True) == topics


def test_a_dry_run_counts_and_writes_nothing(api: Api, superuser: Change) -> None:
    """It answers 200 with topics, messages and windows; rules cost no tokens; no batch and no job comes of it."""
    make_topics(api, 5)
    expected = {"topics": 5, "messages": 5, "windows": 5, "windows_to_extract": 0, "estimated_tokens": 0}
    assert start(api, {"all": True}, 200, dry_run=True) == expected
    make_old(superuser, api)
    assert start(api, {"all": True}, 200, dry_run=True) == expected | {"windows_to_extract": 5}
    assert api.get("/reextractions")["items"] == []
    assert api.queue.take() == []
    assert len(api.get("/jobs?limit=200&kind=extract")["items"]) == 5


def test_no_more_topics_are_at_work_than_the_setting_says(narrow: Api, superuser: Change) -> None:
    """After every delivery, in any order: at most two have an open job, and all are done in the end."""
    make_topics(narrow, 9)
    make_old(superuser, narrow)
    batch_id = start(narrow, {"all": True})["batch_id"]
    seen = []
    while messages := narrow.queue.take():
        for message in reversed(messages):
            seen.append(progress(narrow, batch_id).get("running", 0))
            narrow.services.worker.deliver(message)
            assert narrow.services.worker.deliver(message) is Outcome.NOTHING_TO_DO
    assert max(seen) == 2
    assert progress(narrow, batch_id) == {"done": 9}
    assert len(seen) == 9


def test_cancelling_leaves_out_what_has_not_begun(narrow: Api, superuser: Change) -> None:
    """Those at work go on to their end; nothing else is started; a second time is refused."""
    make_topics(narrow, 6)
    make_old(superuser, narrow)
    batch_id = start(narrow, {"all": True})["batch_id"]
    told = narrow.post(f"/reextractions/{batch_id}/cancel")
    assert (told["status"], told["progress"]["running"], told["progress"]["cancelled"]) == ("cancelled", 2, 4)
    narrow.work()
    assert progress(narrow, batch_id) == {"done": 2, "cancelled": 4}
    assert narrow.get(f"/reextractions/{batch_id}")["status"] == "cancelled"
    refused = narrow.post(f"/reextractions/{batch_id}/cancel", status=409)
    assert refused["error"]["code"] == "reextraction_ended"


def test_a_queued_extraction_stands_for_the_batch_and_tries_the_model_again(api: Api, superuser: Change) -> None:
    """Its cause is raised, so that what the rules stood in for is extracted; its end is the item's end."""
    [topic_id] = make_topics(api, 1)
    api.chat("I decided to sand the floor.", topic_id=topic_id)
    api.services.worker.deliver(api.queue.take()[0])
    [waiting] = api.queue.sent_messages()
    assert (waiting.kind, api.get(f"/jobs/{waiting.job_id}")["cause"]) == (JobKind.EXTRACT, "turn")
    batch = start(api, {"topics": [topic_id]})
    assert items(api, batch["batch_id"])[topic_id]["job_id"] == str(waiting.job_id)
    assert api.get(f"/jobs/{waiting.job_id}")["cause"] == "reextraction"
    api.post(f"/topics/{topic_id}/extract", status=202)
    assert api.get(f"/jobs/{waiting.job_id}")["cause"] == "reextraction", "a lighter cause changes nothing"
    api.work()
    assert progress(api, batch["batch_id"]) == {"done": 1}
    assert items(api, batch["batch_id"])[topic_id]["cards_changed"] == 1


def test_an_item_whose_job_dies_has_failed_and_is_redriven_with_it(api: Api, superuser: Change) -> None:
    """Its class is named, the batch ends without it, and the redriven job ends it after all."""
    topics = make_topics(api, 3)
    make_old(superuser, api)
    batch_id = start(api, {"all": True})["batch_id"]
    [first, *others] = api.queue.take()
    for message in others:
        api.services.worker.deliver(message)
    kill(superuser, api, first)
    assert progress(api, batch_id) == {"done": 2, "failed": 1}
    assert api.get(f"/reextractions/{batch_id}")["status"] == "done"
    [failed] = api.get(f"/reextractions/{batch_id}/items?status=failed")["items"]
    assert (failed["failure_class"], failed["job_id"]) == ("server", str(first.job_id))
    [dead] = api.get("/jobs?status=dead&kind=extract")["items"]
    assert dead["job_id"] == str(first.job_id)
    again = api.post(f"/jobs/{dead['job_id']}/redrive")
    assert (again["job_id"], again["status"], again["attempts"]) == (dead["job_id"], "queued", 0)
    assert progress(api, batch_id) == {"done": 2, "running": 1}
    assert api.get(f"/reextractions/{batch_id}")["status"] == "running"
    api.work()
    assert progress(api, batch_id) == {"done": 3}
    assert api.get(f"/reextractions/{batch_id}")["status"] == "done"
    assert api.get("/jobs?status=dead")["items"] == []
    assert len(topics) == 3


def test_redriving_gives_way_to_an_extraction_that_is_queued(api: Api, superuser: Change) -> None:
    """A topic has one queued extraction: it stands for the dead one and its items, and is the answer."""
    [topic_id] = make_topics(api, 1)
    make_old(superuser, api)
    batch_id = start(api, {"all": True})["batch_id"]
    [message] = api.queue.take()
    kill(superuser, api, message)
    waiting = api.post(f"/topics/{topic_id}/extract", status=202)["job_id"]
    assert api.post(f"/jobs/{message.job_id}/redrive")["job_id"] == waiting
    merged = api.get(f"/jobs/{message.job_id}")
    assert (merged["status"], merged["result"]["reason"], merged["result"]["job_id"]) == ("done", "merged", waiting)
    assert items(api, batch_id)[topic_id]["job_id"] == waiting
    api.work()
    assert progress(api, batch_id) == {"done": 1}


def test_only_what_is_dead_is_redriven_and_no_turn(api: Api, superuser: Change) -> None:
    """A job that is not dead, a turn's and nobody's are refused, each with its code."""
    [topic_id] = make_topics(api, 1)
    job_id = api.post(f"/topics/{topic_id}/extract", status=202)["job_id"]
    assert api.post(f"/jobs/{job_id}/redrive", status=409)["error"]["code"] == "job_not_dead"
    api.work()
    api.chat("hello")
    [turn] = api.queue.take()
    kill(superuser, api, turn)
    assert [job["kind"] for job in api.get("/jobs?status=dead")["items"]] == ["turn"]
    assert api.get("/jobs?status=dead&kind=extract")["items"] == []
    assert api.post(f"/jobs/{turn.job_id}/redrive", status=409)["error"]["code"] == "job_of_turn"
    api.post(f"/jobs/{uuid4()}/redrive", status=404)
    api.another().post(f"/jobs/{turn.job_id}/redrive", status=404)


def deliver(body: dict[str, Any]) -> Any:
    record = {
        "messageId": "m1", "receiptHandle": "r1", "body": json.dumps(body), "messageAttributes": {},
        "attributes": {"ApproximateReceiveCount": "1"}, "eventSource": "aws:sqs", "awsRegion": "eu-central-1",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:glia-local-reextractions",
    }  # fmt: skip
    return app.handler_map["reextractions"]({"Records": [record]}, LocalContext("reextractions", 60))


FAILED = {"batchItemFailures": [{"itemIdentifier": "m1"}]}


def test_a_message_on_the_queue_starts_a_batch_once(api: Api, superuser: Change) -> None:
    """The sender's batch id makes it one batch, however often the message comes."""
    make_topics(api, 4)
    make_old(superuser, api)
    batch_id = str(uuid4())
    body = {"user_id": str(api.user_id), "batch_id": batch_id, "filter": {"all": True}}
    for _ in range(3):
        assert deliver(body) == {"batchItemFailures": []}
    assert [batch["batch_id"] for batch in api.get("/reextractions")["items"]] == [batch_id]
    assert len(api.queue.sent) == 4
    api.work()
    assert progress(api, batch_id) == {"done": 4}
    assert deliver(body) == {"batchItemFailures": []}
    assert api.queue.take() == []


def test_a_message_that_asks_for_nothing_possible_fails(api: Api) -> None:
    """Unknown fields, users, topics and batches of others go on into the dead-letter queue; nothing is written."""
    make_topics(api, 1)
    mine, filter_ = {"user_id": str(api.user_id), "batch_id": str(uuid4())}, {"filter": {"all": True}}
    taken = start(api.another(), {"all": True})["batch_id"]
    assert deliver({**mine, **filter_, "mood": "good"}) == FAILED
    assert deliver({**mine, "filter": {}}) == FAILED
    assert deliver({**mine, "filter": {"topics": [str(uuid4())]}}) == FAILED
    assert deliver({**mine, **filter_, "user_id": str(uuid4())}) == FAILED
    assert deliver({**mine, **filter_, "batch_id": taken}) == FAILED
    assert deliver({**mine, **filter_, "preview": True, "extractor": {"prompt_version": "none"}}) == FAILED
    assert api.get("/reextractions")["items"] == []


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "invalid"),
    ({"filter": {}}, "invalid"),
    ({"filter": {"all": False}}, "invalid"),
    ({"filter": {"all": None}}, "invalid"),
    ({"filter": {"all": True, "failed_only": True}}, "invalid"),
    ({"filter": {"topics": []}}, "invalid"),
    ({"filter": {"topics": ["x"]}}, "invalid"),
    ({"filter": {"older_than": "yesterday"}}, "invalid"),
    ({"filter": {"older_than": "rules-99999999"}}, "invalid"),
    ({"filter": {"all": True}, "extractor": {"provider": "rules"}}, "invalid"),
    ({"filter": {"all": True}, "preview": True, "extractor": {"provider": "rules", "model": "x"}}, "invalid"),
    ({"filter": {"all": True}, "preview": True, "extractor": {"model": "a b"}}, "invalid"),
    ({"filter": {"all": True}, "preview": "yes"}, "invalid"),
    ({"filter": {"all": True}, "preview": True, "extractor": {"prompt_version": "x"}}, "unknown_prompt_version"),
    ({"filter": {"all": True}, "preview": True, "extractor": {"model": "x"}}, "model_unconfigured"),
]


@pytest.mark.parametrize("is_dry", [False, True])
def test_what_cannot_be_is_refused(api: Api, is_dry: bool) -> None:
    """Each wrong body has its code, dry or not, and starts nothing."""
    for body, code in REFUSED:
        told = api.post("/reextractions", {**body, "dry_run": is_dry}, 422)
        assert told["error"]["code"] == code, body
    assert api.post("/reextractions", {"filter": {"topics": [str(uuid4())]}}, 404)["error"]["code"] == "topic_not_found"
    assert api.get("/reextractions")["items"] == []


def test_a_request_plans_no_more_than_it_may(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound nothing is started; the queue takes more."""
    monkeypatch.setattr("chalicelib.cards.reextraction.service.MAX_TOPICS", 2)
    make_topics(api, 3)
    assert start(api, {"all": True}, 422)["error"]["code"] == "too_many_topics"
    assert api.get("/reextractions")["items"] == []
    assert api.queue.take() == []
    batch_id = str(uuid4())
    deliver({"user_id": str(api.user_id), "batch_id": batch_id, "filter": {"all": True}})
    assert progress(api, batch_id) == {"running": 3}


def test_a_repeated_request_starts_one_batch(api: Api) -> None:
    """Under an Idempotency-Key the first answer comes again."""
    make_topics(api, 2)
    body, key = {"filter": {"all": True}}, {"Idempotency-Key": "once"}
    first = api.post("/reextractions", body, 202, **key)
    api.work()
    assert api.post("/reextractions", body, 202, **key) == first
    assert len(api.get("/reextractions")["items"]) == 1


def test_batches_page_newest_first(api: Api) -> None:
    """Every one once, whatever ids senders have chosen; a cursor of another list is refused."""
    make_topics(api, 1)
    made = [start(api, {"all": True})["batch_id"] for _ in range(2)]
    chosen = [str(uuid4()) for _ in range(3)]
    for batch_id in chosen:
        deliver({"user_id": str(api.user_id), "batch_id": batch_id, "filter": {"all": True}})
    found, cursor = [], ""
    while True:
        page = api.get(f"/reextractions?limit=2{cursor}")
        found += [batch["batch_id"] for batch in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == [*reversed(chosen), *reversed(made)]
    job_cursor = api.get("/jobs?limit=1")
    assert len(job_cursor["items"]) == 1


def test_a_batch_is_its_users_own(api: Api) -> None:
    """Another user neither sees it nor decides about it, nor reaches the owner's topics by a filter."""
    topics = make_topics(api, 2)
    batch_id = start(api, {"all": True}, preview=True)["batch_id"]
    stranger = api.another()
    stranger.chat("I live here too.")
    for path in ("", "/items"):
        assert stranger.get(f"/reextractions/{batch_id}{path}", 404)["error"]["code"] == "reextraction_not_found"
    for act in ("cancel", "apply", "discard"):
        stranger.post(f"/reextractions/{batch_id}/{act}", status=404)
    assert stranger.get("/reextractions")["items"] == []
    start(stranger, {"topics": topics}, 404)
    assert start(stranger, {"all": True})["topics"] == 1
