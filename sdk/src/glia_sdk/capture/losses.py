"""Events that were lost: each is told of by a note under its own sequence number, so that no gap stays unexplained."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from glia_sdk.capture.records import Item, Record

MOST = 10_000  # losses remembered one by one
BETWEEN_WARNINGS = 60.0  # seconds
LOST = "capture.lost"
_log = logging.getLogger("glia")


class Losses:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._lost: list[tuple[str, int, str, int]] = []
        self._warned: dict[str, float] = {}

    def add(self, item: Item, reason: str) -> None:
        with self._lock:
            if len(self._lost) < MOST:
                self._lost.append((item.run_id, item.sequence_no, reason, item.size))
        self.warn(reason, "events are lost")

    def warn(self, reason: str, what: str) -> None:
        """One line in the log, once a minute for each reason."""
        now = self._clock()
        if now - self._warned.get(reason, -BETWEEN_WARNINGS) >= BETWEEN_WARNINGS:
            self._warned[reason] = now
            _log.warning("glia capture: %s (%s); see glia_sdk.stats()", what, reason)

    def notes(self) -> list[Record]:
        """A note for each event lost since the last time."""
        with self._lock:
            lost, self._lost = self._lost, []
        return [_note(*one) for one in lost]


def _note(run_id: str, sequence_no: int, reason: str, size: int) -> Record:
    told = {"glia.lost.reason": reason, "glia.lost.bytes": size}
    return Record(run_id, None, None, sequence_no, "note", None, LOST, time.time_ns(), told)
