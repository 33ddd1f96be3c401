"""Fixtures of the local runtime's tests: the real emulator, and a gateway on a real socket."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.settings import Settings
from local import emulator
from local.children import child_setup
from local.listener import listener

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session", name="eventually")
def eventually_fixture() -> Callable[..., Any]:
    return eventually


def eventually(holds: Callable[[], Any], seconds: float = 20.0) -> Any:
    """The first true value of `holds`, asked until the deadline."""
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
    return value


@pytest.fixture(scope="session")
def emulator_python() -> str:
    python = os.environ.get("GLIA_EMULATOR_PYTHON", ".venv-emulator/bin/python")
    if not os.access(python, os.X_OK):
        pytest.skip("the emulator is not installed (GLIA_EMULATOR_PYTHON)")
    return str(Path(python).absolute())


class RunningEmulator:
    """MiniStack as a child that a test may kill and start again on the same port."""

    def __init__(self, python: str, data: Path) -> None:
        self.python, self.data, self.port = python, data, emulator.free_port(data)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            emulator.command(self.python),
            env=emulator.environment(self.data, self.port, "eu-central-1"),
            stdout=subprocess.DEVNULL,
            preexec_fn=child_setup(None),  # noqa: PLW1509 - signal calls only
        )
        pid = self._process.pid
        eventually(lambda: emulator.healthy(self.port, pid))

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def settings(self, name: str) -> Settings:
        return Settings.from_env(
            {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
                "GLIA_QUEUE_PREFIX": name,
                "GLIA_BUCKET": name,
                "GLIA_MAX_ATTEMPTS": "3",
            }
        )


@pytest.fixture(scope="session")
def running_emulator(emulator_python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    running = RunningEmulator(emulator_python, tmp_path_factory.mktemp("emulator"))
    running.start()
    yield running
    running.kill()


@pytest.fixture
def serve() -> Iterator[Callable[[Any], int]]:
    """Serves a WSGI application on a free port until the test ends."""
    closing: list[Callable[[], None]] = []

    def start(application: Any) -> int:
        listening = socket.create_server(("127.0.0.1", 0))
        server = listener(application, listening, threads=8)
        stop = threading.Event()
        thread = threading.Thread(target=loop, args=[server, stop], daemon=True)
        thread.start()

        def close() -> None:
            stop.set()
            server.pull_trigger()
            thread.join(5)
            server.task_dispatcher.shutdown(timeout=1)
            for channel in list(server.active_channels.values()):
                channel.handle_close()
            server.close()
            listening.close()

        closing.append(close)
        return int(listening.getsockname()[1])

    yield start
    for close in closing:
        close()


def loop(server: Any, stop: threading.Event) -> None:
    while not stop.is_set():
        server.asyncore.loop(timeout=0.1, count=1, map=server._map, use_poll=True)
