"""Structured JSON logs. No message text, prompt or secret ever goes into one: errors are described, not quoted."""

from __future__ import annotations

import logging
import sys
import traceback
from contextvars import ContextVar
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

FRAMES = 4


_boundary: ContextVar[tuple[str, str]] = ContextVar("boundary", default=("glia", ""))


class _Boundary(logging.Filter):
    """Puts the boundary a line was written behind, and its request id, on lines of inner modules."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.service, record.request_id = _boundary.get()
        return True


def enter(service: str, request_id: str) -> None:
    """Says behind which boundary (API or worker), and for which request, this thread works from now on."""
    _boundary.set((service, request_id))


def current_service() -> str:
    """The boundary this thread works behind."""
    return _boundary.get()[0]


def make_logger(service: str, level: str) -> Logger:
    """The Powertools logger of one boundary. Inner modules log through `logging`; their lines look the same."""
    logger = Logger(service=service, level=level)
    package = logging.getLogger("chalicelib")
    if not package.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(LambdaPowertoolsFormatter())
        handler.addFilter(_Boundary())
        package.addHandler(handler)
        package.setLevel(level)
        package.propagate = False
    return logger


def describe(error: BaseException) -> dict[str, Any]:
    """An error's type, SQL state and place, for a log line: its own words may hold a user's."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    described: dict[str, Any] = {
        "error": type(error).__name__,
        "at": [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if code := getattr(error, "sqlstate", None) or getattr(error, "code", None):
        described["code"] = code
    if cause := error.__cause__:
        described["cause"] = type(cause).__name__
    return described
