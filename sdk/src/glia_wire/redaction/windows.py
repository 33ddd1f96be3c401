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


class Low:
    """The text from `offset` on in lower case, position by position; made when first asked for."""

    def __init__(self, text: str, offset: int, end: int) -> None:
        self._text, self.offset, self._end = text, offset, end
        self._made: str | None = None

    def find(self, word: str, start: int, end: int) -> int:
        """As `str.find` on the whole text."""
        if self._made is None:
            # The one character that grows when it is lowered would shift all that follow.
            self._made = self._text[self.offset : self._end].replace("\u0130", "i").lower()
        found = self._made.find(word, start - self.offset, end - self.offset)
        return found if found < 0 else found + self.offset


class Window:
    """What a rule is asked: the spans anchored in `text[start:stop]`; it may look on to `end`, and back at will.

    `reached` is the rule's own: nothing before it is looked at again.
    """

    __slots__ = ("end", "low", "reached", "start", "stop", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.reached = 0
        self.start = self.stop = self.end = 0
        self.low: Low

    def move(self, start: int, stop: int, low: Low) -> bool:
        """Takes the next window. False: what was found before covers it."""
        self.start = max(start, self.reached)
        self.stop, self.low = stop, low
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

    def low_hits(self, word: str) -> Iterator[int]:
        """As `hits`, in any case; `word` is lower-case."""
        low, end = self.low, min(self.end, self.stop + len(word) - 1)
        at = low.find(word, self.start, end)
        while at >= 0:
            yield at
            at = low.find(word, at + 1, end)


class Finder(Protocol):
    """Finds one kind of secret. Must decide within `REACH` characters of its anchor, in linear time."""

    def __call__(self, window: Window) -> Iterator[Span]: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the gate: a name for people, and its finder. Earlier rules win where spans overlap."""

    name: str
    find: Finder


Breathe = Callable[[], None]
