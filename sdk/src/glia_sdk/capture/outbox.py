"""Encoded events between the thread that makes them and the one that sends them: bounded, and never there for long."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from glia_wire.events import BATCH_BYTES, BATCH_EVENTS

from glia_sdk.capture.records import Item
from glia_sdk.capture.spill import Spill, SpillFull

ENVELOPE = 1024  # bytes of a batch beside its events and their references
REFERENCE = 256


class Outbox:
    """
    Args:
        spill: None if nothing may be kept on disk.
        limit: bytes that may wait; what is more goes to disk at once.
        lose: told of each event that can be kept nowhere.
        spilled: told of each event put on disk.
    """

    def __init__(
        self,
        spill: Spill | None,
        limit: int,
        lose: Callable[[Item, str], None],
        spilled: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spill = spill
        self._limit = limit
        self._lose = lose
        self._spilled = spilled
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[Item] = deque()
        self._flying: list[Item] = []
        self._bytes = 0
        self._look_at = 0.0
        self.changed = threading.Event()

    @property
    def bytes(self) -> int:
        return self._bytes

    @property
    def is_empty(self) -> bool:
        return not self._waiting and not self._flying

    def put(self, item: Item) -> None:
        """Adds an event. Whoever adds some sets `changed` after the last."""
        item.born = self._clock()
        size = item.size
        with self._lock:
            self._waiting.append(item)
            self._bytes += size
            is_batch = self._bytes >= BATCH_BYTES
        while self._bytes > self._limit and self._move_oldest(is_forced=True):
            pass
        if is_batch:
            self.changed.set()

    def take(self) -> list[Item]:
        """The next batch, as much as one request may hold. It is in flight until `settle` is told of it."""
        with self._lock:
            size = ENVELOPE
            while self._waiting and len(self._flying) < BATCH_EVENTS:
                item = self._waiting[0]
                size += len(item.body) + REFERENCE * (1 + len(item.blobs))
                if self._flying and size > BATCH_BYTES:
                    break
                self._flying.append(self._waiting.popleft())
            return list(self._flying)

    def settle(self, is_sent: bool) -> None:
        """The batch in flight arrived, or did not: then what is on disk stays there, and the rest waits again."""
        with self._lock:
            flying, self._flying = self._flying, []
            for item in reversed(flying):
                if is_sent or item.spilled_at is not None:
                    self._bytes -= item.size
                else:
                    self._waiting.appendleft(item)
        if is_sent and self._spill is not None:
            for item in flying:
                if item.spilled_at is not None:
                    self._spill.acknowledge(item)

    def keep_young(self, age: float) -> None:
        """Has sent what waits for a quarter of `age` seconds, and puts on disk what has waited all of it.

        To be called often; most calls only look at the clock.
        """
        now = self._clock()
        if now < self._look_at:
            return
        self._look_at = now + age / 16
        waiting = self._waiting
        if waiting and waiting[0].born <= now - age / 4:
            self.changed.set()
        self.spill_older(age)

    def spill_older(self, age: float) -> None:
        """Puts on disk what has waited longer than `age` seconds; what is in flight, too, and it stays in flight."""
        before = self._clock() - age
        while self._waiting and self._waiting[0].born <= before and self._move_oldest(is_forced=False):
            pass
        with self._lock:
            late = [item for item in self._flying if item.born <= before and item.spilled_at is None]
        for item in late:
            self._write(item)

    def _move_oldest(self, *, is_forced: bool) -> bool:
        """Moves the oldest event from memory to disk. One that must go and cannot stay is lost.

        Returns:
            Whether there is room now that was not there before.
        """
        with self._lock:
            if not self._waiting:
                return False
            item = self._waiting.popleft()
            self._bytes -= item.size
        why = self._write(item)
        if why is None:
            return True
        if is_forced:
            self._lose(item, why)
            return True
        with self._lock:
            self._waiting.appendleft(item)
            self._bytes += item.size
        return False

    def _write(self, item: Item) -> str | None:
        """Why an event could not be put on disk, or None."""
        try:
            if self._spill is None:
                return "memory_full"
            self._spill.append(item)
            self._spilled()
        except SpillFull:
            return "spill_full"
        except OSError:
            return "spill_failed"
        return None
