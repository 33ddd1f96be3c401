"""Glia for programs: `import glia_sdk as glia` records what a program's AI steps do; `Client` speaks the HTTP API.

    glia.init()
    with glia.run("nightly report"):
        ...

Nothing is loaded before it is used: `import glia_sdk` costs a program next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glia_sdk.capture.api import (
        flush,
        init,
        lambda_handler,
        shutdown,
        stats,
    )
    from glia_sdk.capture.context import wrap
    from glia_sdk.capture.counting import Stats
    from glia_sdk.capture.errors import CaptureFailed
    from glia_sdk.capture.instruments.table import Instrument, instrument
    from glia_sdk.capture.kinds import agent, model, planner, retriever, safety, tool, validator
    from glia_sdk.capture.propagation import environment, headers
    from glia_sdk.capture.runs import run
    from glia_sdk.capture.settings import SigningKey
    from glia_sdk.capture.steps import Step
    from glia_sdk.client import Client
    from glia_sdk.errors import ApiError, GliaError, NotGlia, NotLoggedIn, Unreachable
    from glia_sdk.events import follow
    from glia_sdk.models import Accepted, Conversation, Turn, TurnEvent

_PLACES = {
    "capture.api": ("flush", "init", "lambda_handler", "shutdown", "stats"),
    "capture.context": ("wrap",),
    "capture.counting": ("Stats",),
    "capture.errors": ("CaptureFailed",),
    "capture.instruments.table": ("Instrument", "instrument"),
    "capture.kinds": ("agent", "model", "planner", "retriever", "safety", "tool", "validator"),
    "capture.propagation": ("environment", "headers"),
    "capture.runs": ("run",),
    "capture.settings": ("SigningKey",),
    "capture.steps": ("Step",),
    "client": ("Client",),
    "errors": ("ApiError", "GliaError", "NotGlia", "NotLoggedIn", "Unreachable"),
    "events": ("follow",),
    "models": ("Accepted", "Conversation", "Turn", "TurnEvent"),
}
_FOUND_IN = {name: place for place, names in _PLACES.items() for name in names}

__all__ = [
    "Accepted",
    "ApiError",
    "CaptureFailed",
    "Client",
    "Conversation",
    "GliaError",
    "Instrument",
    "NotGlia",
    "NotLoggedIn",
    "SigningKey",
    "Stats",
    "Step",
    "Turn",
    "TurnEvent",
    "Unreachable",
    "agent",
    "environment",
    "flush",
    "follow",
    "headers",
    "init",
    "instrument",
    "lambda_handler",
    "model",
    "planner",
    "retriever",
    "run",
    "safety",
    "shutdown",
    "stats",
    "tool",
    "validator",
    "wrap",
]


def __getattr__(name: str) -> Any:
    if name not in _FOUND_IN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_FOUND_IN[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
