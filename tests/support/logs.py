"""Watching logs for what must not be in them."""

from __future__ import annotations

import logging

# Words that the tests say, ask models and are; and how every credential begins.
CANARIES = (
    "I decided",
    "Do we need",
    "I prefer",
    "We should email",
    "zanzibar",
    "alabaster",
    "bergamot",
    "hunter2",
    "Bearer ",
    "glia_",
    "eyJ",
)
HARMLESS = ("glia_app", "glia_owner", "glia_system")


def leaks_in(text: str) -> list[str]:
    """The canaries that a text holds."""
    for name in HARMLESS:
        text = text.replace(name, "")
    return [canary for canary in CANARIES if canary in text]


class LogWatch(logging.Handler):
    """Keeps where a line with a canary was written, and which."""

    def __init__(self) -> None:
        super().__init__()
        self.leaks: list[str] = []
        self.lines = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += 1
        if found := leaks_in(f"{record.getMessage()} {vars(record)}"):
            self.leaks.append(f"{record.filename}:{record.lineno} {found}")
