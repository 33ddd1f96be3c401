"""Redaction of a whole batch at the price of a few: most events hold no secret, and one look at all texts shows it.

What the gate knows by keys and numbers is asked event by event; its rules of texts read the texts of many events at
once, set apart by a mark that no rule reads across. Only where something is found is every event of that group redacted
by itself, so the outcome is always that of the gate alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from glia_wire.redaction import Gate, Redacted, RedactionFailed

GROUP = 48 * 1024  # characters of text looked at in one go
APART = "\n" + 32 * "\x01" + "\n"  # longer than what rules look back at
Breathe = Any


class _Collecting(Gate):
    """A gate that reads no text, but gathers what it would have read."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def read(self, text: str, breathe: Breathe, counts: Counter[str]) -> list[Any]:
        self.texts.append(text)
        return [text]


class Screen:
    """
    Args:
        gate: of the built-in rules, without hooks and lists of keys.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def redact(self, values: Sequence[Any]) -> list[Redacted | None]:
        """Each value as the gate would have it; None where it fails."""
        out: list[Redacted | None] = []
        group: list[Any] = []
        collecting, size = _Collecting(), 0
        for value in values:
            gathered = len(collecting.texts)
            group.append((value, self._by_keys(collecting, value)))
            size += sum(map(len, collecting.texts[gathered:]))
            if size > GROUP:
                out += self._settled(group, collecting.texts)
                group, size, collecting.texts = [], 0, []
        return out + self._settled(group, collecting.texts)

    def _by_keys(self, collecting: _Collecting, value: Any) -> bool:
        """Whether keys and numbers say nothing."""
        try:
            return not collecting.redact(value).counts
        except RedactionFailed:
            return False

    def _settled(self, group: list[tuple[Any, bool]], texts: list[str]) -> list[Redacted | None]:
        is_clean = not self._gate.redact_text(APART.join(texts)).counts
        return [
            Redacted(value, {}) if is_clean and says_nothing else self._alone(value) for value, says_nothing in group
        ]

    def _alone(self, value: Any) -> Redacted | None:
        try:
            return self._gate.redact(value)
        except RedactionFailed:
            return None
