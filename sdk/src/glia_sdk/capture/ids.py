"""Ids and times of events."""

from __future__ import annotations

import os
import random
import time
from datetime import UTC, datetime
from functools import lru_cache

_SECOND = 1_000_000_000  # nanoseconds
_VERSION = 0x7 << 76 | 0x2 << 62
_TAIL = 2**62 - 1
_random = random.Random()  # noqa: S311  # ids must differ, not be secret; the system's source costs a thread switch
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


def new_id() -> str:
    """A UUIDv7: 48 bits of milliseconds, then randomness."""
    noise = _random.getrandbits(74)
    text = f"{(time.time_ns() // 1_000_000) << 80 | _VERSION | (noise >> 62) << 64 | noise & _TAIL:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def timestamp(at_ns: int) -> str:
    """RFC 3339 in UTC with microseconds, of nanoseconds since 1970."""
    seconds, rest = divmod(at_ns, _SECOND)
    return f"{_moment(seconds)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=8)
def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
