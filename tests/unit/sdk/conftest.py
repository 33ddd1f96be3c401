"""Fixtures of the SDK's tests: a scripted server, a client of it, and the command line in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from glia_sdk import Client
from glia_sdk.cli.app import main
from glia_sdk.cli.surroundings import Surroundings

from tests.support.glia_server import TOKEN, GliaServer


@pytest.fixture
def glia_server() -> Iterator[GliaServer]:
    with GliaServer() as server:
        yield server


@pytest.fixture
def waits() -> list[float]:
    """What a client would have waited."""
    return []


@pytest.fixture
def client(glia_server: GliaServer, waits: list[float]) -> Iterator[Client]:
    with Client(glia_server.url, TOKEN, sleep=waits.append, jitter=lambda: 1.0) as made:
        yield made


@dataclass(frozen=True)
class Ran:
    """What a run of the command line came to."""

    code: int
    out: str
    err: str


RunGlia = Callable[..., Ran]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config" / "config.json"


@pytest.fixture
def run_glia(glia_server: GliaServer, waits: list[float], config: Path, capsys: pytest.CaptureFixture[str]) -> RunGlia:
    """Runs `glia` with some arguments, logged in by the environment unless that is changed."""

    def run(*arguments: str, **changes: str) -> Ran:
        environ = {"GLIA_URL": glia_server.url, "GLIA_TOKEN": TOKEN, "GLIA_CONFIG": str(config), **changes}
        ids = iter(f"id-{number}" for number in range(100))
        around = Surroundings({name: value for name, value in environ.items() if value}, waits.append, ids.__next__)
        with pytest.raises(SystemExit) as ended:
            main(arguments, around)
        assert isinstance(ended.value.code, int)
        return Ran(ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def environ(glia_server: GliaServer, config: Path, tmp_path: Path) -> dict[str, str]:
    """What `glia` gets as a process of its own: logged in, at a terminal with colours."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
        "GLIA_URL": glia_server.url,
        "GLIA_TOKEN": TOKEN,
        "GLIA_CONFIG": str(config),
    }
