"""The wish to stop, told by a signal. Imports little: handlers are to be there before anything slow is loaded."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from types import FrameType

# A wrapper may pass on the signal that the terminal has sent us already; only a later one is impatience.
SAME_SIGNAL = 1.0


class Stopping:
    """Set once, from a signal handler or any thread; waited for by any number of threads.

    Not `threading.Event`: its `set` takes a lock that its `wait` holds for a moment. A handler runs in the middle of
    whatever the main thread does, so in that moment it would wait for itself, for ever.
    """

    def __init__(self) -> None:
        self._set = False
        self._told, self._tell = os.pipe()
        os.set_blocking(self._tell, False)

    def set(self) -> None:
        self._set = True
        with suppress(BlockingIOError):  # the pipe is full of earlier wishes
            os.write(self._tell, b".")

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it is set, at most `timeout` seconds. Whether it is set."""
        if not self._set:
            select.select([self._told], [], [], timeout)
        return self._set

    def __del__(self) -> None:
        os.close(self._told)
        os.close(self._tell)


def install_handlers(stopping: Stopping) -> None:
    """SIGINT, SIGTERM and SIGHUP stop in order; another one, later, cuts the waiting short.

    They are installed even if they were ignored at start, as they are in a script's background job; only a hang-up
    that was ignored (nohup) stays so.
    """

    first: list[float] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()
        first.append(time.monotonic())
        if first[-1] - first[0] > SAME_SIGNAL:
            signal.signal(number, signal.SIG_IGN)
            raise KeyboardInterrupt

    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, stop)
