"""The persistent S3 and SQS emulator, for tests that need a real one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from chalicelib.settings import Settings
from local import emulator
from local.children import child_setup
from tests.support.waiting import until


def installed() -> str:
    """The interpreter of the emulator's environment; skips the test where it is not installed."""
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
        until(lambda: emulator.healthy(self.port, pid))

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
