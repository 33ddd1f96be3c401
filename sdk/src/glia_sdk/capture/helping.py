"""A few threads that send payloads at the same time, started when there are several to send."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

Call = Callable[[], None]
HELPERS = 4


class Helping:
    def __init__(self) -> None:
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._started = 0

    def together(self, calls: Sequence[Call]) -> None:
        """Runs calls at the same time; returns when all have ended.

        Raises:
            the error of the first call that had one.
        """
        if len(calls) < 2:
            for call in calls:
                call()
            return
        self._start(min(HELPERS, len(calls)))
        left = threading.Semaphore(0)
        errors: list[Exception] = []

        def run(call: Call) -> None:
            try:
                if not errors:
                    call()
            except Exception as error:  # noqa: BLE001  # it is raised where it is waited for
                errors.append(error)
            finally:
                left.release()

        for call in calls:
            self._calls.put(lambda call=call: run(call))  # type: ignore[misc]
        for _ in calls:
            left.acquire()
        if errors:
            raise errors[0]

    def _start(self, wanted: int) -> None:
        while self._started < wanted:
            threading.Thread(target=self._work, name="glia-upload", daemon=True).start()
            self._started += 1

    def stop(self) -> None:
        """Ends the threads when they have nothing to do any more."""
        for _ in range(self._started):
            self._calls.put(None)

    def _work(self) -> None:
        while call := self._calls.get():
            call()
