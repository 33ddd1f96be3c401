"""Redaction of a whole batch at the price of a few: most events hold no secret, and one look at all texts shows it.

Of each event the texts are gathered, unless a key or a number of it says something. The gate reads the texts of many
events at once, set apart by a mark that no rule reads across. Only where it finds something is every event of that
group redacted by itself, so the outcome is always that of the gate alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from glia_wire.redaction import Gate, Redacted, RedactionFailed
from glia_wire.redaction.gate import is_plain_number
from glia_wire.redaction.scanner import MOST_WORDS, SHORTEST, WORD

GROUP = 48 * 1024  # characters of text looked at in one go
APART = "\n" + 32 * "\x01" + "\n"  # longer than what rules look back at
MAX_DEPTH = 100  # what is deeper is left to the gate


class Screen:
    """
    Args:
        gate: of the built-in rules, without hooks and lists of keys.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._words: set[str] = set()  # short texts without a secret: names and roles come with every event

    def redact(self, values: Iterable[Any]) -> Iterator[Redacted | None]:
        """Each value as the gate would have it; None where it fails. Takes a group of them at a time."""
        group: list[tuple[Any, bool]] = []
        texts: list[str] = []
        size = 0
        for value in values:
            gathered = len(texts)
            group.append((value, self._gather(value, texts)))
            size += sum(map(len, texts[gathered:]))
            if size > GROUP:
                yield from self._settled(group, texts)
                group, texts, size = [], [], 0
        yield from self._settled(group, texts)

    def _gather(self, value: Any, texts: list[str]) -> bool:
        """Adds the texts of a value that have to be read. False: only the gate can tell what it holds."""
        level: list[Any] = [[value]]
        for _ in range(MAX_DEPTH):
            deeper: list[Any] = []
            for one in level:
                if not self._look(one, texts, deeper):
                    return False
            if not deeper:
                return True
            level = deeper
        return False

    def _look(self, container: Any, texts: list[str], deeper: list[Any]) -> bool:
        """The same of the members of an object or a list; those that have members themselves go to `deeper`."""
        if type(container) is dict:
            if not self._gate.is_plain_object(container):
                return False
            container = container.values()
        for member in container:
            kind = type(member)
            if kind is str:
                if len(member) > WORD or (len(member) >= SHORTEST and member not in self._words):
                    texts.append(member)
            elif kind is dict or kind is list:
                deeper.append(member)
            elif not _is_plain(member, kind):
                return False
        return True

    def _settled(self, group: list[tuple[Any, bool]], texts: list[str]) -> list[Redacted | None]:
        is_clean = not texts or not self._gate.redact_text(APART.join(texts)).counts
        if is_clean and len(self._words) < MOST_WORDS:
            self._words.update(text for text in texts if len(text) <= WORD)
        return [Redacted(value, {}) if is_clean and is_read else self._alone(value) for value, is_read in group]

    def _alone(self, value: Any) -> Redacted | None:
        try:
            return self._gate.redact(value)
        except RedactionFailed:
            return None


def _is_plain(value: Any, kind: type) -> bool:
    return is_plain_number(value) if kind is int else value is None or kind is bool or kind is float
