"""`glia capture`, `runs`, `show`, `tail` and `bundle`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.glia_server import GliaServer, Json, page
from tests.support.model_server import Answer, ModelServer
from tests.support.trace_sink import TOKEN, TraceSink

ROOT = Path(__file__).resolve().parents[4]
RUN = "0190c0de-0000-7000-8000-0000000000aa"
GLIA = [sys.executable, "-c", "from glia_sdk.cli.app import main; main()"]
CHAT = """
import openai, sys
client = openai.OpenAI(base_url=sys.argv[1], api_key="k")
sys.stdout.write(client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
                 .choices[0].message.content)
sys.stdout.write(sys.stdin.read())
sys.exit(7)
"""


@pytest.fixture
def environ(sink: TraceSink, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "PYTHONPATH": f"{ROOT / 'sdk' / 'src'}",
        "GLIA_URL": sink.url,
        "GLIA_TOKEN": TOKEN,
        "GLIA_CONFIG": str(tmp_path / "config.json"),
    }


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer([Answer("hello ")]) as started:
        yield started


def captured(environ: dict[str, str], *command: str, **told: Any) -> subprocess.CompletedProcess[str]:
    run = [*GLIA, "capture", "--", *command]
    return subprocess.run(run, env=environ, capture_output=True, text=True, timeout=60, check=False, **told)


def test_a_program_that_knows_nothing_of_glia_is_captured(
    environ: dict[str, str], sink: TraceSink, model: ModelServer, tmp_path: Path
) -> None:
    """Its calls are one run; its input, output and exit code are its own."""
    script = tmp_path / "agent.py"
    script.write_text(CHAT)
    done = captured(environ, sys.executable, str(script), model.base_url, input="from stdin")
    assert (done.returncode, done.stdout, done.stderr) == (7, "hello from stdin", "")
    assert [event["event_type"] for event in sink.events] == [
        "run.started", "step.started", "step.completed", "run.completed",
    ]  # fmt: skip
    assert sink.events[0]["name"] == "agent.py"


def test_a_hidden_sitecustomize_is_loaded_all_the_same(
    environ: dict[str, str], sink: TraceSink, tmp_path: Path
) -> None:
    """What the program's own surroundings set up at its start is set up."""
    (tmp_path / "sitecustomize.py").write_text("import builtins\nbuiltins.was_loaded = True\n")
    environ["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{environ['PYTHONPATH']}"
    look = "import sitecustomize, sys; print(was_loaded, sitecustomize.__file__, sys.modules['glia_sdk'].__name__)"
    done = captured(environ, sys.executable, "-c", look)
    assert (done.returncode, done.stdout.split(), done.stderr) == (
        0, ["True", str(tmp_path / "sitecustomize.py"), "glia_sdk"], "",
    )  # fmt: skip


def test_a_python_without_the_sdk_gets_it_last_on_its_path(environ: dict[str, str], tmp_path: Path) -> None:
    """Nothing of the program's own is hidden by what captures it."""
    code = "import sys; print(sys.path[-1], 'glia_sdk' in sys.modules)"
    told = {**environ, "PYTHONNOUSERSITE": "1"}
    done = captured(told, sys.executable, "-c", code)
    assert done.stdout.split()[1] == "True"
    assert done.stderr == ""


@pytest.mark.parametrize(("command", "code"), [(["no-such-command-here"], 127), (["/etc/passwd"], 126)])
def test_a_command_that_cannot_run_ends_as_in_a_shell(command: list[str], code: int, environ: dict[str, str]) -> None:
    """127 if it is not there, 126 if it is no program."""
    done = captured(environ, *command)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"glia: {command[0]}: ")


def test_signals_reach_the_command(environ: dict[str, str]) -> None:
    """It runs in place of glia, so a signal to the one is a signal to the other."""
    program = "import signal, sys; print('up', flush=True); signal.pause()"
    run = [*GLIA, "capture", "--", sys.executable, "-c", program]
    with subprocess.Popen(run, env=environ, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "up\n"
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == -signal.SIGTERM


def test_without_a_login_nothing_is_run(environ: dict[str, str], tmp_path: Path) -> None:
    """Exit code 3, before the command."""
    done = captured({**environ, "GLIA_TOKEN": ""}, "touch", str(tmp_path / "touched"))
    assert done.returncode == 3
    assert not (tmp_path / "touched").exists()


def test_otel_is_pointed_to_glia_only_where_it_points_nowhere(environ: dict[str, str], sink: TraceSink) -> None:
    """What is set stays set."""
    code = "import os; print(*(os.environ.get('OTEL_EXPORTER_OTLP_' + n) for n in ('ENDPOINT', 'PROTOCOL')))"
    run = [*GLIA, "capture", "--otel", "--", sys.executable, "-c", code]
    for told, expected in (({}, sink.url), ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://mine"}, "http://mine")):
        done = subprocess.run(run, env={**environ, **told}, capture_output=True, text=True, check=False, timeout=60)
        assert done.stdout.split() == [expected, "http/protobuf"]


def run_row(run_id: str = RUN, **changes: Any) -> dict[str, Any]:
    row = {"run_id": run_id, "name": "nightly", "status": "completed", "started_at": "2026-11-21T10:00:00.5Z"}
    return {**row, "step_count": 3, "input_tokens": 5, "output_tokens": 2, "health": [], **changes}


TIMELINE = {
    "run": run_row(),
    "level": 0,
    "first": 0,
    "names": ["plan", "search"],
    "kinds": ["agent", "tool"],
    "models": [],
    "statuses": ["incomplete", "completed", "failed"],
    "columns": {
        "sequence_no": [1, 2, 4],
        "parent": [None, 0, 0],
        "kind": [0, 1, 1],
        "name": [0, 1, 1],
        "status": [1, 1, 2],
        "duration": [2500, 1000, None],
    },
}


def test_runs_are_listed_with_their_filters(glia_server: GliaServer, run_glia: Any) -> None:
    """Filters go to the server; a pipe gets a line a run."""
    glia_server.on("GET", "/runs?status=failed&tag=x&limit=50", page([run_row(health=["gaps"])]))
    ran = run_glia("runs", "--status", "failed", "--tag", "x")
    assert (ran.code, ran.out) == (0, f"{RUN}\t2026-11-21 10:00:00\tcompleted\t3\t7\tgaps\tnightly\n")


def test_a_run_is_shown_as_a_tree(glia_server: GliaServer, run_glia: Any) -> None:
    """In a pipe: number, depth, status, kind, name and time of each step; as JSON, the timeline as it is."""
    at = f"/runs/{RUN}/timeline"
    glia_server.on("GET", f"{at}?level=0&to=1999", Json(200, TIMELINE)).on("GET", at, Json(200, TIMELINE))
    ran = run_glia("show", RUN)
    assert ran.out.splitlines() == [
        "nightly  completed  3 steps",
        "1\t0\tcompleted\tagent\tplan\t2.5 ms",
        "2\t1\tcompleted\ttool\tsearch\t1.0 ms",
        "4\t1\tfailed\ttool\tsearch\t",
    ]
    assert json.loads(run_glia("show", RUN, "--json").out) == TIMELINE


def test_tail_follows_a_run_to_its_end(glia_server: GliaServer, run_glia: Any, waits: list[float]) -> None:
    """Each event once, in order, across looks."""

    def event(number: int) -> dict[str, Any]:
        told = {"sequence_no": number, "ts": "2026-11-21T10:00:00.500000Z", "event_type": "step.started"}
        return {**told, "kind": "tool", "name": "search"}

    at = f"/runs/{RUN}"
    glia_server.on("GET", at, Json(200, run_row(status="running")), Json(200, run_row()))
    glia_server.on("GET", f"{at}/events?limit=200", page([event(0), event(1)]), page([event(0), event(1), event(2)]))
    ran = run_glia("tail", RUN)
    assert [line.split("\t")[0] for line in ran.out.splitlines()] == ["0", "1", "2"]
    assert waits == [1.0]


def test_tail_shows_runs_as_they_come_and_change(
    glia_server: GliaServer, run_glia: Any, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    """A run that did not change is not shown again; Ctrl-C ends it."""
    first = page([run_row(status="running")])
    later = page([run_row("0190c0de-0000-7000-8000-0000000000bb"), run_row()])
    glia_server.on("GET", "/runs?limit=10", first).on("GET", "/runs?limit=200", first, later, Json(401, {}))
    ran = run_glia("tail")
    assert [line.split("\t")[2] for line in ran.out.splitlines()] == ["running", "completed", "completed"]
    assert waits == [1.0, 1.0, 1.0]


def test_a_bundle_holds_all_parts_and_each_content_once(glia_server: GliaServer, run_glia: Any, tmp_path: Path) -> None:
    """Put together out of pages."""

    def part(number: int, cursor: str | None) -> Json:
        head = {"format": "glia-trace-bundle", "version": 1, "run": run_row()}
        contents = {"aa": ["shared"], f"b{number}": number}
        return Json(200, {**head, "events": [{"sequence_no": number}], "contents": contents, "next_cursor": cursor})

    at = f"/runs/{RUN}/export"
    glia_server.on("GET", f"{at}?limit=200", part(0, "more")).on("GET", f"{at}?cursor=more&limit=200", part(1, None))
    ran = run_glia("bundle", RUN, "-o", str(tmp_path / "run.json"))
    assert ran.code == 0
    whole = json.loads((tmp_path / "run.json").read_text())
    assert [event["sequence_no"] for event in whole["events"]] == [0, 1]
    assert whole["contents"] == {"aa": ["shared"], "b0": 0, "b1": 1}
    assert whole["run"]["run_id"] == RUN


@pytest.mark.parametrize("status", [200, 404])
def test_login_keeps_the_signing_key_where_there_is_one(
    status: int, glia_server: GliaServer, run_glia: Any, config: Path
) -> None:
    """A server without such keys is a server all the same."""
    glia_server.on("GET", "/conversation", Json(200, {"conversation_id": "c", "active_topic_id": None}))
    glia_server.on("GET", "/keys/signing", Json(status, {"key_id": "k1", "key": "s3cr3t"} if status == 200 else {}))
    assert run_glia("login", "--url", glia_server.url, "--token", "glia_only_for_tests").code == 0
    kept = json.loads(config.read_text())["profiles"]["default"]
    assert kept.get("signing_key_id") == ("k1" if status == 200 else None)
    assert oct(config.stat().st_mode & 0o777) == "0o600"
