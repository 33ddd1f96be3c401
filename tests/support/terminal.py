"""Programs run as people run them: in a process of their own, at a pseudo-terminal."""

from __future__ import annotations

import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fcntl import ioctl

LONGEST_WAIT = 20.0  # seconds
ROWS, COLUMNS = 12, 60
# In the child: its stdin becomes the controlling terminal of its session; then it becomes the program.
TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """A running program, what it has written so far, and a keyboard."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self._master = master
        self._seen = b""

    @property
    def seen(self) -> str:
        return self._seen.decode(errors="replace").replace("\r\n", "\n")

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def wait_for(self, text: str) -> None:
        """Reads until the program has written this."""
        deadline = time.monotonic() + LONGEST_WAIT
        while text not in self.seen:
            assert self._read(deadline), f"{text!r} did not come; there was {self.seen!r}"

    def end(self) -> int:
        """Reads until the program has ended. Returns its exit code."""
        deadline = time.monotonic() + LONGEST_WAIT
        while self._read(deadline):
            pass
        return self.process.wait(max(deadline - time.monotonic(), 0.1))

    def _read(self, deadline: float) -> bool:
        """Reads what there is; False at the end of the program or of the time."""
        ready, _, _ = select.select([self._master], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            return False
        try:
            data = os.read(self._master, 4096)
        except OSError:  # how Linux says that nobody is at the other end any more
            return False
        self._seen += data
        return bool(data)


@contextmanager
def terminal(command: Sequence[str], environ: Mapping[str, str]) -> Iterator[Terminal]:
    """Runs a program at a terminal of its own, so that Ctrl-C typed there reaches it as a signal."""
    master, slave = os.openpty()
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=dict(environ),
            start_new_session=True,
        )
    finally:
        os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        os.close(master)
