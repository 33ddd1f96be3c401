"""The samples in `events/`: one a route and one a trigger, as Lambda receives them, each of which works."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chalice.app import ScheduledEventConfig, SQSEventConfig
from pydantic import BaseModel

from app import app
from chalicelib import wiring
from chalicelib.api import endpoints
from chalicelib.api.resource import Endpoint
from chalicelib.health import HealthService
from chalicelib.jobs.models import JobKind
from chalicelib.settings import Settings
from local.context import LocalContext
from tests.support.api import Api
from tests.support.blobs import MemoryBlobs
from tests.support.queue import RecordingQueue

FOLDER = Path(__file__).resolve().parents[2] / "events"
SAMPLES = sorted(path.stem for path in FOLDER.glob("*.json"))
ROUTES: dict[str, Endpoint] = {app.routes[e.path][e.method].view_name: e for e in endpoints()}
TRIGGERS = {
    f"{prefix}_{source.name}": source.name
    for prefix, kind in (("sqs", SQSEventConfig), ("schedule", ScheduledEventConfig))
    for source in app.event_sources
    if isinstance(source, kind)
}


VARIANTS = {"sqs_reextractions_start": "reextractions"}  # further samples of a trigger


ARTIFACT = {"media_type": "text/plain", "bytes": 5, "content": "hello"}


class Answering:
    """A queue or blob store that answers `/health`."""

    def check(self) -> None:
        pass


@pytest.fixture
def api(settings: Settings, queue: RecordingQueue, home: Path) -> Iterator[Api]:
    """The application, whose queue and blobs are well."""
    services = wiring.build(settings, queue=queue, blobs=MemoryBlobs())
    services.health = HealthService(settings, services.db, Answering(), Answering())
    wiring.use(services)
    yield Api(services, queue, home)
    services.close()


@pytest.fixture
def known(api: Api, superuser: Callable[..., None]) -> dict[str, str]:
    """What the samples' placeholders stand for: a user with one of everything."""
    said = api.say("I decided to go with Postgres for the new service.")
    topic_id = said["topic_id"]
    failed = api.chat("hello")["turn_id"]
    api.post(f"/turns/{failed}/cancel")
    api.work()
    extraction = api.post(f"/topics/{topic_id}/extract", status=202)["job_id"]
    live = api.chat("hello again")["turn_id"]
    waiting = {message.kind: str(message.job_id) for message in api.queue.sent_messages()}
    assert waiting[JobKind.EXTRACT] == extraction
    [run, *_] = api.get("/extract-runs")["items"]
    story = api.post(f"/topics/{topic_id}/story", status=202)["job_id"]
    other = api.post("/topics", {"title": "Elsewhere"}, 201)["topic_id"]
    api.patch(f"/topics/{topic_id}", {"is_active": True})
    merged = api.post("/topics", {"title": "Nothing"}, 201)["topic_id"]
    operation = api.post(f"/topics/{merged}/merge", {"into_topic_id": topic_id}, 201)["operation_id"]
    messages = api.get(f"/conversation/messages?topic_id={topic_id}")["items"]
    batches = _batches(api, topic_id)
    dead = api.post("/reextractions", {"filter": {"topics": [topic_id]}, "preview": True}, 202)
    [item] = api.get(f"/reextractions/{dead['batch_id']}/items")["items"]
    superuser("UPDATE jobs SET status = 'dead' WHERE job_id = %s", item["job_id"])
    suggested, deleted = (c["card_id"] for c in api.get(f"/topics/{_more(api)}/cards")["items"])
    api.patch(f"/cards/{suggested}", {"title": "Mine"})
    superuser('UPDATE cards SET machine = machine || \'{"title": "Theirs"}\' WHERE card_id = %s', suggested)
    api.delete(f"/cards/{deleted}")
    session, undoable = (api.post("/sessions/create", {}, 201)["session_id"] for _ in range(2))
    for session_id in (session, undoable):
        api.post(f"/sessions/{session_id}/message", {"message": "I want a customer support agent"})
    whole = api.post("/sessions/create", {}, 201)["session_id"]
    for message in ("a research assistant that searches the web", "formal", "no tools"):
        api.post(f"/sessions/{whole}/message", {"message": message})
    tool = {"name": "mine", "title": "Mine", "description": "x", "parameters": {"type": "object"}, "effects": ["read"]}
    return {
        **batches,
        "session_id": session,
        "told_session_id": whole,
        "tool_id": api.post("/tools", {"tool": tool}, 201)["items"][0]["tool_id"],
        "artifact_id": api.post("/artifacts", ARTIFACT, 201)["artifact_id"],
        "upload_id": api.post("/artifacts", {"media_type": "text/plain", "bytes": 5}, 201)["upload_id"],
        "dead_job_id": item["job_id"],
        "suggested_card_id": suggested,
        "deleted_card_id": deleted,
        "token": api.token,
        "user_id": str(api.user_id),
        "topic_id": topic_id,
        "other_topic_id": other,
        "message_id": str(said["message_id"]),
        "later_message_id": str(messages[-1]["message_id"]),
        "operation_id": operation,
        "conversation_id": api.get("/conversation")["conversation_id"],
        "turn_id": said["turn_id"],
        "failed_turn_id": failed,
        "live_turn_id": live,
        "turn_job_id": waiting[JobKind.TURN],
        "extract_job_id": extraction,
        "story_job_id": story,
        "job_id": extraction,
        "run_id": run["run_id"],
        "card_id": api.get(f"/topics/{topic_id}/cards")["items"][0]["card_id"],
        "key_id": api.post("/api-keys", {"name": "mine"}, 201)["key_id"],
    }


def _batches(api: Api, topic_id: str) -> dict[str, str]:
    """A preview that is ready, and a batch whose one topic waits."""
    asked = {"filter": {"topics": [topic_id]}, "preview": True}
    ready, waiting = (api.post("/reextractions", asked, 202)["batch_id"] for _ in range(2))
    jobs = {
        id_: [item["job_id"] for item in api.get(f"/reextractions/{id_}/items")["items"]] for id_ in (ready, waiting)
    }
    for message in api.queue.sent_messages():
        if [str(message.job_id)] == jobs[ready]:
            api.services.worker.deliver(message)
    return {"preview_batch_id": ready, "batch_id": waiting, "reextract_job_id": jobs[waiting][0]}


def _more(api: Api) -> str:
    """A topic with two cards."""
    topic_id = api.post("/topics", {"title": "More"}, 201)["topic_id"]
    api.chat("I decided to paint the fence. Do we need a permit for that?", topic_id=topic_id)
    extraction = api.post(f"/topics/{topic_id}/extract", status=202)["job_id"]
    for message in api.queue.sent_messages():
        if str(message.job_id) == extraction:
            api.services.worker.deliver(message)
    return str(topic_id)


def sample(name: str, known: dict[str, str]) -> Any:
    """The event of that name, its placeholders filled in."""
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    return json.loads(re.sub(r"<(\w+)>", lambda match: known[match[1]], text))


def test_every_route_and_trigger_has_its_sample_and_no_sample_is_without_one() -> None:
    """They are named after the handlers."""
    assert sorted([*ROUTES, *TRIGGERS, *VARIANTS]) == SAMPLES
    assert len(TRIGGERS) == len(app.event_sources), "no trigger of another kind"


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_a_sample_request_is_answered(api: Api, known: dict[str, str], name: str) -> None:
    """With the status of success, and the body that is documented for it."""
    endpoint, event = ROUTES[name], sample(name, known)
    assert (event["httpMethod"], event["resource"]) == (endpoint.method, endpoint.path)
    status, shape = next(iter(endpoint.answers.items()))
    answer = app(event, LocalContext("glia", 29))
    assert answer["statusCode"] == status, answer["body"]
    assert answer["headers"]["X-Request-Id"] == event["headers"]["X-Request-Id"]
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        shape.model_validate_json(answer["body"])
    else:
        assert bool(answer["body"]) is (shape is not None)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sqs_turns", "turn"),
        ("sqs_extractions", "extract"),
        ("sqs_stories", "story"),
        ("sqs_reextractions", "reextract"),
    ],
)
def test_a_sample_batch_is_handled_whole(api: Api, known: dict[str, str], name: str, kind: str) -> None:
    """No record is given back, and its job is done."""
    [record] = sample(name, known)["Records"]
    job_id = json.loads(record["body"])["job_id"]
    assert api.get(f"/jobs/{job_id}")["status"] == "queued"
    answer = app.handler_map[TRIGGERS[name]]({"Records": [record]}, LocalContext(name, 60))
    assert answer == {"batchItemFailures": []}
    job = api.get(f"/jobs/{job_id}")
    assert (job["kind"], job["status"], job["result"]["ok"]) == (kind, "done", True)
    assert record["eventSourceARN"].endswith(f":glia-local-{TRIGGERS[name]}")


def test_a_sample_upload_is_settled(api: Api, known: dict[str, str]) -> None:
    """S3 says what has come, and it is redacted and gone."""
    blobs = api.services.uploads.blobs
    assert isinstance(blobs, MemoryBlobs)
    event = sample("sqs_uploads", known)
    blobs.uploads[f"uploads/{known['user_id']}/{known['upload_id']}"] = b"hello"
    assert app.handler_map[TRIGGERS["sqs_uploads"]](event, LocalContext("uploads", 60)) == {"batchItemFailures": []}
    assert api.get(f"/artifacts/{known['upload_id']}")["status"] == "clean"
    assert blobs.uploads == {}


def test_a_sample_message_starts_a_reextraction(api: Api, known: dict[str, str]) -> None:
    """Under the id that the sender chose."""
    [record] = sample("sqs_reextractions_start", known)["Records"]
    handler = app.handler_map[VARIANTS["sqs_reextractions_start"]]
    assert handler({"Records": [record]}, LocalContext("reextractions", 60)) == {"batchItemFailures": []}
    assert api.get(f"/reextractions/{json.loads(record['body'])['batch_id']}")["topics"] == 0


def test_a_sample_schedule_sweeps(api: Api, known: dict[str, str]) -> None:
    """It says how many jobs it sent."""
    sent = len(api.queue.sent)
    answer = app.handler_map[TRIGGERS["schedule_sweep"]](sample("schedule_sweep", known), LocalContext("sweep", 60))
    assert answer == {"sent": len(api.queue.sent) - sent}
