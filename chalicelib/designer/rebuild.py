"""A session's state from its events, from the beginning: every turn is a patch that gives the same again. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from chalicelib.designer import dialogue
from chalicelib.designer.models import DesignState, Extraction, StageName, Status
from chalicelib.designer.tools.catalogue import Catalogue, catalogue
from chalicelib.designer.tools.models import Tool


class Event(Protocol):
    """As `store.Event`."""

    @property
    def kind(self) -> str: ...
    @property
    def patch(self) -> dict[str, Any] | None: ...
    @property
    def version(self) -> int: ...


def replayed(events: Iterable[Event], own_tools: Iterable[Tool] = ()) -> DesignState:
    """The state that a session's events lead to, from the beginning.

    Args:
        own_tools: the user's own tools as they were.
    """
    tools = catalogue(own_tools)
    state, _ = dialogue.start()
    for event in events:
        state = _replayed(state, event, tools)
    return state


def _replayed(state: DesignState, event: Event, tools: Catalogue) -> DesignState:
    patch = event.patch or {}
    match event.kind:
        case "imported":
            return DesignState.model_validate(patch["state"])
        case "message":
            return dialogue.take_turn(state, Extraction.model_validate(patch), tools).state
        case "edited":
            return dialogue.edit(state, patch["fields"], tools)[0]
        case "undone":
            return dialogue.undo(state)
        case "reopened":
            return dialogue.reopen(state, StageName(patch["stage"]))
        case "completed":
            return dialogue.complete(state)
        case "abandoned":
            return state.model_copy(update={"status": Status.ABANDONED, "version": state.version + 1})
        case "resumed" if event.version != state.version:
            after = state.model_copy(update={"status": Status.ACTIVE, "version": state.version + 1})
            dialogue.settle(after)
            return after
    return state
