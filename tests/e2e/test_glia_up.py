"""All of Glia, as `make up` runs it, from outside: HTTP, queues, processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import boto3
import httpx
import pytest

from tests.support.logs import leaks_in
from tests.support.running import ROOT, Run, token
from tests.support.waiting import until

PATIENCE = 60.0


pytestmark = pytest.mark.xdist_group("e2e")


@pytest.mark.parametrize("name", ["e2e_cards_topic_scope.sh", "e2e_cards_empty_topic_noop.sh"])
def test_the_authoritative_scripts_hold(glia: Run, glia_home: Path, name: str) -> None:
    """Topic isolation, idempotency and empty topics, with curl alone; twice in a row on the same data."""
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "GLIA_URL": glia.url, "GLIA_TOKEN": token(glia_home, name)}
    for _ in range(2):
        done = subprocess.run([str(ROOT / "scripts" / name)], env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_poisoned_message_ends_among_the_dead_letters_and_the_good_ones_succeed(
    glia: Run, http: httpx.Client
) -> None:
    """Bodies that are no job of ours, and one of a job that does not exist, are isolated; every turn is answered."""
    environ = glia.environ_of("local.worker")
    sqs = boto3.client(
        "sqs",
        endpoint_url=environ["AWS_ENDPOINT_URL"],
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    queue = sqs.get_queue_url(QueueName="glia-local-turns")["QueueUrl"]
    dead = sqs.get_queue_url(QueueName="glia-local-turns-dlq")["QueueUrl"]
    unknown = f'{{"job_id": "{uuid4()}", "user_id": "{uuid4()}", "kind": "turn", "request_id": "x"}}'
    poison = {"not json", "{}", unknown}
    turns = []
    for number, body in enumerate(sorted(poison)):
        turns.append(http.post("/chat", json={"message": f"good one {number}"}).json()["turn_id"])
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    until(lambda: all(http.get(f"/turns/{turn_id}").json()["status"] == "completed" for turn_id in turns))
    found: set[str] = set()

    def all_are_dead() -> bool:
        for message in sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages", []):
            found.add(message["Body"])
        return found >= poison

    until(all_are_dead)
    assert found == poison


def test_events_are_streamed_over_one_connection_to_the_end(http: httpx.Client) -> None:
    """A client that follows from the start sees every event and then the end of the stream, without asking again."""
    accepted = http.post("/chat", json={"message": "I decided to go with Postgres."}).json()
    with http.stream("GET", accepted["events_url"]) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        kinds = [line.removeprefix("event: ") for line in response.iter_lines() if line.startswith("event: ")]
    assert kinds[0] == "turn.started"
    assert kinds[-1] == "turn.completed"
    assert set(kinds[1:-1]) == {"message.delta"}
    assert http.get(accepted["events_url"], headers={"Last-Event-ID": str(len(kinds))}).status_code == 204


def test_the_documentation_pages_have_all_their_files(http: httpx.Client) -> None:
    """/docs and /redoc name no other server, and every file they name is there."""
    import re

    for path in ("/docs", "/redoc"):
        page = http.get(path)
        assert page.status_code == 200
        assert "://" not in page.text
        for asset in re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text):
            assert http.get(f"/{asset}").status_code == 200, asset
    assert http.get("/openapi.json").json()["openapi"] == "3.1.0"


def test_health_says_that_every_part_answers(http: httpx.Client) -> None:
    """Database, queue and storage are up; without a model the rules answer, and that is said."""
    health = http.get("/health").json()
    assert health == {
        "status": "ok",
        "database": "ok",
        "queue": "ok",
        "storage": "ok",
        "model": "not_configured",
        "warnings": [],
    }


def test_the_command_line_chats_with_it(glia: Run, glia_home: Path, tmp_path: Path) -> None:
    """`glia chat` prints the answer of a running Glia."""
    glia_command = Path(sys.executable).parent / "glia"
    environ = {
        "GLIA_URL": glia.url,
        "GLIA_TOKEN": token(glia_home, "cli"),
        "GLIA_CONFIG": str(tmp_path / "config.toml"),
    }
    command = [str(glia_command), "chat", "I decided to plant tomatoes."]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert "I decided to plant tomatoes." in done.stdout


def test_no_log_of_a_running_glia_holds_what_was_said_or_a_credential(http: httpx.Client, glia_home: Path) -> None:
    """Requests good and bad, turns, extractions, failures: the logs of all processes name ids and places only."""
    said = http.post("/chat", json={"message": "I decided that the zanzibar project ships in May."}).json()
    http.post("/chat", json={"message": "zanzibar", "mood": "I decided"})
    http.get("/topics?colour=zanzibar")
    http.get("/cards/zanzibar")
    key = http.post("/api-keys", json={"name": "zanzibar"}).json()["secret"]
    http.get("/conversation", headers={"Authorization": f"Bearer {key}"})
    until(lambda: http.get(f"/turns/{said['turn_id']}").json()["status"] == "completed")
    until(lambda: http.get(f"/topics/{said['topic_id']}/cards").json()["items"])
    files = [file for file in glia_home.rglob("*.log*") if file.is_file()]
    assert len(files) >= 4
    for file in files:
        assert leaks_in(file.read_text(errors="replace")) == [], file.name


def test_invariant_14_everything_killed_in_the_middle_of_fifty_turns() -> None:
    """kill -9 of all processes, then a start: fifty turns end, fifty answers, none twice, no extraction lost."""
    command = [sys.executable, str(ROOT / "scripts" / "crash_recovery.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
