"""Ids and times of events."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

_SECOND = 1_000_000_000  # nanoseconds


def new_id() -> str:
    """A UUIDv7: 48 bits of milliseconds, then randomness."""
    milliseconds = time.time_ns() // 1_000_000
    noise = int.from_bytes(os.urandom(10), "big")
    bits = (
        (milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | (noise >> 62 & 0xFFF) << 64 | 0x2 << 62 | noise & (2**62 - 1)
    )
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def timestamp(at_ns: int) -> str:
    """RFC 3339 in UTC with microseconds, of nanoseconds since 1970."""
    seconds, rest = divmod(at_ns, _SECOND)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"
