"""`python -m local.up` for real: start, second start, every kind of kill, and a stop that leaves nothing.

It serves the toy app of tests/unit/local, so that what fails here is the runtime and not Glia.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil  # type: ignore[import-untyped]  # ships no types
import psycopg
import pytest

from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("runtime")
ROOT = Path(__file__).resolve().parents[2]
TOY = ROOT / "tests" / "unit" / "local"
OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ignore_signals() -> None:
    """As a script's background job starts its commands."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


class Run:
    """One `make up`, its output, and its address when it is up."""

    def __init__(self, home: Path, python: str, **extra: str) -> None:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "GLIA_", "DATABASE_", "OPENAI_"))}
        own = {
            "PYTHONPATH": str(TOY),
            "GLIA_LOCAL_APP": "local_toy_app",
            "GLIA_SAMPLE": "0",
            "GLIA_SWEEP_PERIOD": "0.3",
        }
        self.home, self.lines = home, list[str]()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local.up"],
            cwd=ROOT,
            env={**clean, **own, "GLIA_HOME": str(home), "GLIA_EMULATOR_PYTHON": python, **extra},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=ignore_signals,  # noqa: PLW1509 - signal calls only
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = ""

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as out:
            self.lines += iter(out.readline, "")

    def said(self, text: str) -> bool:
        return any(text in line for line in list(self.lines))

    def up(self, seconds: float = 90.0) -> "Run":
        def ready() -> bool:
            assert self.process.poll() is None, "".join(self.lines)
            return self.said("Glia is up at ")

        until(ready, seconds)
        self.url = next(line for line in self.lines if "Glia is up at " in line).split()[-1]
        return self

    def ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, {"Content-Type": "application/json"})
        with OPEN.open(request, timeout=10) as answer:
            return json.load(answer)

    def asked(self, path: str, body: Any = None) -> Any:
        """The answer, or None while there is none."""
        try:
            return self.ask(path, body)
        except OSError:
            return None

    def work_is_done(self, value: str) -> None:
        """A message goes through queue and worker into the database.

        It is sent again every few seconds, as Glia's sweep does: the open poll of a worker that was just killed may
        still take a message with it, until its visibility ends.
        """

        def done() -> bool:
            return value in [row[0] for row in (self.asked("/noted/turn") or {"rows": []})["rows"]]

        def sent_and_done() -> bool:
            self.asked("/work", {"value": value})
            with contextlib.suppress(AssertionError):
                until(done, 3)
            return done()

        until(sent_and_done)

    def pid_of(self, name: str) -> int:
        """The pid of a child, 0 while it is not there."""
        state = json.loads((self.home / "run.json").read_text())
        return next((int(trace["pid"]) for trace in state["processes"] if trace["name"] == name), 0)

    def kill(self, name: str) -> None:
        """Kills a child and waits until there is another."""
        before = self.pid_of(name)
        psutil.Process(before).kill()
        until(lambda: self.pid_of(name) not in (0, before))

    def everything(self) -> list[psutil.Process]:
        """The supervisor and all that belongs to it, Postgres too, wherever it hangs in the process tree."""
        mine = psutil.Process(self.process.pid)
        return [mine, *mine.children(recursive=True)]

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        code = self.process.wait(30)
        self._reader.join(5)
        return code


def nothing_left(processes: list[psutil.Process]) -> bool:
    return not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


Start = Callable[..., Run]


@pytest.fixture(scope="module")
def python() -> str:
    path = os.environ.get("GLIA_EMULATOR_PYTHON", str(ROOT / ".venv-emulator" / "bin" / "python"))
    if not os.access(path, os.X_OK):
        pytest.skip("the emulator is not installed (GLIA_EMULATOR_PYTHON)")
    return path


@pytest.fixture(scope="module")
def homes() -> Iterator[Path]:
    """Not below pytest's own folder: each run closes that to other users, and as root Postgres is another user."""
    with tempfile.TemporaryDirectory(prefix="glia-e2e-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def home(homes: Path) -> Path:
    """One GLIA_HOME for most of these tests: each but the first is a second start. Its path has a space."""
    return homes / "glia home"


@pytest.fixture
def start(home: Path, python: str) -> Iterator[Start]:
    """Starts runs, in the shared home unless told otherwise; whatever still runs at the end is ended."""
    runs: list[Run] = []

    def begin(at: Path | None = None, **extra: str) -> Run:
        runs.append(Run(at or home, python, **extra))
        return runs[-1]

    yield begin
    for run in runs:
        with contextlib.suppress(psutil.NoSuchProcess):
            left = run.everything()
            if run.process.poll() is None:
                run.stop()
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()


def test_it_comes_up_works_and_stops_leaving_nothing(start: Start, home: Path) -> None:
    """Although it was started with SIGINT and SIGTERM ignored."""
    run = start().up()
    run.work_is_done("first")
    until(lambda: run.ask("/noted/sweep")["rows"])
    everything = run.everything()
    assert len(everything) > 5
    assert run.stop(signal.SIGINT) == 0
    assert nothing_left(everything)
    assert not (home / "run.json").exists()
    assert not (home / "postgres" / "postmaster.pid").exists()
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port_of(run))):
        pass


def port_of(run: Run) -> int:
    return int(run.url.rpartition(":")[2])


def test_a_second_start_finds_everything_again(start: Start) -> None:
    first = start().up()
    first.work_is_done("first")
    assert first.stop(signal.SIGTERM) == 0
    run = start().up()
    assert "first" in [row[0] for row in run.ask("/noted/turn")["rows"]]
    everything = run.everything()
    assert run.stop(signal.SIGTERM) == 0
    assert nothing_left(everything)


def test_it_recovers_from_kill_of_everything(start: Start, home: Path) -> None:
    """Also in the middle of migrations, with postmaster.pid left half-written and the queues gone."""
    run = start().up()
    run.work_is_done("before the kill")
    with psycopg.connect(f"postgresql://glia_owner@/glia?host={quote(str(home / 'postgres'))}") as owner:
        owner.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 1)")
    for process in run.everything():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    run.process.wait(10)
    (home / "postgres" / "postmaster.pid").write_text("12")
    again = start().up()
    assert "before the kill" in [row[0] for row in again.ask("/noted/turn")["rows"]]
    again.work_is_done("after the kill")
    everything = again.everything()
    assert again.stop() == 0
    assert nothing_left(everything)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_kill_of_the_supervisor_leaves_no_orphans(start: Start) -> None:
    run = start().up()
    everything = run.everything()
    run.process.kill()
    run.process.wait(10)
    until(lambda: nothing_left(everything))


def test_each_part_that_is_killed_comes_back(start: Start, home: Path) -> None:
    """API, worker, emulator, Postgres: the address stays, and work goes on."""
    run = start().up()
    for name in ("api", "worker", "s3+sqs"):
        run.kill(name)
        until(lambda: run.asked("/health"))
        run.work_is_done(f"after {name}")
    postmaster = psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().splitlines()[0]))
    postmaster.kill()
    until(lambda: run.said("postgres ended unexpectedly"))
    until(lambda: run.asked("/health"))
    run.work_is_done("after postgres")
    everything = run.everything()
    assert run.stop() == 0
    assert nothing_left(everything)


def test_two_homes_run_at_once_and_one_home_only_once(start: Start, homes: Path) -> None:
    first, second = start().up(), start(homes / "clone")
    second.up()
    assert first.url != second.url
    second.work_is_done("only in the clone")
    assert "only in the clone" not in [row[0] for row in first.ask("/noted/turn")["rows"]]
    third = start()
    assert third.process.wait(20) == 1
    until(lambda: third.said("already runs on"))
    assert third.said(first.url)
    assert first.ask("/health")


def test_a_chosen_port_that_is_taken_is_a_clear_error(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = start(GLIA_PORT=str(taken.getsockname()[1]))
        assert run.process.wait(20) == 1
        until(lambda: run.said("(GLIA_PORT) is taken"))


def test_a_stop_during_the_start_leaves_nothing(start: Start, homes: Path) -> None:
    run = start(homes / "early")
    until(lambda: run.said("creating the database"))
    everything = run.everything()
    assert run.stop() == 0
    assert nothing_left(everything)
    assert not (homes / "early" / "postgres" / "postmaster.pid").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_stop_in_the_first_moment_is_not_lost(start: Start, homes: Path) -> None:
    """Its handlers are there long before anything slow is loaded."""
    run = start(homes / "moment")
    until(lambda: catches(run.process.pid, signal.SIGTERM))
    assert run.stop(signal.SIGTERM) == 0
    assert not run.said("Glia is up")


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler for the signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (number - 1) & 1)


def test_the_gateways_own_limits_hold(start: Start) -> None:
    """10 MB in, 6 MB out, with an error that a client which sends everything first can read."""
    run = start().up()
    for path, data, status in [
        ("/echo/a/b", b"x" * (10 * 1024 * 1024 + 1), 413),
        ("/echo/a/b", b"x" * (7 * 1024 * 1024), 413),
        ("/sized?bytes=7000000", None, 502),
    ]:
        request = urllib.request.Request(f"{run.url}{path}", data, {"Content-Type": "text/plain"} if data else {})
        with pytest.raises(urllib.error.HTTPError) as refused:
            OPEN.open(request, timeout=20)
        with refused.value as answer:
            assert answer.code == status
            assert json.load(answer)["error"]["code"] in {"too_large", "response_too_large"}
