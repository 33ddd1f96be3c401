"""Artifacts against a real S3 and SQS: uploaded by presigned link, announced by the bucket, redacted, kept by hash."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app import app
from chalicelib import wiring
from chalicelib.artifacts import store
from chalicelib.artifacts.uploads import UploadService
from chalicelib.settings import Settings
from chalicelib.traces.health import ArtifactHealth
from local.context import LocalContext
from local.lambda_events import sqs_event
from local.resources import client, create_resources
from tests.support.api import Api
from tests.support.crashing import Crash
from tests.support.emulators import RunningEmulator, installed
from tests.support.queue import RecordingQueue
from tests.support.traces import Event, event, new_run, send
from tests.unit.wire.planted import PLANTED

QUEUE = "glia-local-artifact-uploads"
PATIENCE = 20  # seconds, the longest that SQS lets anybody wait
SECRET = "sk-" + "plantedA1" * 4


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    running = RunningEmulator(installed(), tmp_path_factory.mktemp("emulator"))
    running.start()
    yield running
    running.kill()


class Storage:
    """The emulator's buckets and queue, as a test looks at them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.s3, self.sqs = client("s3", settings), client("sqs", settings)
        self.url = self.sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]

    def keys(self, bucket: str) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    def kept(self, user_id: UUID) -> list[str]:
        return [key for key in self.keys(self.settings.bucket) if str(user_id) in key]

    def raw(self, user_id: UUID) -> list[str]:
        return [key for key in self.keys(self.settings.upload_bucket) if str(user_id) in key]

    def everything(self) -> bytes:
        buckets = (self.settings.bucket, self.settings.upload_bucket)
        found = [self.s3.get_object(Bucket=b, Key=key)["Body"].read() for b in buckets for key in self.keys(b)]
        return b"\n".join(found)

    def drain(self, wait: int = 0) -> list[dict[str, Any]]:
        """What has been announced, at once or within `wait` seconds; it is not announced again."""
        taken: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"],
            WaitTimeSeconds=0 if taken else wait,
        ).get("Messages"):  # fmt: skip
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            taken += messages
        return taken

    def take(self) -> list[dict[str, Any]]:
        """What is announced; something is, sooner or later."""
        taken = self.drain(PATIENCE)
        assert taken
        return taken

    def deliver(self, messages: list[dict[str, Any]]) -> list[str]:
        """Hands messages to the trigger; answers which are to come back."""
        event = sqs_event(messages, QUEUE, "eu-central-1")
        answer = app.handler_map["uploads"](event, LocalContext("uploads", 60))
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def work(self) -> None:
        """Delivers what is announced until no raw upload is left."""
        while self.keys(self.settings.upload_bucket):
            assert self.deliver(self.take()) == []


@pytest.fixture
def settings(settings: Settings, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    changed = settings.model_copy(update={"aws_endpoint_url": f"http://127.0.0.1:{emulator.port}"})
    create_resources(changed, app)
    return changed


@pytest.fixture
def storage(settings: Settings) -> Storage:
    storage = Storage(settings)
    storage.drain()
    return storage


@pytest.fixture
def api(settings: Settings, home: Path) -> Iterator[Api]:
    queue = RecordingQueue()
    services = wiring.build(settings, queue=queue)
    wiring.use(services)
    yield Api(services, queue, home)
    services.close()


def dying(services: wiring.Services, crash: Callable[[str], None]) -> UploadService:
    outside = services._outside
    return UploadService(outside.db, outside.system_db, outside.blobs, outside.queue, ArtifactHealth(), crash)


def resting_on(asked: Any) -> list[Event]:
    """A run of two events, each of which refers to the artifact: as a sender does before and after it is settled."""
    run_id = new_run()
    ref = {"upload_id": asked["upload_id"], "role": "output", "media_type": "text/plain", "bytes": 5}
    return [event(run_id, n, artifact_refs=[ref]) for n in range(2)]


def ask(api: Api, data: bytes, media_type: str = "text/plain", **fields: Any) -> Any:
    return api.post("/artifacts", {"media_type": media_type, "bytes": len(data), **fields}, 201)


def put(asked: Any, content: bytes) -> httpx.Response:
    upload = asked["upload"]
    sent: dict[str, Any] = {"headers": upload["headers"], "content": content, "trust_env": False}
    return httpx.request(upload["method"], upload["url"], verify=False, **sent)  # http: no certificates are read


def upload(api: Api, content: bytes, media_type: str = "text/plain", **fields: Any) -> Any:
    asked = ask(api, content, media_type, **fields)
    assert put(asked, content).status_code == 200
    return asked


def test_an_upload_is_announced_redacted_kept_and_deleted(api: Api, storage: Storage) -> None:
    """From the presigned link by the bucket's own notification to the redacted content, with nothing raw left."""
    content = (f"the key is {SECRET} " + "word " * 100_000).encode()
    asked = upload(api, content)
    assert asked["status"] == "pending"
    assert asked["upload_id"] == asked["artifact_id"]
    assert len(storage.raw(api.user_id)) == 1
    storage.work()
    artifact = api.get(f"/artifacts/{asked['artifact_id']}")
    assert (artifact["status"], artifact["redaction_counts"]) == ("redacted", {"secret": 1})
    assert storage.raw(api.user_id) == []
    found = api.get(f"/artifacts/{asked['artifact_id']}/content")
    kept = httpx.get(found["url"], trust_env=False).content
    assert kept == content.replace(SECRET.encode(), b"[REDACTED:secret:1]")
    assert (artifact["content_hash"], artifact["bytes"]) == (hashlib.sha256(kept).hexdigest(), len(kept))


def test_the_signature_covers_length_and_type(api: Api) -> None:
    """S3 itself refuses another body than was announced."""
    url = ask(api, b"12345")["upload"]["url"]
    signed = httpx.URL(url).params
    assert signed["X-Amz-SignedHeaders"] == "content-length;content-type;host"
    assert int(signed["X-Amz-Expires"]) <= 900


def test_a_small_payload_is_redacted_in_its_request(api: Api, storage: Storage) -> None:
    """As text or Base64; it can be read at once, and nothing raw was ever written."""
    text = f"mail {SECRET}".encode()
    one = ask(api, text, content=text.decode())
    assert (one["status"], one["upload"]) == ("redacted", None)
    assert api.get(f"/artifacts/{one['artifact_id']}/content")["content"] == "mail [REDACTED:secret:1]"
    image = b"\x89PNG\r\n\x1a\n\x00\xff"
    two = ask(api, image, "image/png", content=base64.b64encode(image).decode(), encoding="base64")
    found = api.get(f"/artifacts/{two['artifact_id']}/content")
    assert (two["status"], base64.b64decode(found["content"])) == ("clean", image)
    assert storage.raw(api.user_id) == []


def test_equal_contents_share_one_object_of_their_user(api: Api, storage: Storage) -> None:
    """Also where only their secrets differ; another user's are apart."""
    contents = [f"key {SECRET}{n}".encode() for n in range(3)]
    made_ = [ask(api, content, content=content.decode()) for content in contents] + [upload(api, contents[0])]
    storage.work()
    hashes = {api.get(f"/artifacts/{one['artifact_id']}")["content_hash"] for one in made_}
    assert len(hashes) == 1
    assert len({one["artifact_id"] for one in made_}) == 4
    stranger = api.another()
    ask(stranger, contents[0], content=contents[0].decode())
    assert [len(storage.kept(user.user_id)) for user in (api, stranger)] == [1, 1]


@pytest.mark.parametrize("point", ["after_claim", "mid_transaction", "after_commit_before_ack"])
def test_a_worker_that_dies_anywhere_loses_and_doubles_nothing(api: Api, storage: Storage, point: str) -> None:
    """The message comes again, twice; the artifact is settled once, the upload is gone."""
    asked = upload(api, f"x {SECRET}".encode() * 3)
    [message] = storage.take()

    def die(name: str) -> None:
        if name == point:
            raise Crash()

    with pytest.raises(Crash):
        dying(api.services, die).handle(json.loads(message["Body"]))
    for _ in range(2):
        assert storage.deliver([message]) == []
    assert api.get(f"/artifacts/{asked['artifact_id']}")["status"] == "redacted"
    assert storage.raw(api.user_id) == []
    assert len(storage.kept(api.user_id)) == 1


@pytest.mark.parametrize(
    ("content", "media_type", "said", "failure"),
    [
        (b"\xff\xfe\xfd" * 5, "application/octet-stream", {}, "privacy_risk"),
        (b"whole", "text/plain", {"bytes": 9}, "artifact_corrupt"),
        (b"whole and more", "text/plain", {"bytes": 5}, "artifact_corrupt"),
        (b"whole", "text/plain", {"sha256": "0" * 64}, "artifact_corrupt"),
    ],
    ids=["cannot be read", "cut off", "too long", "damaged"],
)
def test_what_cannot_be_kept_fails_and_flags_its_runs(
    api: Api, storage: Storage, content: bytes, media_type: str, said: dict[str, Any], failure: str
) -> None:
    """Never silently: the artifact says why, so do runs that refer to it before or after, nothing of it stays."""
    asked = api.post("/artifacts", {"media_type": media_type, "bytes": len(content), **said}, 201)
    before, after = resting_on(asked), resting_on(asked)
    send(api, before[0])
    key = f"uploads/{api.user_id}/{asked['artifact_id']}"
    storage.s3.put_object(Bucket=storage.settings.upload_bucket, Key=key, Body=content)
    storage.work()
    artifact = api.get(f"/artifacts/{asked['artifact_id']}")
    assert (artifact["status"], artifact["failure"]) == ("failed", failure)
    send(api, after[1])
    assert [api.get(f"/runs/{sent['run_id']}")["health"] for sent in (before[0], after[1])] == [[failure]] * 2
    error = api.get(f"/artifacts/{asked['artifact_id']}/content", 409)["error"]
    assert (error["code"], error["details"]) == ("artifact_failed", {"failure": failure})
    assert storage.raw(api.user_id) == storage.kept(api.user_id) == []
    with api.services.db.user(api.user_id) as tx:
        assert store.standing(tx, api.user_id, [UUID(asked["artifact_id"]), uuid4()]) == {
            UUID(asked["artifact_id"]): failure
        }


def test_an_upload_whose_time_is_over_is_deleted_and_failed(
    api: Api, storage: Storage, superuser: Callable[..., None]
) -> None:
    """Whether it never came or was never settled; what comes later is deleted unread."""
    never, unsettled = ask(api, b"12345"), upload(api, b"54321")
    late, resting = storage.take(), resting_on(never)[0]
    send(api, resting)
    assert api.get(f"/artifacts/{never['artifact_id']}/content", 409)["error"]["code"] == "artifact_pending"
    superuser("UPDATE artifacts SET upload_expires_at = now() - interval '1 s' WHERE user_id = %s", api.user_id)
    api.services.uploads.sweep("a request")
    for _, body in api.queue.sent:
        api.services.uploads.handle(json.loads(body))
    assert storage.raw(api.user_id) == []
    for asked in (never, unsettled):
        assert api.get(f"/artifacts/{asked['artifact_id']}")["failure"] == "artifact_missing"
    assert api.get(f"/runs/{resting['run_id']}")["health"] == ["artifact_missing"]
    put(never, b"12345")
    assert storage.deliver(late + storage.take()) == []
    assert storage.raw(api.user_id) == storage.kept(api.user_id) == []


def test_a_storage_that_is_away_is_tried_again_then_said(api: Api, storage: Storage) -> None:
    """503 to the client, and the worker's message comes back; when it is there again all goes through."""
    asked = upload(api, b"12345")
    messages = storage.take()
    blobs = api.services._outside.blobs
    away = wiring.build(storage.settings.model_copy(update={"aws_endpoint_url": "http://127.0.0.1:9"}), queue=api.queue)
    wiring.use(away)
    assert Api(away, api.queue, api.home).post("/artifacts", {
        "media_type": "text/plain", "bytes": 2, "content": "hi",
    }, 503)["error"]["code"] == "storage_unavailable"  # fmt: skip
    assert storage.deliver(messages) == [messages[0]["MessageId"]]
    wiring.use(api.services)
    assert api.services._outside.blobs is blobs
    assert storage.deliver(messages) == []
    assert api.get(f"/artifacts/{asked['artifact_id']}")["status"] == "clean"
    away.close()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"media_type": "text/plain", "bytes": -1}, 422, "invalid"),
        ({"media_type": "text/plain\nx: y", "bytes": 1}, 422, "invalid"),
        ({"media_type": "text/sk-plantedb1plantedb1plantedb1", "bytes": 1}, 422, "artifact_mismatch"),
        ({"media_type": "text/plain", "bytes": 2**40}, 413, "artifact_too_large"),
        ({"media_type": "text/plain", "bytes": 300_000, "content": "x" * 300_000}, 413, "artifact_too_large"),
        ({"media_type": "text/plain", "bytes": 2, "content": "x"}, 422, "artifact_mismatch"),
        ({"media_type": "text/plain", "bytes": 1, "content": "x", "sha256": "0" * 64}, 422, "artifact_mismatch"),
        ({"media_type": "text/plain", "bytes": 1, "content": "?", "encoding": "base64"}, 422, "artifact_mismatch"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(api: Api, body: Any, status: int, code: str) -> None:
    """Its code, and nothing written."""
    assert api.post("/artifacts", body, status)["error"]["code"] == code


def test_a_repeated_request_makes_one_artifact(api: Api) -> None:
    """Under one Idempotency-Key."""
    key = {"Idempotency-Key": str(uuid4())}
    body = {"media_type": "text/plain", "bytes": 2, "content": "hi"}
    first, second = (api.post("/artifacts", body, 201, **key) for _ in range(2))
    assert first == second


def test_messages_that_are_none_of_ours_do_no_harm(api: Api, storage: Storage) -> None:
    """S3's test event is done; keys nobody waits for are deleted; what is no JSON goes to the dead letters."""
    storage.s3.put_object(Bucket=storage.settings.upload_bucket, Key="uploads/else where", Body=b"x")
    storage.work()
    assert "uploads/else where" not in storage.keys(storage.settings.upload_bucket)
    bodies = ['{"Service":"Amazon S3","Event":"s3:TestEvent"}', "no json", "[]"]
    messages = [{"MessageId": str(n), "ReceiptHandle": "r", "Body": body} for n, body in enumerate(bodies)]
    assert storage.deliver(messages) == ["1", "2"]


class Lines(logging.Handler):
    """Everything that is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += f"{record.getMessage()} {vars(record)}\n"


@pytest.fixture
def lines() -> Iterator[Lines]:
    watching, names = Lines(), ("chalicelib", "glia-api", "glia-worker")
    for name in names:
        logging.getLogger(name).addHandler(watching)
    yield watching
    for name in names:
        logging.getLogger(name).removeHandler(watching)


def disguises(around: str, secret: str) -> list[tuple[bytes, str]]:
    """A planted text as it may come: alone, across a slice's edge, in keys, values and texts of JSON, in JSON lines."""
    text = around.format(secret)
    edge = 64 * 1024 - around.index("{}") - len(secret) // 2
    nested = json.dumps({"arguments": json.dumps({"inner": [text]}), text: {"deep": [1, text]}})
    return [
        (text.encode(), "text/plain"),
        (("." * (edge - 1) + " " + text).encode(), "text/markdown"),
        (nested.encode(), "application/json"),
        (json.dumps({"escaped": text}, ensure_ascii=True).replace("@", "\\u0040").encode(), "application/json"),
        (f"{{}}\n{json.dumps([text])}\n".encode(), "application/x-ndjson"),
        (text.encode("utf-16"), "text/plain"),
        (text.encode(), "image/png"),
    ]


def test_a_planted_secret_is_in_no_table_blob_or_log(
    api: Api, storage: Storage, lines: Lines, superuser_rows: Callable[[str], list[str]]
) -> None:
    """One of each class, in every field and disguise, inline and uploaded, once the queue is drained."""
    for _, around, secret in PLANTED:
        for data, media_type in disguises(around, secret):
            inline = {"content": base64.b64encode(data).decode(), "encoding": "base64"}
            assert ask(api, data, media_type, **inline)["status"] == "redacted", (around, media_type)
            upload(api, data, media_type)
    storage.work()
    kept = storage.everything()
    assert len(storage.kept(api.user_id)) > len(PLANTED)
    assert lines.text
    for _, _, secret in PLANTED:
        for word in {secret, json.dumps(secret)[1:-1], secret.replace("@", "\\u0040")}:
            assert word.encode() not in kept
            assert word.encode("utf-16-le") not in kept
            assert word not in lines.text
    assert superuser_rows(*[secret for _, _, secret in PLANTED]) == []


def test_invariant_12_a_privacy_risk_blocks_the_bundle_until_somebody_takes_it_on(api: Api, storage: Storage) -> None:
    """What could not be redacted makes the run one that is not given out; an override is recorded with its reason."""
    asked = upload(api, b"\x80\x81 not text", "text/plain")
    resting = resting_on(asked)[0]
    send(api, resting)
    storage.work()
    path = f"/runs/{resting['run_id']}"
    assert api.get(path)["health"] == ["privacy_risk"]
    assert api.get(f"{path}/export", 409)["error"]["code"] == "privacy_risk"
    api.post(f"{path}/privacy-override", {"reason": "looked at by hand"}, 200)
    assert api.get(f"{path}/export")
    assert api.get(path)["privacy_override"] == "looked at by hand"


def test_a_reference_to_nobodys_artifact_is_told(api: Api) -> None:
    """Another user's is as unknown as one that never was."""
    theirs = ask(api.another(), b"12345")
    resting = resting_on(theirs)[0]
    send(api, resting)
    assert api.get(f"/runs/{resting['run_id']}")["health"] == ["artifact_unknown"]
