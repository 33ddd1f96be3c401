"""One supervised child process: started, its lines read, started again when it crashes, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from local.children import child_setup
from local.config import ROOT
from local.console import Console

BACKOFF_FIRST, BACKOFF_MAX = 0.2, 5.0
# A child that ran this long was well; its next crash is a first one again.
WELL_AFTER = 30.0
# Seconds for its last lines; a grandchild may keep the pipe open for ever.
LAST_LINES = 1.0


@dataclass
class Child:
    """A child of the supervisor.

    Args:
        name: stands before its lines.
        command, env: what is run; in the project's root folder and in a session of its own.
        console: where its lines go.
        pass_fds: descriptors it inherits.
    """

    name: str
    command: Sequence[str]
    env: dict[str, str]
    console: Console
    pass_fds: Sequence[int] = ()
    crashes: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _started: float = 0.0
    _due: float = 0.0
    _reader: threading.Thread | None = None

    def start(self) -> None:
        """Starts it. Call from the main thread only: the kernel ties the child's life to the thread that made it."""
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=self.env,
            pass_fds=self.pass_fds,
            start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor only, which stops in order
            preexec_fn=child_setup(signal.SIGTERM),  # noqa: PLW1509 - signal calls and one prctl
        )
        self._started, self._due = time.monotonic(), 0.0
        self._reader = threading.Thread(target=self._pump, args=[self._process], daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def keep_up(self) -> bool:
        """Notices a crash, and starts the child again when its back-off is over. True if it was started now."""
        if self.running():
            return False
        if not self._due:
            self._note_crash()
        if time.monotonic() < self._due:
            return False
        self.start()
        return True

    def terminate(self) -> None:
        """Asks it to stop."""
        if self._process and self.running():
            self._process.terminate()

    def wait(self, deadline: float) -> None:
        """Waits until it has stopped; at `deadline`, on the monotonic clock, it and its session are killed."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.console.line("glia", f"{self.name} does not stop; killing it")
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._reader:
            self._reader.join(LAST_LINES)

    def _note_crash(self) -> None:
        now = time.monotonic()
        self.crashes = 1 if now - self._started > WELL_AFTER else self.crashes + 1
        pause = min(BACKOFF_FIRST * 2 ** (self.crashes - 1), BACKOFF_MAX)
        self._due = now + pause
        code = self._process.returncode if self._process else None
        self.console.line(
            "glia", f"{self.name} ended unexpectedly ({_cause(code)}); starting it again in {pause:.1f} s"
        )

    def _pump(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout:
            with process.stdout as lines:
                for line in lines:
                    self.console.line(self.name, line.decode("utf-8", "replace").rstrip("\r\n"))


def _cause(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    return signal.Signals(-code).name
