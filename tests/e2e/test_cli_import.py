"""`glia import` into all of Glia, as `make up` runs it: ten thousand messages, broken off and gone on with."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from chalicelib.identity import dev_issuer
from chalicelib.settings import Settings
from local.config import LocalConfig
from tests.support.importing import PATIENCE, TOPICS, Person, history, written
from tests.support.running import Run
from tests.support.waiting import until
from tests.unit.sdk.exports import conversation, node

MESSAGES = 10_000


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


@pytest.fixture
def person(glia: Run, home: Path, tmp_path: Path) -> Iterator[Person]:
    token = dev_issuer.issue(Settings.from_env({}), home, f"import-{uuid4()}")
    environ = {"GLIA_URL": glia.url, "GLIA_TOKEN": token, "GLIA_CONFIG": str(tmp_path / "config.json")}
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=glia.url, headers=headers, timeout=30, trust_env=False) as http:
        yield Person(environ, http, tmp_path)


def test_ten_thousand_messages_keep_order_time_and_topic(person: Person, tmp_path: Path) -> None:
    """Everything arrives, in its order, with its time, in its topic; imported again, nothing is added."""
    given = history(MESSAGES)
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
    given = history(MESSAGES)
    file = written(tmp_path, given)
    running = person.start(file, "--batch", "50")
    until(lambda: person.done() >= MESSAGES // 10, PATIENCE)
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
