"""The supervisor's parts: what the user decided, children, leftovers, logs, ports."""

import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import leftovers
from local.config import ConfigError, LocalConfig, child_environment
from local.console import Console
from local.emulator import environment, free_port, set_state_aside
from local.process import Child
from local.roles import DatabaseUrls
from local.run import only_run
from local.supervisor import listen
from tests.support.waiting import until

OURS = DatabaseUrls(app="app", system="system", owner="owner")


def children(environ: dict[str, str]) -> dict[str, str]:
    config = LocalConfig.from_env(environ)
    return child_environment(config, config.databases or OURS, config.endpoint or "ours", "issuer", Path("/jwks"))


def test_the_users_variables_win() -> None:
    made = children({"GLIA_BUCKET": "mine", "GLIA_STAGE": "", "GLIA_OIDC_ISSUER": "https://id.example"})
    assert (made["GLIA_BUCKET"], made["GLIA_STAGE"]) == ("mine", "local")
    assert made["GLIA_OIDC_ISSUER"] == "https://id.example"
    assert "GLIA_OIDC_JWKS_URL" not in made


def test_no_cloud_credential_reaches_our_emulator() -> None:
    """Keys, sessions, profiles and files of a real account stay outside when the emulator is ours."""
    real = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t", "AWS_PROFILE": "prod"}
    made = children(real)
    assert (made["AWS_ACCESS_KEY_ID"], made["AWS_SECRET_ACCESS_KEY"]) == ("test", "test")
    assert not {"AWS_SESSION_TOKEN", "AWS_PROFILE"} & set(made)
    assert made["AWS_SHARED_CREDENTIALS_FILE"] == made["AWS_CONFIG_FILE"] == "/dev/null"
    assert children({**real, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"})["AWS_ACCESS_KEY_ID"] == "AKIA"


def test_the_emulators_environment_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    made = environment(tmp_path, 1, "eu-central-1")
    assert "secret" not in made.values()
    assert (made["BIND_HOST"], made["S3_PERSIST"]) == ("127.0.0.1", "1")


def test_loopback_never_goes_through_a_proxy() -> None:
    assert children({"no_proxy": "corp"})["NO_PROXY"] == "corp,127.0.0.1,localhost"


def test_own_databases_are_used_and_must_be_complete() -> None:
    urls = {"DATABASE_URL": "a", "DATABASE_SYSTEM_URL": "s", "DATABASE_OWNER_URL": "o"}
    assert children(urls)["DATABASE_OWNER_URL"] == "o"
    with pytest.raises(ConfigError, match="DATABASE_SYSTEM_URL and DATABASE_OWNER_URL"):
        LocalConfig.from_env({"DATABASE_URL": "a"})


@pytest.mark.parametrize("port", ["x", "0", "70000", "-1", "²"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(ConfigError, match="GLIA_PORT"):
        LocalConfig.from_env({"GLIA_PORT": port})


def test_a_taken_port_is_an_error_only_if_it_was_chosen() -> None:
    with listen(None) as first, listen(None) as second:
        assert first.getsockname()[1] != second.getsockname()[1]
        with pytest.raises(ConfigError, match="taken"):
            listen(first.getsockname()[1])


def test_the_emulator_keeps_its_port_while_that_is_free(tmp_path: Path) -> None:
    port = free_port(tmp_path)
    assert free_port(tmp_path) == port
    with socket.create_server(("127.0.0.1", port)):
        assert free_port(tmp_path) != port
    (tmp_path / "port").write_text("99999999999")
    assert free_port(tmp_path) < 65_536


def test_saved_queues_are_set_aside_as_often_as_needed(tmp_path: Path) -> None:
    environment(tmp_path, 1, "eu-central-1")
    for _ in range(2):
        (tmp_path / "state" / "sqs.json").write_text("{")
        set_state_aside(tmp_path)
    assert not list((tmp_path / "state").iterdir())


def test_a_home_serves_one_run_at_a_time(tmp_path: Path) -> None:
    leftovers.remember(tmp_path / "run.json", "http://127.0.0.1:1", [])
    with only_run(tmp_path), pytest.raises(ConfigError, match=r"already runs on .* at http"), only_run(tmp_path):
        pass
    with only_run(tmp_path):
        pass


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_what_an_earlier_run_left_is_ended(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    leftovers.remember(tmp_path / "run.json", "url", [leftovers.Trace.of("api", sleeper.pid), None])
    url, traces = leftovers.recall(tmp_path / "run.json")
    assert (url, leftovers.end(traces)) == ("url", ["api"])
    assert sleeper.poll() is not None


@pytest.mark.parametrize("change", [{"created": 1.0}, {"command": ["other"]}])
def test_a_pid_that_was_given_to_another_process_is_left_alone(
    sleeper: subprocess.Popen[bytes], change: dict[str, Any]
) -> None:
    trace = leftovers.Trace.of("api", sleeper.pid)
    assert trace
    assert leftovers.end([leftovers.Trace(**{**vars(trace), **change})]) == []
    assert sleeper.poll() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": "u", "processes": [{"pid": 1}]}'])
def test_a_state_file_that_cannot_be_read_is_no_obstacle(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    assert leftovers.recall(tmp_path / "run.json") == ("", [])


def test_a_child_has_its_signals_back() -> None:
    """Also of a parent that was started with SIGINT and SIGTERM ignored and blocked, as in a background job."""
    program = "import signal; print([signal.getsignal(n) for n in (2, 15)], signal.pthread_sigmask(0, []))"
    outer = (
        "import signal, subprocess, sys; from local.children import child_setup;"
        "signal.signal(2, signal.SIG_IGN); signal.signal(15, signal.SIG_IGN); signal.pthread_sigmask(0, [2, 15]);"
        f"subprocess.run([sys.executable, '-c', {program!r}], preexec_fn=child_setup(None))"
    )
    said = subprocess.run([sys.executable, "-c", outer], capture_output=True, text=True, check=True).stdout
    assert "SIG_IGN" not in said
    assert said.endswith("set()\n")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_child_dies_with_its_parent() -> None:
    outer = (
        "import os, signal, subprocess, time; from local.children import child_setup;"
        "p = subprocess.Popen(['sleep', '60'], preexec_fn=child_setup(signal.SIGTERM)); print(p.pid, flush=True);"
        "time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", outer], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.kill()
    until(lambda: gone(pid))


def gone(pid: int) -> bool:
    """Ended; perhaps not yet collected, where the machine's first process is slow to do so."""
    trace = leftovers.Trace.of("", pid)
    return trace is None or not trace.command


def test_a_crashed_child_is_started_again_with_growing_pauses(tmp_path: Path) -> None:
    out = io.StringIO()
    crashing = [sys.executable, "-c", "print('hi'); raise SystemExit(3)"]
    child = Child("api", crashing, dict(os.environ), Console(tmp_path, out))
    child.start()

    def crashed_twice() -> bool:
        child.keep_up()
        return child.crashes == 2

    until(crashed_twice)
    child.wait(time.monotonic() + 5)
    said = out.getvalue()
    assert "api ended unexpectedly (exit code 3); starting it again in 0.2 s" in said
    assert "in 0.4 s" in said
    assert "api     | hi" in said
    child.console.close()


def test_a_child_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    out = io.StringIO()
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    child = Child("api", [sys.executable, "-c", stubborn], dict(os.environ), Console(tmp_path, out))
    child.start()
    until(lambda: "ready" in out.getvalue())
    child.terminate()
    child.wait(time.monotonic() + 0.1)
    assert not child.running()
    assert "api does not stop; killing it" in out.getvalue()
    child.console.close()


def test_json_logs_are_printed_for_people_and_kept_for_machines(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(tmp_path, out)
    record = {
        "level": "INFO",
        "message": "turn answered",
        "turn_id": "t1",
        "service": "glia",
        "tokens": 3,
        "none": None,
    }
    console.line("worker", json.dumps(record))
    console.line("worker", "{not json")
    console.close()
    assert out.getvalue() == "worker  | INFO turn answered turn_id=t1 tokens=3\nworker  | {not json\n"
    assert (tmp_path / "worker.log").read_text() == f"{json.dumps(record)}\n{{not json\n"
    again = Console(tmp_path, out)
    again.line("worker", "next run")
    again.close()
    assert (tmp_path / "worker.log").read_text() == "next run\n"
    assert "turn answered" in (tmp_path / "worker.log.1").read_text()


def test_colour_is_for_terminals_only(tmp_path: Path) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    console = Console(tmp_path, out)
    console.line("api", "x")
    console.close()
    assert out.getvalue() == "\x1b[36mapi     |\x1b[0m x\n"


def test_a_reader_that_went_away_stops_nothing(tmp_path: Path) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    console = Console(tmp_path, Closed())
    console.line("api", "kept")
    console.close()
    assert (tmp_path / "api.log").read_text() == "kept\n"
