"""From text to tokens: what may stay, what is replaced, and what was replaced before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from glia_wire.redaction.windows import REACH, Breathe, Rule, Shape, Span, Window

PLACEHOLDER: Final = re.compile(r"\[REDACTED:([a-z]{2,16}):([0-9]{1,6})\]")
MARK: Final = "[REDACTED:"
SHORTEST: Final = 6  # characters of the shortest secret that any rule knows
ROUNDS: Final = 4
WORD: Final = 256  # characters of a text whose reading is remembered
MOST_WORDS: Final = 4096


class Secret(NamedTuple):
    """Text that must go, and its class."""

    text: str
    secret_class: str


Token = str | Secret  # text that stays (placeholders among it), or a secret


class Scanner:
    """Splits texts by rules.

    What a rule sees beside a secret changes when the secret is replaced, so what is left is read again on its own until
    nothing is found; so redacted text redacts to itself. Text that still shows secrets after `ROUNDS` goes whole.
    """

    def __init__(self, rules: Sequence[Rule], slice_chars: int) -> None:
        self._rules = tuple(rules)
        self._plans: dict[frozenset[str], tuple[tuple[int, Rule], ...]] = {}
        self._slice = slice_chars
        self._words: set[str] = set()  # short texts without a secret: roles, models and the like come with every event

    def tokens(self, text: str, breathe: Breathe | None) -> list[Token]:
        """The text in tokens, in order. One that equals the text: there is nothing in it."""
        if len(text) < SHORTEST or text in self._words:
            return [text]
        if MARK not in text:
            found = self._settle(text, ROUNDS, breathe)
            if len(text) <= WORD and found == [text]:
                if len(self._words) >= MOST_WORDS:
                    self._words.clear()
                self._words.add(text)
            return found
        out: list[Token] = []
        begin = 0
        for kept in PLACEHOLDER.finditer(text):
            out += self._settle(text[begin : kept.start()], ROUNDS, breathe)
            out.append(kept[0])
            begin = kept.end()
        return out + self._settle(text[begin:], ROUNDS, breathe)

    def _settle(self, text: str, rounds: int, breathe: Breathe | None) -> list[Token]:
        spans = _merged(self._spans(text, breathe)) if len(text) >= SHORTEST else []
        if not spans:
            return [text] if text else []
        if not rounds:
            return [Secret(text, "secret")]
        out: list[Token] = []
        begin = 0
        for span in spans:
            out += self._settle(text[begin : span.begin], rounds - 1, breathe)
            out.append(Secret(text[span.begin : span.end], span.secret_class))
            if breathe is not None and span.begin - begin > REACH:
                breathe()
            begin = span.end
        return out + self._settle(text[begin:], rounds - 1, breathe)

    def _spans(self, text: str, breathe: Breathe | None) -> list[tuple[int, int, int, str]]:
        """(begin, end, rank of the rule, class) of all that any rule finds."""
        windows: dict[int, Window] = {}
        found: list[tuple[int, int, int, str]] = []
        for start in range(0, len(text), self._slice):
            if start and breathe is not None:
                breathe()
            stop = min(start + self._slice, len(text))
            shape = Shape(text, start, stop + REACH)
            for rank, rule in self._plans.get(shape.marks) or self._plan(shape.marks):
                window = windows.get(rank)
                if window is None:
                    window = windows[rank] = Window(text)
                if window.move(start, stop, shape):
                    for begin, end, name in rule.find(window):
                        found.append((begin, end, rank, name))
        return found

    def _plan(self, marks: frozenset[str]) -> tuple[tuple[int, Rule], ...]:
        """The rules that may find something beside such marks, with their ranks."""
        plan = tuple(
            (rank, rule)
            for rank, rule in enumerate(self._rules)
            if not rule.triggers or not rule.triggers.isdisjoint(marks)
        )
        if len(self._plans) < MOST_WORDS:
            self._plans[marks] = plan
        return plan


def _merged(found: list[tuple[int, int, int, str]]) -> list[Span]:
    """Spans in order, those that overlap made one, of the class whose rule comes first."""
    out: list[Span] = []
    best = 0
    for begin, end, rank, name in sorted(found):
        if out and begin < out[-1].end:
            last = out.pop()
            kept, best = (last.secret_class, best) if best <= rank else (name, rank)
            out.append(Span(last.begin, max(last.end, end), kept))
        else:
            out.append(Span(begin, end, name))
            best = rank
    return out


def placeholders(text: str) -> Iterator[tuple[str, int]]:
    """Class and number of each placeholder in a text."""
    if MARK in text:
        for found in PLACEHOLDER.finditer(text):
            yield found[1], int(found[2])
