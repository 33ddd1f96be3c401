"""The contract of an instrument, which records what a package does from outside, and where instruments are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from typing import Protocol

from glia_sdk.capture.instruments.loading import when_loaded

GROUP = "glia.instruments"  # of entry points: installed packages that bring an instrument
BUILT_IN = {"openai": "glia_sdk.capture.instruments.openai:OpenAI"}


class Instrument(Protocol):
    """Records what a package does, without a change to the program that uses it.

    Attributes:
        package: as it is imported.
    """

    @property
    def package(self) -> str: ...

    def apply(self) -> None:
        """Wraps the package's functions, or subscribes to its callbacks. The package is loaded by then. Called again,
        it does nothing."""


class UnknownInstrument(LookupError):
    """Nothing that is installed brings an instrument of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no instrument is called {name!r}; built in: {', '.join(BUILT_IN)}; others are entry points "
                         f"in the group {GROUP!r}")  # fmt: skip


def instrument(*chosen: str | Instrument) -> None:
    """Records packages from now on: each at once if it is loaded, else as soon as it is.

    Args:
        chosen: instruments, or names of built-in and installed ones.

    Raises:
        UnknownInstrument
    """
    for one in _found(chosen):
        when_loaded(one.package, one.apply)


def _found(chosen: Iterable[str | Instrument]) -> list[Instrument]:
    return [named(one) if isinstance(one, str) else one for one in chosen]


@cache
def named(name: str) -> Instrument:
    """
    Raises:
        UnknownInstrument
    """
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        made: Callable[[], Instrument] = getattr(import_module(module), attribute)
        return made()
    from importlib.metadata import entry_points

    for found in entry_points(group=GROUP, name=name):
        brought: Callable[[], Instrument] = found.load()
        return brought()
    raise UnknownInstrument(name)
