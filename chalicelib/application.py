"""Chalice, made safe for threads: locally many requests are served at once in one process."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from chalice.app import Chalice, Request

_current: ContextVar[Request | None] = ContextVar("current_request", default=None)


@contextmanager
def uncollected() -> Iterator[None]:
    """Imports within it are not interrupted to look for garbage, which they make none of: a tenth of a cold start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class Application(Chalice):
    """Chalice keeps the current request on the application; here each thread has its own."""

    @property
    def current_request(self) -> Any:
        return _current.get()

    @current_request.setter
    def current_request(self, request: Request | None) -> None:
        _current.set(request)
