"""Where rules look: one text, a window at a time, so that no stall is long."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

SLICE: Final = 64 * 1024  # characters between two breaths
REACH: Final = 4096  # characters after its anchor that a rule may need to decide


# Where a word may begin: after anything but a letter or digit, or after a line break or tab that JSON has escaped.
EDGE: Final = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"


def is_edge(text: str, at: int) -> bool:
    """Whether a word may begin at a position, as `EDGE` says."""
    return at <= 0 or not text[at - 1].isalnum() or (text[at - 1] in "nrt" and text[max(0, at - 2) : at - 1] == "\\")


class Span(NamedTuple):
    """`text[begin:end]` is one secret of a class."""

    begin: int
    end: int
    secret_class: str


_SHAPE: Final = bytes(48 if 48 <= code <= 57 else code + 32 if 65 <= code <= 90 else code for code in range(256))
_TRIGGERS: Final = "-_@%:=/\\0z"
_CAPITALS: Final = "IGJ"


class Shape:
    """A part of the text, position by position: letters small, digits `0`, what is not ASCII `?`. Cheap to search.

    `marks` are the characters of `_TRIGGERS` that are in it, and those of `_CAPITALS` that are in the text.
    """

    __slots__ = ("marks", "offset", "text")

    def __init__(self, text: str, start: int, end: int) -> None:
        self.offset = max(0, start - 64)
        part = text[self.offset : end]
        self.marks = {mark for mark in _CAPITALS if mark in part}
        if not part.isascii():
            part = part.replace("\u00a0", " ").replace("\u2011", "-")
        self.text = part.encode("ascii", "replace").translate(_SHAPE).decode("latin-1")
        self.marks |= {mark for mark in _TRIGGERS if mark in self.text}


class Window:
    """What a rule is asked: the spans anchored in `text[start:stop]`; it may look on to `end`, and back at will.

    `reached` is the rule's own: nothing before it is looked at again.
    """

    __slots__ = ("end", "reached", "shape", "start", "stop", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.reached = 0
        self.start = self.stop = self.end = 0
        self.shape: Shape

    def move(self, start: int, stop: int, shape: Shape) -> bool:
        """Takes the next window. False: what was found before covers it."""
        self.start = max(start, self.reached)
        self.stop, self.shape = stop, shape
        self.end = min(stop + REACH, len(self.text))
        return self.start < stop

    def matches(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """The pattern's matches that begin in the window, each whole, however far it runs."""
        for match in pattern.finditer(self.text, self.start, self.end):
            whole = match
            if match.start() >= self.stop:
                return
            if match.end() == self.end < len(self.text):
                again = pattern.match(self.text, match.start())
                if again is None:
                    continue
                whole = again
            self.reached = whole.end()
            yield whole

    def hits(self, word: str) -> Iterator[int]:
        """Where a literal begins in the window. A hit before `reached`, raised in between, is passed over."""
        text, end = self.text, min(self.end, self.stop + len(word) - 1)
        at = text.find(word, self.start, end)
        while at >= 0:
            yield at
            at = text.find(word, max(at + 1, self.reached), end)

    def shapes(self, pattern: re.Pattern[str]) -> Iterator[tuple[int, int]]:
        """Where a pattern of the shape matches: begins in the window, ends at the latest where the shape does."""
        offset = self.shape.offset
        for match in pattern.finditer(self.shape.text, self.start - offset):
            begin = match.start() + offset
            if begin >= self.stop:
                return
            if begin >= self.reached:
                yield begin, match.end() + offset


class Finder(Protocol):
    """Finds one kind of secret. Must decide within `REACH` characters of its anchor, in linear time."""

    def __call__(self, window: Window) -> Iterator[Span]: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the gate: a name for people, and its finder. Earlier rules win where spans overlap.

    `triggers`: characters of `-_@%:=/\\zIGJ` and `0` (any digit) without one of which the rule finds nothing; none: it
    is always asked.
    """

    name: str
    find: Finder
    triggers: frozenset[str] = frozenset()


Breathe = Callable[[], None]
