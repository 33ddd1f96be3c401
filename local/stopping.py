"""The wish to stop, told by a signal."""

from __future__ import annotations

import os
import select
from contextlib import suppress


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
