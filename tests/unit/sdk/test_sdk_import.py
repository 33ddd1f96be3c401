"""`glia import`: what is sent, in which batches, what is kept of it, and what is said at the end."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from glia_sdk.importing.sender import PATIENCE
from glia_sdk.importing.state import Progress, StateFile

from tests.support.glia_server import (
    CONVERSATION,
    Answering,
    GliaServer,
    Held,
    History,
    Json,
    Nothing,
    Reply,
    error,
)
from tests.support.terminal import terminal
from tests.unit.sdk.conftest import RunGlia
from tests.unit.sdk.test_sdk_terminal import CTRL_C, ESCAPE, GLIA

IMPORTS = ("POST", "/imports")


@pytest.fixture
def kept(glia_server: GliaServer) -> History:
    """What the server keeps of what is imported."""
    history = History()
    glia_server.on("GET", "/conversation", CONVERSATION).on(*IMPORTS, history.reply)
    return history


def content(number: int) -> str:
    return f"secret words {number}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Ten messages, with a line between that is none."""
    return written(tmp_path / "notes.jsonl", 10, "not json\n")


def written(file: Path, count: int, between: str = "") -> Path:
    lines = [json.dumps({"role": "user", "content": content(n), "topic": f"T{n % 2}"}) + "\n" for n in range(count)]
    file.write_text("".join([*lines[:3], between, *lines[3:]]))
    return file


def bodies(glia_server: GliaServer) -> list[list[str]]:
    return [[one["content"] for one in seen.body["messages"]] for seen in glia_server.requests(*IMPORTS)]


def test_everything_is_sent_in_order_and_reported(
    glia_server: GliaServer, kept: History, run_glia: RunGlia, file: Path
) -> None:
    """Batches in order; the report says what was imported, skipped and where; progress is on stderr."""
    ran = run_glia("import", str(file), "--batch", "4", "--source", "notes")
    assert (ran.code, kept.contents) == (0, [content(n) for n in range(10)])
    assert [len(batch) for batch in bodies(glia_server)] == [4, 4, 2]
    assert {seen.body["source"] for seen in glia_server.requests(*IMPORTS)} == {"notes"}
    assert ran.out.splitlines() == [
        "imported           10",
        "duplicates          0",
        "skipped             1",
        "  not_json                   1   line 4",
        "topics              2",
    ]
    assert ran.err.splitlines()[-1] == "11 of 11 done"


def test_the_report_is_json_where_it_is_asked_for(kept: History, run_glia: RunGlia, file: Path) -> None:
    """--json is one document on stdout, and nothing on stderr."""
    ran = run_glia("import", str(file), "--json", "--source", "notes")
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out) == {
        "format": "jsonl",
        "source": "notes",
        "imported": 10,
        "duplicates": 0,
        "skipped": {"not_json": {"count": 1, "places": ["line 4"]}},
        "topic_ids": ["notes:T0", "notes:T1"],
        "earlier": {"imported": 0, "duplicates": 0, "skipped": 0},
        "topics": 2,
        "dry_run": False,
    }


def test_a_finished_import_sends_nothing_again_unless_it_is_asked_to(
    glia_server: GliaServer, kept: History, run_glia: RunGlia, file: Path
) -> None:
    """The second run sends nothing; --again sends everything, and the server keeps nothing twice."""
    run_glia("import", str(file))
    sent = len(bodies(glia_server))
    ran = run_glia("import", str(file))
    assert (ran.code, len(bodies(glia_server))) == (0, sent)
    assert "earlier: imported 10, duplicates 0, skipped 1" in ran.out
    assert "--again" in ran.err
    ran = run_glia("import", str(file), "--again", "--json")
    assert json.loads(ran.out)["duplicates"] == 10
    assert len(kept.contents) == 10


def test_an_import_that_failed_goes_on_after_what_was_acknowledged(
    glia_server: GliaServer, kept: History, run_glia: RunGlia, file: Path
) -> None:
    """What the server had taken is not sent again, whatever the size of the batches; the whole is kept once."""
    glia_server.on(*IMPORTS, kept.reply, error(500, "internal"))
    ran = run_glia("import", str(file), "--batch", "4")
    assert (ran.code, ran.out) == (1, "")
    assert "the same command goes on" in ran.err
    assert "glia: internal: It cannot be done. (request req-1)" in ran.err
    glia_server.on(*IMPORTS, kept.reply)
    ran = run_glia("import", str(file), "--batch", "5", "--json")
    assert json.loads(ran.out)["earlier"] == {"imported": 4, "duplicates": 0, "skipped": 1}
    assert json.loads(ran.out)["imported"] == 6
    assert bodies(glia_server)[2][0] == content(4)
    assert kept.contents == [content(n) for n in range(10)]


def test_the_progress_belongs_to_one_user_of_one_server(
    glia_server: GliaServer, kept: History, run_glia: RunGlia, file: Path
) -> None:
    """Another user at the same address, and another source, begin at the beginning."""
    run_glia("import", str(file), "--source", "a")
    assert json.loads(run_glia("import", str(file), "--source", "b", "--json").out)["imported"] == 10
    glia_server.on("GET", "/conversation", Json(200, {"conversation_id": "conv_2", "active_topic_id": None}))
    assert json.loads(run_glia("import", str(file), "--source", "a", "--json").out)["duplicates"] == 10


def test_it_waits_as_long_as_the_server_asks_and_says_why(
    glia_server: GliaServer, kept: History, run_glia: RunGlia, file: Path, waits: list[float]
) -> None:
    """A busy server and a lost connection are waited for; the batch goes out again under its key."""
    busy = error(503, "queues_are_old", "The background work is behind.", retry_after=15)
    glia_server.on(*IMPORTS, busy, Nothing(), kept.reply)
    ran = run_glia("import", str(file))
    assert ran.code == 0
    assert waits[0] == 15.0
    assert "waiting 15 s: queues_are_old: The background work is behind." in ran.err
    assert "was lost" in ran.err
    assert len({seen.headers["idempotency-key"] for seen in glia_server.requests(*IMPORTS)}) == 1
    assert kept.contents == [content(n) for n in range(10)]


@pytest.mark.parametrize("passing", [error(503, "queues_are_old", retry_after=86_400), error(429, "slow"), Nothing()])
def test_patience_is_bounded(
    glia_server: GliaServer, kept: History, run_glia: RunGlia, file: Path, waits: list[float], passing: Reply
) -> None:
    """Minutes are waited, no more; no single wait is longer than two; one below a second counts as a second."""
    glia_server.on(*IMPORTS, passing)
    assert run_glia("import", str(file)).code == 4
    assert PATIENCE <= sum(max(wait, 1.0) for wait in waits) < PATIENCE + 240
    assert max(waits) <= 120


def test_a_message_the_server_refuses_costs_itself_only(
    glia_server: GliaServer, kept: History, run_glia: RunGlia, file: Path
) -> None:
    """A 422 that names messages leaves these out, with their places, and sends the others."""
    fields = [{"field": "messages.1.content", "problem": "no"}, {"field": "messages.3.topic", "problem": "no"}]
    told = {"code": "invalid", "message": "m", "request_id": "r", "details": {"fields": fields}}
    glia_server.on(*IMPORTS, Json(422, {"error": told}), kept.reply)
    report = json.loads(run_glia("import", str(file), "--json").out)
    assert report["skipped"]["refused"] == {"count": 2, "places": ["line 2", "line 5"]}
    assert report["imported"] == 8


def test_what_the_server_skips_is_named_by_its_line(glia_server: GliaServer, run_glia: RunGlia, file: Path) -> None:
    """Indexes of a batch become places of the file, examples are few, and the exit code is 0."""
    skipped = [{"index": n, "reason": "time"} for n in range(9)]
    answer = {"imported": 1, "duplicates": 0, "skipped": skipped, "topic_ids": ["t"]}
    glia_server.on("GET", "/conversation", CONVERSATION).on(*IMPORTS, Json(200, answer))
    ran = run_glia("import", str(file))
    assert ran.code == 0
    assert "  time                       9   line 1, line 2, line 3, line 5, line 6, …" in ran.out.splitlines()


def test_a_refusal_of_everything_is_an_error(glia_server: GliaServer, run_glia: RunGlia, file: Path) -> None:
    """What is about no single message ends the import; a wrong token is exit code 3."""
    glia_server.on("GET", "/conversation", CONVERSATION).on(*IMPORTS, error(422, "invalid"))
    assert run_glia("import", str(file)).code == 1
    assert run_glia("import", str(file), GLIA_TOKEN="wrong").code == 3


def test_nothing_to_import_is_exit_code_1(
    glia_server: GliaServer, kept: History, run_glia: RunGlia, file: Path
) -> None:
    """An empty file, and one in which every line is bad, are reported and fail; nothing is sent."""
    for text in ("", "bad\n" * 2_500):
        file.write_text(text)
        ran = run_glia("import", str(file), "--format", "jsonl")
        assert ran.code == 1
        assert "nothing could be imported" in ran.err
    assert bodies(glia_server) == []


def test_a_dry_run_needs_no_server(glia_server: GliaServer, run_glia: RunGlia, file: Path, config: Path) -> None:
    """--dry-run says what there is, sends nothing, keeps nothing, and needs no login."""
    ran = run_glia("import", str(file), "--dry-run", GLIA_TOKEN="", GLIA_URL="")
    assert ran.code == 0
    assert ran.out.splitlines()[0].split() == ["importable", "10"]
    assert ran.out.splitlines()[-1].split() == ["topics", "2"]
    assert glia_server.seen == []
    assert not config.parent.exists()


def test_no_words_of_a_message_are_ever_shown(glia_server: GliaServer, run_glia: RunGlia, tmp_path: Path) -> None:
    """Neither errors nor reports hold what was written, whatever fails."""
    glia_server.on("GET", "/conversation", CONVERSATION).on(*IMPORTS, error(500, "internal"))
    file = written(tmp_path / "notes.jsonl", 3, '{"role": "user", "content": "secret words"')
    for options in ((), ("--dry-run",), ("--format", "chatgpt")):
        ran = run_glia("import", str(file), *options)
        assert "secret" not in ran.out + ran.err


@pytest.mark.parametrize(
    "arguments", [("nowhere.jsonl",), ("FILE", "--batch", "501"), ("FILE", "--source", " "), ("FILE", "--format", "x")]
)
def test_wrong_usage_of_import_is_exit_code_2(run_glia: RunGlia, file: Path, arguments: tuple[str, ...]) -> None:
    """A file that is not there and options out of range are explained before anything is sent."""
    given = [str(file) if argument == "FILE" else argument for argument in arguments]
    assert run_glia("import", *given).code == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"done": "x"}', '{"done": 4, "is_finished": true}'])
def test_progress_that_cannot_be_read_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    """A damaged file costs time, not messages."""
    state = StateFile(tmp_path, "a", "b")
    state.path.write_text(text)
    assert state.load() == Progress()


def test_progress_that_cannot_be_kept_does_not_stop_the_import(
    kept: History, run_glia: RunGlia, file: Path, config: Path
) -> None:
    """It is said once, and everything is imported."""
    config.parent.mkdir()
    (config.parent / "imports").write_text("a file in the way")
    ran = run_glia("import", str(file), "--batch", "2")
    assert (ran.code, len(kept.contents)) == (0, 10)
    assert ran.err.count("progress cannot be kept") == 1


def test_ctrl_c_at_a_terminal_and_the_same_command_again(
    glia_server: GliaServer, kept: History, environ: dict[str, str], file: Path
) -> None:
    """A bar with messages and rate; Ctrl-C ends it with 130 and a hint; the next run goes on to the end."""
    gate = glia_server.gate()
    glia_server.on(*IMPORTS, kept.reply, Held(gate, error(500, "internal")))
    command = [*GLIA, "import", str(file), "--batch", "4"]
    with terminal(command, environ) as shown:
        shown.wait_for("5/11")  # four messages and the line that is none
        shown.type(CTRL_C)
        shown.wait_for("interrupted; the same command goes on from here")
        assert shown.end() == 130
    gate.set()
    assert "Traceback" not in shown.seen
    glia_server.on(*IMPORTS, kept.reply)
    with terminal(command, environ) as shown:
        assert shown.end() == 0
    assert "going on after 5 of 11" in shown.seen
    assert kept.contents == [content(n) for n in range(10)]


def test_kill_9_after_a_batch_was_taken_and_before_it_was_acknowledged(
    glia_server: GliaServer, kept: History, environ: dict[str, str], file: Path
) -> None:
    """The batch whose answer never came is sent again, and counted as duplicate."""
    gate = glia_server.gate()
    taken = glia_server.gate()

    def take_and_hold(seen: Any) -> Reply:
        reply = kept.take(seen)
        taken.set()
        return Held(gate, reply)

    glia_server.on(*IMPORTS, kept.reply, Answering(take_and_hold))
    command = [*GLIA, "import", str(file), "--batch", "4", "--json"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        assert taken.wait(10)
        process.send_signal(signal.SIGKILL)
    gate.set()
    glia_server.on(*IMPORTS, kept.reply)
    ran = subprocess.run(command, env=environ, capture_output=True, check=True, text=True)
    report = json.loads(ran.stdout)
    assert (report["earlier"]["imported"], report["duplicates"], report["imported"]) == (4, 4, 2)
    assert kept.contents == [content(n) for n in range(10)]
    assert ESCAPE not in ran.stdout + ran.stderr
