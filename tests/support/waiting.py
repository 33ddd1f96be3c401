"""Waiting for what happens elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE = 60.0


def until(holds: Callable[[], Any], seconds: float = PATIENCE, pause: float = 0.05) -> Any:
    """The first true value of `holds`. It is asked with pauses, because what it waits for needs the processor too."""
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(pause)
    return value
