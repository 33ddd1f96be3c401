"""Fixtures of the local runtime's tests: the real emulator, and a gateway on a real socket."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.listener import listener
from tests.support.emulators import RunningEmulator, installed

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def emulator_python() -> str:
    return installed()


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
