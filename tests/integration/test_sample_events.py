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
from chalicelib.settings import Settings
from local.context import LocalContext
from tests.support.api import Api
from tests.support.blobs import MemoryBlobs
from tests.support.known import Known
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
def known(api: Api, superuser: Callable[..., None]) -> Known:
    return Known(api, superuser)


def sample(name: str, known: Known) -> Any:
    """The event of that name, its placeholders filled in."""
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    return json.loads(re.sub(r"<(\w+)>", lambda match: known[match[1]], text))


def test_every_route_and_trigger_has_its_sample_and_no_sample_is_without_one() -> None:
    """They are named after the handlers."""
    assert sorted([*ROUTES, *TRIGGERS, *VARIANTS]) == SAMPLES
    assert len(TRIGGERS) == len(app.event_sources), "no trigger of another kind"


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_a_sample_request_is_answered(api: Api, known: Known, name: str) -> None:
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
def test_a_sample_batch_is_handled_whole(api: Api, known: Known, name: str, kind: str) -> None:
    """No record is given back, and its job is done."""
    [record] = sample(name, known)["Records"]
    job_id = json.loads(record["body"])["job_id"]
    assert api.get(f"/jobs/{job_id}")["status"] == "queued"
    answer = app.handler_map[TRIGGERS[name]]({"Records": [record]}, LocalContext(name, 60))
    assert answer == {"batchItemFailures": []}
    job = api.get(f"/jobs/{job_id}")
    assert (job["kind"], job["status"], job["result"]["ok"]) == (kind, "done", True)
    assert record["eventSourceARN"].endswith(f":glia-local-{TRIGGERS[name]}")


def test_a_sample_upload_is_settled(api: Api, known: Known) -> None:
    """S3 says what has come, and it is redacted and gone."""
    blobs = api.services.uploads.blobs
    assert isinstance(blobs, MemoryBlobs)
    event = sample("sqs_uploads", known)
    blobs.uploads[f"uploads/{known['user_id']}/{known['upload_id']}"] = b"hello"
    assert app.handler_map[TRIGGERS["sqs_uploads"]](event, LocalContext("uploads", 60)) == {"batchItemFailures": []}
    assert api.get(f"/artifacts/{known['upload_id']}")["status"] == "clean"
    assert blobs.uploads == {}


def test_a_sample_message_starts_a_reextraction(api: Api, known: Known) -> None:
    """Under the id that the sender chose."""
    [record] = sample("sqs_reextractions_start", known)["Records"]
    handler = app.handler_map[VARIANTS["sqs_reextractions_start"]]
    assert handler({"Records": [record]}, LocalContext("reextractions", 60)) == {"batchItemFailures": []}
    assert api.get(f"/reextractions/{json.loads(record['body'])['batch_id']}")["topics"] == 0


def test_a_sample_schedule_sweeps(api: Api, known: Known) -> None:
    """It says how many jobs it sent."""
    sent = len(api.queue.sent)
    answer = app.handler_map[TRIGGERS["schedule_sweep"]](sample("schedule_sweep", known), LocalContext("sweep", 60))
    assert answer == {"sent": len(api.queue.sent) - sent}
