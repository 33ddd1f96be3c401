"""Chalice, made safe for threads: locally many requests are served at once in one process."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from chalice.app import Chalice, Request

# New objects between two looks for garbage: a batch of events is many thousand, and nothing of it is garbage.
YOUNG = 20_000
# Seconds that a thread works before another has its turn. By default 5 ms: that long a database that has answered would
# wait for its next statement while another thread reads a large body.
TURN = 0.0005
_current: ContextVar[Request | None] = ContextVar("current_request", default=None)


@contextmanager
def uncollected() -> Iterator[None]:
    """Imports within it are not interrupted to look for garbage, which they make none of: a tenth of a cold start.
    Afterwards what is loaded is left out of such looks, and they are rarer."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(YOUNG)
        gc.enable()


def _expect_what_is_sent(event: Any, binary_types: list[str]) -> None:
    """Chalice answers binary bodies only to those who say that they accept them; OpenTelemetry's exporters do not."""
    headers = event.get("headers") if isinstance(event, dict) else None
    names = {name.lower(): name for name in headers or {}}
    if not headers or "content-type" not in names:
        return
    kind = headers[names["content-type"]].partition(";")[0].strip().lower()
    if kind in binary_types:
        headers[names.get("accept", "accept")] = kind


class Application(Chalice):
    """Chalice keeps the current request on the application; here each thread has its own."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        sys.setswitchinterval(TURN)

    def __call__(self, event: Any, context: Any) -> Any:
        _expect_what_is_sent(event, self.api.binary_types)
        return super().__call__(event, context)

    @property
    def current_request(self) -> Any:
        return _current.get()

    @current_request.setter
    def current_request(self, request: Request | None) -> None:
        _current.set(request)
