"""Where the program's threads leave events: a queue bounded by bytes, and nothing that makes them wait."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from glia_sdk.capture.records import OVERHEAD, Record

LEFT_OUT = "glia.lost.bytes"  # in place of a payload there was no room for
WINDOW = 0.5  # seconds in which events gather before they are worked on


class Intake:
    """
    Args:
        limit: bytes that may wait; one event waits whatever its size.
        patience: seconds a thread waits for room; then the payload is left out, and the event goes on without it.
        lose_payload: told of each payload left out.
    """

    def __init__(self, limit: int, patience: float, lose_payload: Callable[[str], None]) -> None:
        self._limit = limit
        self._patience = patience
        self._lose_payload = lose_payload
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._waiters = 0
        self._records: deque[Record] = deque()
        self._bytes = 0
        self._weight = 0  # bytes of the event that is worked on
        self._filled = threading.Event()
        self._urgent = threading.Event()
        self._is_hurried = False

    @property
    def bytes(self) -> int:
        return self._bytes

    @property
    def is_empty(self) -> bool:
        return not self._records and not self._weight

    @property
    def is_hurried(self) -> bool:
        """Whether somebody waits for the work: for room, or for its end."""
        return self._is_hurried or self._waiters > 0

    @property
    def is_pressed(self) -> bool:
        """Whether much waits behind what is worked on, so that there will be no room soon."""
        return self._waiting > self._limit // 4

    def put(self, record: Record) -> None:
        with self._lock:
            if not self._has_room(record):
                self._make_room(record)
            self._records.append(record)
            self._bytes += record.weight
            is_filling = self._bytes > self._limit // 4
        if not self._filled.is_set():
            self._filled.set()
        if is_filling:
            self._urgent.set()

    def get(self) -> Record | None:
        """The next event. It counts until `done`."""
        with self._lock:
            if not self._records:
                self._urgent.clear()
                self._filled.clear()
                self._is_hurried = False
                return None
            self._weight = self._records[0].weight  # first: who looks between the two must not find nothing
            if self._waiters:
                self._room.notify_all()
            return self._records.popleft()

    def done(self) -> None:
        """The event that `get` gave last is dealt with."""
        with self._lock:
            self._bytes -= self._weight
            self._weight = 0

    def wait(self, longest: float) -> bool:
        """Waits for events, then a moment more for others. False if there are none after `longest` seconds."""
        if not self._filled.wait(longest):
            return False
        self._urgent.wait(WINDOW)
        return True

    def urge(self) -> None:
        """Work at once, and without naps."""
        self._is_hurried = True
        self._filled.set()
        self._urgent.set()

    @property
    def _waiting(self) -> int:
        """Bytes, without those of the event that is worked on."""
        return self._bytes - self._weight

    def _has_room(self, record: Record) -> bool:
        return not self._waiting or self._waiting + record.weight <= self._limit

    def _make_room(self, record: Record) -> None:
        """Waits for room (the lock is held, and let go meanwhile), else leaves the payload out."""
        self._urgent.set()
        self._filled.set()
        end = time.monotonic() + self._patience
        self._waiters += 1
        try:
            while not self._has_room(record):
                if not self._room.wait(max(0.0, end - time.monotonic())) and time.monotonic() >= end:
                    cut(record)
                    self._lose_payload("memory_full")
                    return
        finally:
            self._waiters -= 1


def cut(record: Record) -> None:
    """Takes the payload out of an event; its place in the run stays."""
    attributes: dict[str, Any] = {LEFT_OUT: record.weight}
    if "last_sequence_no" in record.attributes:
        attributes |= {name: record.attributes[name] for name in ("last_sequence_no", "status")}
    record.attributes, record.request, record.weight = attributes, None, OVERHEAD
