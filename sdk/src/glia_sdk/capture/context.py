"""Where in which run the program is: one context variable, which asyncio and `glia.wrap` carry along."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, TypeVar

if TYPE_CHECKING:
    from glia_sdk.capture.runs import Run

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Place(NamedTuple):
    """A run, and the step in it that is under way."""

    run: Run
    step_id: str | None


PLACE: ContextVar[Place | None] = ContextVar("glia_place", default=None)


def wrap(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """The function as it is to be called in another thread: with the run and the step that are current here."""
    context = copy_context()

    def called(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        return context.copy().run(function, *args, **kwargs)

    return called
