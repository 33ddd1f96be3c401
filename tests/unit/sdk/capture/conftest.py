"""Fixtures of capture's tests: a sink that speaks the ingestion API, capture in this process, programs beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import glia_sdk as glia
import pytest

from tests.support.trace_sink import TOKEN, TraceSink

ROOT = Path(__file__).resolve().parents[4]
Init = Callable[..., None]
Program = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def sink() -> Iterator[TraceSink]:
    with TraceSink() as started:
        yield started


@pytest.fixture
def spill(tmp_path: Path) -> Path:
    return tmp_path / "spill"


@pytest.fixture
def init(sink: TraceSink, spill: Path) -> Iterator[Init]:
    """Starts capture in this process, towards the sink unless told otherwise."""

    def start(**changes: Any) -> None:
        signing = glia.SigningKey("key-1", b"secret of the user")
        given = {"url": sink.url, "token": TOKEN, "spill_folder": spill, "signing": signing, "instrument": ()}
        glia.init(**{**given, **changes})

    yield start
    glia.shutdown()


@pytest.fixture
def program(sink: TraceSink, spill: Path, tmp_path: Path) -> Iterator[Program]:
    """Starts a Python program with capture set by the environment."""
    started: list[subprocess.Popen[str]] = []

    def start(text: str, *, url: str | None = None, **environ: str) -> subprocess.Popen[str]:
        told = {
            "PATH": os.defpath,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk' / 'src'}",
            "GLIA_URL": url or sink.url,
            "GLIA_TOKEN": TOKEN,
            "GLIA_CONFIG": str(tmp_path / "config.json"),
            "GLIA_SPILL": str(spill),
            **environ,
        }
        made = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(text)],
            env=told, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(made)
        return made

    yield start
    for one in started:
        one.kill()
        one.communicate()


def of_type(sink: TraceSink, event_type: str) -> list[dict[str, Any]]:
    return [event for event in sink.events if event["event_type"] == event_type]
