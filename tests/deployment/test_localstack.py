"""The package as it goes to AWS, deployed by CloudFormation to LocalStack: gateway, functions, queues, bucket."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import httpx
import psycopg
import pytest

from infra.deploy import deploy, stack_name
from infra.destroy import destroy, empty
from infra.package import package
from infra.stack import Stack, StackError
from localstack.run import machine, this_python
from tests.support import waiting
from tests.support.deployed import Deployed, localstack_is_there, sqs_record
from tests.support.importing import Person, history, written
from tests.support.running import ROOT
from tests.support.traces import PROTOBUF, new_run, run_events, spans

SCHEDULED = {  # as EventBridge sends it
    "id": "1", "detail-type": "Scheduled Event", "source": "aws.events", "account": "", "time": "", "region": "",
    "resources": [], "detail": {}, "version": "0",
}  # fmt: skip

until = partial(waiting.until, pause=0.3)  # every look goes through the gateway into a function
pytestmark = [
    pytest.mark.skipif(not localstack_is_there(), reason="LocalStack is not set up; `make test` does it"),
    pytest.mark.xdist_group("localstack"),
]


@pytest.fixture(scope="module")
def glia() -> Iterator[Deployed]:
    # Not below pytest's own folder: as root, the database is another user, who could not pass through it.
    with tempfile.TemporaryDirectory(prefix="glia-deployed-", ignore_cleanup_errors=True) as home:
        at_once = dict.fromkeys(("GLIA_BACKOFF_BASE", "GLIA_EXTRACT_DELAY", "GLIA_STORY_DELAY"), "0")
        deployed = Deployed(Path(home), **at_once, GLIA_SWEEP_AFTER="1", GLIA_EXTRACT_LEASE="5")
        yield deployed
        assert deployed.stop() == 0


@pytest.fixture
def http(glia: Deployed) -> Iterator[httpx.Client]:
    with glia.http(f"user-{uuid4()}") as client:
        yield client


def chat(http: httpx.Client, message: str) -> dict[str, Any]:
    answer = http.post("/chat", json={"message": message})
    assert answer.status_code == 202, answer.text
    accepted: dict[str, Any] = answer.json()
    return accepted | {"events": accepted["events_url"].removeprefix("/api")}


def is_completed(http: httpx.Client, turn_id: str) -> bool:
    return bool(http.get(f"/turns/{turn_id}").json()["status"] == "completed")


def assert_in_contract(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "details", "request_id"}
    assert error["code"] == code
    assert error["request_id"]


def test_health_says_that_database_queue_and_bucket_answer(http: httpx.Client) -> None:
    """Every part the function needs is reached with what its template gives it."""
    health = http.get("/health").json()
    assert (health["status"], health["database"], health["queue"], health["storage"]) == ("ok", "ok", "ok", "ok")


def test_it_listens_on_this_machine_only(glia: Deployed) -> None:
    """LocalStack, the functions' Runtime APIs and the database: nothing can be reached from outside."""
    assert glia.listening() == {"127.0.0.1"}


@pytest.mark.parametrize("name", ["e2e_cards_topic_scope.sh", "e2e_cards_empty_topic_noop.sh"])
def test_the_authoritative_scripts_hold_through_the_gateway(glia: Deployed, name: str) -> None:
    """Topic isolation, idempotency and empty topics: gateway, SQS and the workers' functions, with curl alone."""
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "GLIA_URL": glia.url, "GLIA_TOKEN": glia.token(name)}
    done = subprocess.run([str(ROOT / "scripts" / name)], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_poisoned_messages_end_among_the_dead_letters_and_the_good_ones_between_them_succeed(
    glia: Deployed, http: httpx.Client
) -> None:
    """Good turns that lie in the queue with bodies that are no job of ours are answered, at the first delivery."""
    sqs, queue, dead = glia.client("sqs"), glia.outputs["TurnsQueueUrl"], glia.outputs["TurnsDeadLettersUrl"]
    poison = {"not json", "{}"}
    with glia.unattended("turns"):
        turns = []
        for number, body in enumerate(sorted(poison)):
            sqs.send_message(QueueUrl=queue, MessageBody=body)
            turns.append(chat(http, f"good one {number}"))
    until(lambda: all(is_completed(http, turn["turn_id"]) for turn in turns))
    assert [http.get(turn["events"]).text.count("event: turn.started") for turn in turns] == [1, 1]
    found: list[str] = []

    def all_are_dead() -> bool:
        found.extend(m["Body"] for m in sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages", []))
        return set(found) >= poison

    until(all_are_dead)
    assert sorted(found) == sorted(poison)


def test_a_batch_fails_in_part(glia: Deployed) -> None:
    """The function names the failed record alone, and every mapping heeds that."""
    bad = sqs_record("not json")
    assert glia.invoke("Turns", {"Records": [bad]}) == {"batchItemFailures": [{"itemIdentifier": bad["messageId"]}]}
    kinds = {m["EventSourceArn"].rpartition("-")[2]: m["FunctionResponseTypes"] for m in glia.mappings()}
    queues = ("turns", "extractions", "stories", "reextractions", "uploads")
    assert kinds == {queue: ["ReportBatchItemFailures"] for queue in queues}


def test_the_sweep_brings_back_what_the_queue_lost(glia: Deployed, http: httpx.Client) -> None:
    """A turn whose message is gone is answered after a sweep: the job's row is the truth."""
    with glia.unattended("turns"):
        turn = chat(http, "lost on the way")
        glia.client("sqs").purge_queue(QueueUrl=glia.outputs["TurnsQueueUrl"])

    def is_swept() -> bool:
        glia.invoke("Sweep", SCHEDULED)
        return is_completed(http, turn["turn_id"])

    until(is_swept)


def test_events_end_with_the_turn_and_resume_where_the_client_left_off(http: httpx.Client) -> None:
    """Server-sent events through the gateway: whole answers with `retry:`, `Last-Event-ID`, and 204 after the end."""
    turn = chat(http, "I decided to go with Postgres.")
    until(lambda: is_completed(http, turn["turn_id"]))
    whole = http.get(turn["events"])
    assert whole.headers["content-type"].startswith("text/event-stream")
    kinds = [line.removeprefix("event: ") for line in whole.text.splitlines() if line.startswith("event: ")]
    ids = [int(line.removeprefix("id: ")) for line in whole.text.splitlines() if line.startswith("id: ")]
    assert (kinds[0], kinds[-1]) == ("turn.started", "turn.completed")
    assert ids == list(range(1, len(ids) + 1))
    assert "retry: " in whole.text
    rest = http.get(turn["events"], headers={"Last-Event-ID": str(ids[-2])})
    assert [line for line in rest.text.splitlines() if line.startswith("id: ")] == [f"id: {ids[-1]}"]
    assert http.get(turn["events"], headers={"Last-Event-ID": str(ids[-1])}).status_code == 204


def test_a_turn_and_its_extraction_are_explained_by_runs(http: httpx.Client) -> None:
    """Written by the workers with what they explain: the turn names its run, and so does the extraction."""
    said = chat(http, "I decided to go with Postgres.")
    until(lambda: is_completed(http, said["turn_id"]))
    extractions = f"/extract-runs?topic_id={said['topic_id']}&status=finished"
    until(lambda: http.get(extractions).json()["items"])
    turn, [extraction, *_] = http.get(f"/turns/{said['turn_id']}").json(), http.get(extractions).json()["items"]
    for row, name in ((turn, "chat.turn"), (extraction, "cards.extract")):
        run = http.get(f"/runs/{row['trace_run_id']}").raise_for_status().json()
        assert (run["name"], run["status"], run["service"], run["health"]) == (name, "completed", "glia", [])


def test_errors_are_in_the_contract(glia: Deployed, http: httpx.Client) -> None:
    """Through the gateway too; and what it refuses by itself is 404 (LocalStack leaves the body as AWS has it)."""
    assert http.get("/no/such/path").status_code == 404
    assert http.delete("/chat").status_code == 404
    assert_in_contract(http.post("/chat", json={}), 422, "invalid")
    assert_in_contract(http.get(f"/topics/{uuid4()}"), 404, "topic_not_found")
    stranger = httpx.get(f"{glia.url}/topics", trust_env=False)
    assert_in_contract(stranger, 401, "credentials_missing")


def test_an_api_key_works_until_it_is_revoked(glia: Deployed, http: httpx.Client) -> None:
    """No verdict is cached anywhere between the client and the function."""
    made = http.post("/api-keys", json={"name": "ci"}).json()
    with httpx.Client(
        base_url=glia.url, headers={"Authorization": f"Bearer {made['secret']}"}, timeout=35, trust_env=False
    ) as program:
        assert program.get("/topics").status_code == 200
        assert http.delete(f"/api-keys/{made['key_id']}").status_code in {200, 204}
        assert_in_contract(program.get("/topics"), 401, "api_key_invalid")


def test_a_presigned_upload_is_taken_and_a_forged_one_refused(glia: Deployed) -> None:
    """The signature covers the object's name and is checked."""
    s3 = glia.client("s3")
    bucket = glia.outputs["BlobBucket"]
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "mine"}, ExpiresIn=60)
    forged = url.replace("/mine?", "/yours?")
    broken = f"{url[:-4]}{'0000' if not url.endswith('0000') else '1111'}"
    assert httpx.put(url, content=b"hello", trust_env=False).status_code == 200
    assert httpx.put(forged, content=b"hello", trust_env=False).status_code == 403
    assert httpx.put(broken, content=b"hello", trust_env=False).status_code == 403
    assert s3.get_object(Bucket=bucket, Key="mine")["Body"].read() == b"hello"


def test_events_and_spans_become_runs_through_the_gateway(http: httpx.Client) -> None:
    """JSON, gzip and OpenTelemetry's protobuf arrive byte for byte: every event gets its receipt, runs are there."""
    run_id, trace_id = new_run(), uuid4()
    body = json.dumps({"events": run_events(run_id, 50)}).encode()
    headers = {"Content-Type": "application/json"}
    first = http.post("/traces/events", content=gzip.compress(body), headers={**headers, "Content-Encoding": "gzip"})
    assert first.status_code == 200, first.text
    assert (len(first.json()["receipts"]), first.json()["counts"]["accepted"]) == (104, 104)
    assert http.post("/traces/events", content=body, headers=headers).json()["counts"]["duplicate"] == 104
    run = http.get(f"/runs/{run_id}").json()
    assert (run["status"], run["step_count"], run["health"]) == ("completed", 51, [])
    for packed, more in (
        (spans(trace_id, [0, 1]), {}),
        (gzip.compress(spans(trace_id, [2])), {"Content-Encoding": "gzip"}),
    ):
        taken = http.post("/v1/traces", content=packed, headers={"Content-Type": PROTOBUF, **more})
        assert (taken.status_code, taken.headers["content-type"], taken.content) == (200, PROTOBUF, b"")
    assert http.get(f"/runs/{trace_id}").json()["step_count"] == 3
    assert {item["run_id"] for item in http.get("/runs").json()["items"]} == {run_id, str(trace_id)}


def test_an_uploaded_artifact_is_redacted_by_the_worker_and_the_raw_upload_is_gone(
    glia: Deployed, http: httpx.Client
) -> None:
    """Presigned upload, the bucket's notification, SQS, function: what is served no longer has the secret."""
    secret = "sk-" + "plantedA1" * 4
    raw = (f"the key is {secret}\n" + "a harmless line of the log\n" * 40_000).encode()
    asked = {"media_type": "text/plain", "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    made = http.post("/artifacts", json=asked).json()
    at, upload = f"/artifacts/{made['artifact_id']}", made["upload"]
    assert (made["status"], http.get(f"{at}/content").status_code) == ("pending", 409)
    put = httpx.request(upload["method"], upload["url"], headers=upload["headers"], content=raw, trust_env=False)
    assert put.status_code == 200, put.text
    until(lambda: http.get(at).json()["status"] != "pending")
    settled = http.get(at).json()
    assert (settled["status"], settled["redaction_counts"]) == ("redacted", {"secret": 1})
    shown = httpx.get(http.get(f"{at}/content").json()["url"], trust_env=False)
    assert (shown.status_code, hashlib.sha256(shown.content).hexdigest()) == (200, settled["content_hash"])
    assert shown.text == raw.decode().replace(secret, "[REDACTED:secret:1]")
    s3, uploads = glia.client("s3"), glia.outputs["UploadBucketName"]
    until(lambda: "Contents" not in s3.list_objects_v2(Bucket=uploads))


def test_migrating_again_changes_nothing(glia: Deployed) -> None:
    """The function that a deployment invokes can be invoked at any time."""
    assert glia.invoke("Migrate", {}) == {"applied": []}


def test_a_stage_is_deployed_changed_and_destroyed(glia: Deployed, tmp_path: Path) -> None:
    """Again with the same code nothing changes; migrations come before new code; then nothing is left of the stack."""
    said: list[str] = []
    made = package("second", machine(), python=this_python(), is_for_host=True, build=tmp_path)
    stack = Stack(glia.client("cloudformation"), stack_name("second"), said.append, pause=0.2)

    def deploy_with(**parameters: str) -> list[str]:
        said.clear()
        assert deploy(glia.session, "second", made, parameters, said.append, pause=0.2).outputs == stack.outputs()
        return [line.split(" ")[0] for line in said]

    databases = {name.title().replace("_", ""): value for name, value in logins(glia).items()}
    jwks = {"OidcIssuer": "https://issuer.invalid", "OidcJwksUrl": "https://issuer.invalid/jwks"}
    assert "CREATE_COMPLETE" in deploy_with(**databases, **jwks, DatabasePooled="false")
    deploy_with()
    assert [line for line in said if line.startswith("UPDATE") and "glia-second" not in line] == []
    changed = deploy_with(EventsHold="1")
    assert changed.index("migrations") < changed.index("UPDATE_IN_PROGRESS")
    with pytest.raises(StackError):
        deploy_with(NoSuchParameter="1")
    uploads, blobs = (stack.outputs()[name] for name in ("UploadBucketName", "BlobBucket"))
    s3 = glia.client("s3")
    s3.put_object(Bucket=uploads, Key="forgotten", Body=b"raw")
    empty(s3, uploads)  # LocalStack would delete it as it is; AWS would not
    assert "Contents" not in s3.list_objects_v2(Bucket=uploads)
    assert destroy(glia.session, "second", said.append, pause=0.2) == blobs
    assert stack.status() is None
    assert uploads not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


def test_a_batch_of_200_topics_ends_whole_though_the_worker_is_killed_in_the_middle(
    glia: Deployed, http: httpx.Client
) -> None:
    """Progress adds up at every look, every topic is extracted again once, and dead letters are redriven."""
    messages = [
        {"key": str(n), "role": "user", "content": f"I decided to paint room {n}.", "topic": f"room {n}"}
        for n in range(200)
    ]
    http.post("/imports", json={"source": "rooms", "messages": messages}).raise_for_status()
    until(lambda: not any(http.get(f"/jobs?status={status}").json()["items"] for status in ("queued", "running")))
    _as_user(glia, http, "DELETE FROM window_results")
    with glia.unattended("extractions"):
        batch = http.post("/reextractions", json={"filter": {"all": True}}).json()
        at = f"/reextractions/{batch['batch_id']}"
        dead = [job["job_id"] for job in http.get("/jobs?status=queued").json()["items"]][:3]
        _as_user(glia, http, "UPDATE jobs SET attempts = 5 WHERE job_id = ANY(%s)", dead)

    def progress() -> dict[str, int]:
        told = http.get(at).json()["progress"]
        assert sum(told.values()) == 200
        return dict(told)

    def has_ended() -> bool:
        glia.invoke("Sweep", SCHEDULED)
        return progress()["done"] + progress()["failed"] == 200

    until(lambda: progress()["done"] >= 40)
    assert glia.kill("chalicelib.triggers.queues.extractions") >= 1
    until(has_ended, pause=1)  # every sweep sends again what has waited for a second
    assert sorted(job["job_id"] for job in http.get("/jobs?status=dead").json()["items"]) == sorted(dead)
    for job_id in dead:
        assert http.post(f"/jobs/{job_id}/redrive").json()["status"] == "queued"
    until(lambda: progress()["done"] == 200)
    assert http.get(at).json()["status"] == "done"
    items = _all(http, f"{at}/items", 50)
    assert len({item["job_id"] for item in items}) == len(items) == 200
    assert [run["windows_extracted"] for run in _all(http, "/extract-runs")] == [1] * 200
    assert len({card["topic_id"] for card in _all(http, "/cards")}) == len(_all(http, "/cards")) == 200


def _as_user(glia: Deployed, http: httpx.Client, sql: LiteralString, *params: Any) -> None:
    """Changes rows of a user, past the application."""
    user_id = http.get("/conversation").json()["conversation_id"].removeprefix("conv_")
    with psycopg.connect(glia.environment("Extractions")["DATABASE_URL"]) as connection:
        connection.execute("SELECT set_config('glia.user_id', %s, true)", [user_id])
        connection.execute(sql, params)


def _all(http: httpx.Client, path: str, limit: int = 200) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = http.get(f"{path}?limit={limit}" + (f"&cursor={cursor}" if cursor else "")).json()
        found += page["items"]
        cursor = page["next_cursor"]
    return found


MOODY = """
import os, threading
def handle(event, context):
    if event == "die":
        os._exit(3)
    if event == "hang":
        threading.Event().wait()
    return event
"""


def test_a_function_that_dies_or_hangs_is_answered_for_and_serves_the_next_event(glia: Deployed) -> None:
    """The executor keeps Lambda's promises: a bounded time, an error when the process ends, a new process after it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("moody.py", MOODY)
    functions = glia.client("lambda")
    functions.create_function(
        FunctionName="moody", Runtime=f"python{this_python()}", Handler="moody.handle", Timeout=1,
        Role="arn:aws:iam::000000000000:role/none", Code={"ZipFile": archive.getvalue()},
    )  # fmt: skip
    functions.get_waiter("function_active_v2").wait(FunctionName="moody", WaiterConfig={"Delay": 1})
    answers = {}
    for event in ("well", "die", "hang", "well again"):
        answer = functions.invoke(FunctionName="moody", Payload=json.dumps(event))
        answers[event] = ("FunctionError" in answer, json.loads(answer["Payload"].read()))
    assert answers["well"] == (False, "well")
    assert answers["die"][1]["errorMessage"].endswith("Runtime exited")
    assert answers["hang"][1]["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert answers["well again"] == (False, "well again")


def logins(glia: Deployed) -> dict[str, str]:
    """The database's three, each from the function that has it."""
    functions = {"DATABASE_URL": "APIHandler", "DATABASE_SYSTEM_URL": "Sweep", "DATABASE_OWNER_URL": "Migrate"}
    return {name: glia.environment(function)[name] for name, function in functions.items()}


def test_an_import_through_the_gateway_keeps_times_doubles_nothing_and_goes_on_after_a_kill(
    glia: Deployed, tmp_path: Path
) -> None:
    """As against `make up`, smaller: killed in the middle, gone on with, and imported again."""
    subject, given = f"import-{uuid4()}", history(600)
    environ = {"GLIA_URL": glia.url, "GLIA_TOKEN": glia.token(subject), "GLIA_CONFIG": str(tmp_path / "config.json")}
    file = written(tmp_path, given)
    with glia.http(subject) as http:
        person = Person(environ, http, tmp_path)
        running = person.start(file, "--batch", "20")
        until(lambda: person.done() >= 100)
        running.kill()
        running.wait(10)
        done = person.done()
        assert done < 600
        report = person.imports(file, "--batch", "200")
        assert report["imported"] + report["duplicates"] == 600 - done
        assert person.imports(file, "--again")["duplicates"] == 600
        kept = [(m["content"], datetime.fromisoformat(m["created_at"])) for m in person.all("/conversation/messages")]
        assert kept == [(m["content"], datetime.fromisoformat(m["created_at"])) for m in given]
