"""A client of Glia's HTTP API, and the `glia` command line."""

from glia_sdk.client import Client
from glia_sdk.errors import ApiError, GliaError, NotGlia, NotLoggedIn, Unreachable
from glia_sdk.events import follow
from glia_sdk.models import Accepted, Conversation, Turn, TurnEvent

__all__ = [
    "Accepted",
    "ApiError",
    "Client",
    "Conversation",
    "GliaError",
    "NotGlia",
    "NotLoggedIn",
    "Turn",
    "TurnEvent",
    "Unreachable",
    "follow",
]
