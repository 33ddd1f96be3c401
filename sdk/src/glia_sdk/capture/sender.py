"""The thread that sends: what is in memory first, then what is on disk; after a failure it waits, longer each time."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator

from glia_wire.events import BATCH_BYTES, BATCH_EVENTS

from glia_sdk.capture.delivery import LONGEST_PAUSE, REPAIR_PAUSE, Delivery, Later
from glia_sdk.capture.losses import Losses
from glia_sdk.capture.outbox import ENVELOPE, REFERENCE, Outbox
from glia_sdk.capture.records import Item
from glia_sdk.capture.spill import Spill

FIRST_PAUSE, LONGEST_BACKOFF = 0.5, 30.0  # seconds
IDLE = 5.0


class Sender:
    """
    Args:
        recovered: called when a batch has arrived; there may be losses to tell of.
    """

    def __init__(
        self,
        outbox: Outbox,
        spill: Spill | None,
        delivery: Delivery,
        losses: Losses,
        recovered: Callable[[], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._outbox = outbox
        self._spill = spill
        self._delivery = delivery
        self._losses = losses
        self._recovered = recovered
        self._clock = clock
        self._jitter = jitter
        self._failures = 0
        self._not_before = 0.0
        self._stopped = False
        self._settled = threading.Condition()
        self.urged = threading.Event()

    @property
    def is_down(self) -> bool:
        return self._failures > 0

    @property
    def _has_spilled(self) -> bool:
        return self._spill is not None and self._spill.is_pending

    @property
    def has_left_nothing(self) -> bool:
        return self._outbox.is_empty and not self._has_spilled

    def run(self) -> None:
        """Until the process ends, or `stop`."""
        while not self._stopped:
            self._wait()
            if not self._stopped:
                self.send_once()

    def stop(self) -> None:
        self._stopped = True
        self._outbox.changed.set()
        self.urged.set()

    def urge(self) -> None:
        """Does not wait for the end of a pause."""
        self.urged.set()
        self._outbox.changed.set()

    def send_once(self) -> None:
        """Sends a batch of memory or, if there is none, a segment of the disk."""
        self._outbox.changed.clear()
        try:
            if batch := self._outbox.take():
                self._send(batch)
            elif self._has_spilled:
                self._resend()
        except Later as later:
            self._fail(later)
        except Exception:  # noqa: BLE001  # this thread must live; what it could not send stays
            self._losses.warn("sender", "a batch could not be sent")
            self._fail(Later())
        finally:
            with self._settled:
                self._settled.notify_all()

    def wait_until(self, is_done: Callable[[], bool], deadline: float) -> bool:
        """Waits until something is so, at most until a time of the clock."""
        with self._settled:
            while not is_done():
                left = deadline - self._clock()
                if left <= 0:
                    return False
                self._settled.wait(min(left, 0.05))
        return True

    def _send(self, batch: list[Item]) -> None:
        is_sent = False
        try:
            self._delivery.deliver(batch)
            is_sent = True
        finally:
            self._outbox.settle(is_sent)
        self._succeed()

    def _resend(self) -> None:
        assert self._spill is not None
        paths = self._spill.waiting()
        if not paths:
            return
        for batch in _batches(self._spill.read(paths[0])):
            self._delivery.deliver(batch)
            for item in batch:
                self._spill.acknowledge(item)
            self._succeed()
        self._spill.remove(paths[0])

    def _succeed(self) -> None:
        self._failures = 0
        self._not_before = 0.0
        self._recovered()

    def _fail(self, later: Later) -> None:
        self._failures += 1
        self.urged.clear()
        backoff = FIRST_PAUSE * 2 ** min(self._failures - 1, 10) * (0.5 + self._jitter() / 2)
        pause = min(backoff, LONGEST_BACKOFF) if later.after is None else min(later.after, LONGEST_PAUSE)
        self._not_before = self._clock() + pause
        if later.is_refusal:
            self._losses.warn("refused", f"the server refuses; trying again in {REPAIR_PAUSE:.0f} s; logged in?")

    def _wait(self) -> None:
        """Until there is something to send, and it may be sent."""
        while not self._stopped and not self.urged.is_set() and (pause := self._not_before - self._clock()) > 0:
            self.urged.wait(pause)
        self.urged.clear()
        while not self._stopped and self._outbox.is_empty and not self._has_spilled:
            self._outbox.changed.wait(IDLE)
            self._outbox.changed.clear()


def _batches(items: Iterator[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    size, held = ENVELOPE, 0
    for item in items:
        more = len(item.body) + REFERENCE * (1 + len(item.blobs))
        if batch and (size + more > BATCH_BYTES or held + item.size > 2 * BATCH_BYTES or len(batch) == BATCH_EVENTS):
            yield batch
            batch, size, held = [], ENVELOPE, 0
        batch.append(item)
        size, held = size + more, held + item.size
    if batch:
        yield batch
