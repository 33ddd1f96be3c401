"""A process that ends at a crash point."""

from __future__ import annotations


class Crash(BaseException):
    """The process is gone. Nothing may catch it."""
