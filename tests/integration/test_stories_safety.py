"""Stories told twice, at once, or by workers that die half way; and each user's by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chalicelib import wiring
from chalicelib.adapters.crashpoints import NAMES
from chalicelib.errors import GliaError
from chalicelib.jobs.models import JobKind, JobMessage, Outcome
from chalicelib.settings import Settings
from tests.support.api import Api
from tests.support.crashing import Crash
from tests.support.queue import RecordingQueue

DECISION = "I decided to go with Postgres for the new service."


class Points(list[str]):
    """The crash points to die at; `meanwhile` is done once after a claim."""

    meanwhile: Callable[[], Any] | None = None

    def reach(self, name: str) -> None:
        if name in self:
            raise Crash(name)
        if name == "after_claim" and self.meanwhile:
            act, self.meanwhile = self.meanwhile, None
            act()


@pytest.fixture
def points() -> Points:
    return Points()


@pytest.fixture
def api(settings: Settings, queue: RecordingQueue, home: Path, points: Points) -> Iterator[Api]:
    """An application that dies at the crash points one names."""
    services = wiring.build(settings, queue=queue, crash_points=points.reach)
    wiring.use(services)
    yield Api(services, queue, home)
    services.close()


def told(api: Api, topic_id: str) -> list[int]:
    """The versions, newest first."""
    return [version["version"] for version in api.get(f"/topics/{topic_id}/story/versions")["items"]]


def until_story(api: Api, message: str) -> tuple[str, JobMessage]:
    """Sends a message, has everything done but its story, and answers topic and job of that."""
    topic_id = api.chat(message)["topic_id"]
    while True:
        taken = api.queue.take()
        if taken[0].kind is JobKind.STORY:
            return str(topic_id), taken[0]
        for one in taken:
            api.services.worker.deliver(one)


def test_a_story_that_is_delivered_again_and_again_is_told_once(api: Api) -> None:
    """A duplicate is told from work, whenever it comes."""
    topic_id, message = until_story(api, DECISION)
    deliver = api.services.worker.deliver
    assert [deliver(message) for _ in range(3)] == [Outcome.DONE, Outcome.NOTHING_TO_DO, Outcome.NOTHING_TO_DO]
    assert told(api, topic_id) == [1]


def test_workers_at_once_tell_one_story(api: Api) -> None:
    """Four threads get the same message."""
    topic_id, message = until_story(api, DECISION)
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: api.services.worker.deliver(message), range(4)))
    assert sorted(outcomes) == ["done"] + ["nothing_to_do"] * 3
    assert told(api, topic_id) == [1]


@pytest.mark.parametrize("point", [name for name in NAMES if name != "after_commit_before_send"])
def test_invariant_14_a_worker_that_dies_telling_a_story_loses_nothing(
    api: Api, points: Points, superuser: Callable[..., None], point: str
) -> None:
    """Wherever it dies: after redelivery there is one version, and its job is done."""
    topic_id, message = until_story(api, DECISION)
    points.append(point)
    with pytest.raises(Crash):
        api.services.worker.deliver(message)
    points.clear()
    superuser("UPDATE jobs SET lease_until = now() WHERE job_id = %s AND status = 'running'", message.job_id)
    api.services.worker.deliver(message)
    assert told(api, topic_id) == [1]
    assert api.get(f"/jobs/{message.job_id}")["status"] == "done"


def test_a_story_whose_message_is_lost_is_sent_by_the_sweep(api: Api) -> None:
    """The row is the truth."""
    topic_id, message = until_story(api, DECISION)
    api.services.jobs.sweep(after=0)
    [again] = [sent for sent in api.queue.take() if sent == message]  # others' work is sent again, too
    assert api.services.worker.deliver(again) is Outcome.DONE
    assert told(api, topic_id) == [1]


def test_cards_that_change_while_their_story_is_told_get_another(api: Api, points: Points) -> None:
    """The one in the making is not written: its job ends as superseded, and the newer cards have a job of their own."""
    topic_id, message = until_story(api, DECISION)
    [card] = api.get(f"/topics/{topic_id}/cards")["items"]
    points.meanwhile = lambda: api.patch(f"/cards/{card['card_id']}", {"body": "We use Postgres 17."})
    assert api.services.worker.deliver(message) is Outcome.DONE
    assert api.get(f"/jobs/{message.job_id}")["result"]["reason"] == "superseded"
    assert told(api, topic_id) == []
    api.work()
    assert told(api, topic_id) == [1]
    [paragraph] = api.get(f"/topics/{topic_id}/story")["paragraphs"]
    assert "Postgres 17" in paragraph["text"]


def test_a_topic_that_is_emptied_while_its_story_is_told_has_none(api: Api, points: Points) -> None:
    """Invariant 5: no version, no title, and no job that goes on for ever."""
    topic_id, message = until_story(api, DECISION)

    def empty() -> None:
        for one in api.get("/conversation/messages")["items"]:
            api.delete(f"/messages/{one['message_id']}")

    points.meanwhile = empty
    api.services.worker.deliver(message)
    api.work()
    assert told(api, topic_id) == []
    assert api.get(f"/topics/{topic_id}")["title"] == "New topic"
    assert api.post(f"/topics/{topic_id}/story") == {"ok": True, "reason": "no_cards"}


def test_a_story_waits_for_the_one_that_is_being_told(api: Api, points: Points) -> None:
    """A second job of the topic is not begun meanwhile; it is sent again when the first one ends."""
    topic_id, message = until_story(api, DECISION)
    [card] = api.get(f"/topics/{topic_id}/cards")["items"]
    early: list[Outcome] = []

    def overtake() -> None:
        api.patch(f"/cards/{card['card_id']}", {"title": "Storage"})
        early.extend(api.services.worker.deliver(one) for one in api.queue.take())

    points.meanwhile = overtake
    api.services.worker.deliver(message)
    assert early == [Outcome.NOTHING_TO_DO]
    assert api.queue.sent_messages(), "it is sent again"
    api.work()
    assert told(api, topic_id) == [1]
    assert api.get(f"/topics/{topic_id}/story")["title"] == "Storage"


def test_a_slow_worker_that_finds_its_story_told_leaves_it(
    api: Api, points: Points, superuser: Callable[..., None]
) -> None:
    """Its lease has run out, and another job has told of the same cards meanwhile: there is one version."""
    topic_id, message = until_story(api, DECISION)

    def overtake() -> None:
        superuser("UPDATE jobs SET lease_until = now() WHERE job_id = %s", message.job_id)
        api.post(f"/topics/{topic_id}/story", status=202)
        api.work()

    points.meanwhile = overtake
    assert api.services.worker.deliver(message) is Outcome.DONE
    assert api.get(f"/jobs/{message.job_id}")["result"]["reason"] == "unchanged"
    assert told(api, topic_id) == [1]


def test_a_story_that_always_fails_is_given_up_and_can_be_asked_for(
    api: Api, superuser: Callable[..., None], settings: Settings
) -> None:
    """After its attempts it is dead, and by hand there is another job."""
    topic_id, message = until_story(api, DECISION)
    superuser("ALTER TABLE stories ADD CONSTRAINT none CHECK (false) NOT VALID")
    try:
        for _ in range(settings.max_attempts):
            with pytest.raises(psycopg.errors.CheckViolation):
                api.services.worker.deliver(message)
        with pytest.raises(GliaError):
            api.services.worker.deliver(message)
    finally:
        superuser("ALTER TABLE stories DROP CONSTRAINT none")
    assert api.get(f"/jobs/{message.job_id}")["status"] == "dead"
    api.post(f"/topics/{topic_id}/story", status=202)
    api.work()
    assert told(api, topic_id) == [1]


def test_invariant_1_a_story_is_its_owners_alone(api: Api) -> None:
    """Nobody else reads, lists, compares or asks for it: the topic is not there."""
    topic_id = api.say(DECISION)["topic_id"]
    stranger = api.another()
    stranger.chat("I live here too.")
    for path in ("", "?version=1", "/versions", "/compare"):
        assert stranger.get(f"/topics/{topic_id}/story{path}", 404)["error"]["code"] == "topic_not_found"
    assert stranger.post(f"/topics/{topic_id}/story", status=404)["error"]["code"] == "topic_not_found"
    assert api.queue.take()[0].user_id == stranger.user_id
    assert told(api, topic_id) == [1]
