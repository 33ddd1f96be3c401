"""Time and ids, as arguments: tests hand in their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

Clock = Callable[[], datetime]
Monotonic = Callable[[], float]
NewId = Callable[[], UUID]


def utc_now() -> datetime:
    """The present moment, with its zone."""
    return datetime.now(UTC)


monotonic: Monotonic = time.monotonic


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): ids sort by the time they were made."""
    from uuid6 import uuid7

    return UUID(int=uuid7().int)
