"""`glia import` into all of Glia, as `make up` runs it: ten thousand messages, broken off and gone on with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chalicelib.identity import dev_issuer
from chalicelib.settings import Settings
from local.config import LocalConfig
from tests.support.running import Run
from tests.unit.sdk.exports import conversation, node

PATIENCE = 240.0
MESSAGES, TOPICS = 10_000, 20
BEGIN = datetime(2023, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
GLIA = [str(Path(sys.executable).parent / "glia")]


def emulator_is_there() -> bool:
    return Path(LocalConfig.from_env(os.environ).emulator_python).exists()


pytestmark = [
    pytest.mark.xdist_group("e2e-import"),
    pytest.mark.skipif(not emulator_is_there(), reason="the S3 and SQS emulator is not installed"),
]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="glia-e2e-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def glia(home: Path) -> Iterator[Run]:
    run = Run(home, GLIA_SAMPLE="0")
    yield run
    run.stop()


@dataclass(frozen=True)
class Person:
    """A user with an empty history, a command line and a view of what is kept."""

    environ: dict[str, str]
    http: httpx.Client
    folder: Path

    def imports(self, file: Path, *options: str) -> dict[str, Any]:
        """Runs `glia import --json`. Returns its report."""
        command = [*GLIA, "import", str(file), "--json", *options]
        ran = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert ran.returncode == 0, ran.stderr
        report: dict[str, Any] = json.loads(ran.stdout)
        return report

    def start(self, file: Path, *options: str) -> subprocess.Popen[bytes]:
        nowhere = subprocess.DEVNULL
        return subprocess.Popen(
            [*GLIA, "import", str(file), *options], env=self.environ, stdout=nowhere, stderr=nowhere
        )

    def done(self) -> int:
        """How many messages the command line knows to be done."""
        states = list((self.folder / "imports").glob("[!.]*.json"))
        return max((json.loads(state.read_text())["done"] for state in states), default=0)

    def all(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.http.get(path, params={"limit": "200", **cursor}).raise_for_status().json()
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}


@pytest.fixture
def person(glia: Run, home: Path, tmp_path: Path) -> Iterator[Person]:
    token = dev_issuer.issue(Settings.from_env({}), home, f"import-{uuid4()}")
    environ = {"GLIA_URL": glia.url, "GLIA_TOKEN": token, "GLIA_CONFIG": str(tmp_path / "config.json")}
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=glia.url, headers=headers, timeout=30, trust_env=False) as http:
        yield Person(environ, http, tmp_path)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it takes too long"


def history() -> list[dict[str, str]]:
    """Ten thousand messages that go from topic to topic, three seconds apart."""
    return [
        {
            "role": "assistant" if number % 2 else "user",
            "content": f"Message {number}: we talked about part {number % 7} of the plan.",
            "topic": f"Topic {number // 10 % TOPICS}",
            "created_at": (BEGIN + timedelta(seconds=3 * number)).isoformat(),
        }
        for number in range(MESSAGES)
    ]


def written(folder: Path, messages: list[dict[str, str]]) -> Path:
    file = folder / "history.jsonl"
    file.write_text("".join(json.dumps(message) + "\n" for message in messages), encoding="utf-8")
    return file


def test_ten_thousand_messages_keep_order_time_and_topic(person: Person, tmp_path: Path) -> None:
    """Everything arrives, in its order, with its time, in its topic; imported again, nothing is added."""
    given = history()
    file = written(tmp_path, given)
    first = person.imports(file)
    assert (first["imported"], first["duplicates"], first["skipped"], first["topics"]) == (MESSAGES, 0, {}, TOPICS)
    second = person.imports(file)
    assert (second["imported"], second["duplicates"], second["earlier"]["imported"]) == (0, 0, MESSAGES)
    third = person.imports(file, "--again", "--batch", "500")
    assert (third["imported"], third["duplicates"]) == (0, MESSAGES)

    titles = {topic["topic_id"]: topic["title"] for topic in person.all("/topics")}
    kept = [
        {
            "role": message["role"],
            "content": message["content"],
            "topic": titles[message["topic_id"]],
            "created_at": datetime.fromisoformat(message["created_at"]).isoformat(),
        }
        for message in person.all("/conversation/messages")
    ]
    assert kept == given


def test_an_import_that_is_killed_goes_on_and_doubles_nothing(person: Person, tmp_path: Path) -> None:
    """kill -9 in the middle, the same command again: ten thousand messages, each once and in order."""
    given = history()
    file = written(tmp_path, given)
    running = person.start(file, "--batch", "50")
    until(lambda: person.done() >= MESSAGES // 10)
    running.kill()
    running.wait(10)
    done = person.done()
    assert MESSAGES // 10 <= done < MESSAGES
    report = person.imports(file)
    assert report["earlier"]["imported"] == done
    assert report["imported"] + report["duplicates"] == MESSAGES - done
    assert [message["content"] for message in person.all("/conversation/messages")] == [
        message["content"] for message in given
    ]


def test_the_current_branches_of_a_chatgpt_export_arrive(person: Person, tmp_path: Path) -> None:
    """Of an edited conversation what was said last; two conversations of one title stay two topics."""
    edited = conversation(
        "c1",
        "answer-2",
        node("system", "root", "system", ""),
        node("question-1", "system", "user", "Which tomatoes?", at=1_700_000_001.5),
        node("answer-1", "question-1", "assistant", "Red ones."),
        node(
            "question-2", "system", "user", "Which beans?", {"content_type": "image_asset_pointer"}, at=1_700_000_100.5
        ),
        node("answer-2", "question-2", "assistant", "Runner", "beans."),
    )
    plain = conversation(
        "c2", "q", node("q", "root", "user", "How deep?", at=1_700_000_300.25), created=1_700_000_300.0
    )
    file = tmp_path / "export.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conversations.json", json.dumps([plain, edited]))
        archive.writestr("user.json", "{}")
    report = person.imports(file)
    assert (report["source"], report["imported"], report["topics"]) == ("chatgpt", 3, 2)
    assert {reason: found["count"] for reason, found in report["skipped"].items()} == {"system": 1, "not_text": 1}
    kept = person.all("/conversation/messages")
    assert [message["content"] for message in kept] == ["Which beans?", "Runner\nbeans.", "How deep?"]
    assert kept[2]["created_at"] == "2023-11-14T22:18:20.250000Z"
    assert len({message["topic_id"] for message in kept}) == 2
    assert person.imports(file, "--again")["duplicates"] == 3
