"""All of Glia as `make up` runs it, for tests that start, kill and stop it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ships no types

from chalicelib.identity import dev_issuer
from chalicelib.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 120.0
POLL = 0.2


def token(home: Path, subject: str) -> str:
    """A token of the development issuer whose keys are in `home`."""
    return dev_issuer.issue(Settings.from_env({}), home, subject)


class Run:
    """One `make up`, in its own session, so that all of it can be found and killed."""

    def __init__(self, home: Path, **variables: str) -> None:
        environ = {**os.environ, "GLIA_HOME": str(home), "GLIA_SAMPLE": "0", "PYTHONPATH": str(ROOT), **variables}
        self.log = home / "up.log"
        with self.log.open("ab") as log:
            begin = log.tell()
            command = [sys.executable, "-m", "local.up"]
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environ, stdout=log, stderr=log, start_new_session=True
            )
        self.url = self._wait_ready(begin)

    def _wait_ready(self, begin: int) -> str:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            with self.log.open("rb") as log:
                log.seek(begin)
                if found := re.search(rb"Glia is up at (http://[0-9.:]+)", log.read()):
                    return found.group(1).decode()
            time.sleep(POLL)
        raise RuntimeError(f"Glia does not come up:\n{self.log.read_text()[-2000:]}")

    def kill(self) -> int:
        """kill -9 of the supervisor and everything below it, Postgres too. Returns how many processes."""
        everybody = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        for process in everybody:
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(everybody, timeout=10)
        self.process.wait(10)
        return len(everybody)

    def environ_of(self, module: str) -> dict[str, str]:
        """The environment of the child that runs `python -m module`."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            if child.cmdline()[-2:] == ["-m", module]:
                return dict(child.environ())
        raise LookupError(module)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
