"""Events on their way to the server, in batches, with patience."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from glia_wire.events import BATCH_BYTES, BATCH_EVENTS

from glia_sdk.capture.counting import Counts, Stats
from glia_sdk.capture.delivery import Delivery, Later
from glia_sdk.capture.records import Item
from glia_sdk.capture.transport import Transport
from glia_sdk.errors import GliaError, Unreachable

TRIES = 6  # of a batch
LONGEST_WAIT = 60.0  # seconds, whatever the server asks for
ENVELOPE = 512  # bytes around the events of a body, and of references to their artifacts


class NotTaken(GliaError):
    """The server takes no events of this user's."""


class Sending:
    """
    Args:
        sleep: waits some seconds.
    """

    def __init__(self, transport: Transport, token: str, sleep: Callable[[float], None]) -> None:
        self._counts = Counts()
        self._delivery = Delivery(transport, token, self._counts, self._lose, _one_by_one)
        self._sleep = sleep
        self._waiting: list[Item] = []
        self._size = 0

    @property
    def stats(self) -> Stats:
        """What the server said so far."""
        return self._counts.stats(0)

    def add(self, item: Item) -> None:
        """Takes an event; sends those before it if it has no place with them.

        Raises:
            GliaError: the server cannot be reached, or takes nothing.
        """
        if len(self._waiting) == BATCH_EVENTS or self._size + item.size > BATCH_BYTES - ENVELOPE:
            self.flush()
        self._waiting.append(item)
        self._size += item.size + 1

    def flush(self) -> None:
        """Sends what waits.

        Raises:
            GliaError: as `add`.
        """
        if self._waiting:
            self._deliver(self._waiting)
        self._waiting, self._size = [], 0

    def _deliver(self, items: Sequence[Item]) -> None:
        for failures in range(1, TRIES + 1):
            try:
                self._delivery.deliver(items)
                return
            except Later as later:
                if later.is_refusal:
                    raise NotTaken("the server does not take events from here: log in again, or update it") from None
                if failures < TRIES:
                    self._sleep(min(2.0 ** (failures - 1) if later.after is None else later.after, LONGEST_WAIT))
        raise Unreachable("the server does not answer; what it has is kept, and the same command sends the rest")

    def _lose(self, item: Item, reason: str) -> None:
        self._counts.add_named("lost", reason)


def _one_by_one(calls: Sequence[Callable[[], None]]) -> None:
    for call in calls:
        call()


def told(stats: Stats) -> dict[str, Any]:
    """As a report shows it."""
    return {
        "receipts": stats.receipts, "rejected": stats.rejected, "refused": stats.lost, "artifacts": stats.artifacts,
        "refused_artifacts": stats.lost_payloads,
    }  # fmt: skip
