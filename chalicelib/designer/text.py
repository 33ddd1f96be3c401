"""Words and clauses of what a user writes, with their places.

All offsets are half-open Unicode code points. Every pass is linear: patterns repeat a bounded number of times only.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

from chalicelib.designer.models import LONGEST_TEXT, Span
from chalicelib.patterns import regex

_WORD = regex(r"[^\W_]{1,60}(?:['’][a-zA-Z]{1,3}\b|[+#]{1,2}(?!\w))?")
_SENTENCE_END = regex(
    r"[.!?…。！？](?=[\s\"'”’)\]]|\Z)|[\n\r;•\u2028]|,(?=\s(?:(?:and|but) )?(?:be|no tools|without tools|use|using|also"
    r"|it should|it must|it can|never|don't|do not|speaks?|call it|make it|keep it|(?:in"
    r"|with) an?(?: [a-z]{1,15}){1,3} (?:tone|voice|style))\b)|\A[-*] |(?<=\n)[-*] "
)
_ABBREVIATIONS = ("e.g.", "i.e.", "etc.", "vs.", "mr.", "mrs.", "dr.", "approx.")
_EDGE = " \t\r\n\f\v\u00a0,;:–—-*•\"“”'.!?"
_OPENING, _CLOSING = " \t\r\n\f\v\u00a0,;:–—-*•.!?", " \t\r\n\f\v\u00a0,;:–—-*•.!?"

Entry = TypeVar("Entry")


class Word(NamedTuple):
    """A word in lower case, its apostrophe straight, and where it stands."""

    text: str
    start: int
    end: int


class Match(NamedTuple, Generic[Entry]):
    """An entry of a gazetteer found in words `first` to `last` (half-open)."""

    entry: Entry
    first: int
    last: int


def vocabulary(text: str) -> frozenset[str]:
    """The words of a table, one or several a line."""
    return frozenset(text.split())


def words(text: str) -> list[Word]:
    return [Word(m[0].lower().replace("’", "'"), m.start(), m.end()) for m in _WORD.finditer(text)]


def span(text: str, start: int, end: int) -> Span:
    """The span without white space and joining punctuation at its ends, cut to the longest value."""
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip(_OPENING))
    piece = piece.strip(_OPENING)[:LONGEST_TEXT].rstrip(_CLOSING)
    return Span(text=piece, start=start, end=start + len(piece))


def word_span(text: str, found: Sequence[Word]) -> Span:
    return Span(text=text[found[0].start : found[-1].end], start=found[0].start, end=found[-1].end)


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Half-open spans of sentences, lines and list items, those without a word left out."""
    begin = 0
    for found in _SENTENCE_END.finditer(text):
        if found[0] == "." and text[max(0, found.end() - 7) : found.end()].lower().endswith(_ABBREVIATIONS):
            continue
        if _WORD.search(text, begin, found.end()):
            yield begin, found.end()
        begin = found.end()
    if _WORD.search(text, begin):
        yield begin, len(text)


def within(found: Sequence[Word], start: int, end: int) -> list[Word]:
    """The words that stand wholly inside a span; `found` is in reading order."""
    first = bisect_left(found, start, key=lambda word: word.start)
    last = bisect_left(found, end, key=lambda word: word.start)
    return [word for word in found[first:last] if word.end <= end]


class Gazetteer(Generic[Entry]):
    """Phrases, each standing for an entry; found longest first from left to right, in one pass.

    Args:
        others: whose phrases it has, too, after its own where both have one.
    """

    def __init__(self, phrases: Iterable[tuple[str, Entry]], others: Gazetteer[Entry] | None = None) -> None:
        added: dict[str, list[tuple[tuple[str, ...], Entry]]] = {}
        for phrase, entry in phrases:
            parts = tuple(word.text for word in words(phrase))
            if parts:
                added.setdefault(parts[0], []).append((parts, entry))
        self._by_first: dict[str, list[tuple[tuple[str, ...], Entry]]] = dict(others._by_first) if others else {}
        for first, options in added.items():
            self._by_first[first] = sorted([*options, *self._by_first.get(first, ())], key=lambda one: -len(one[0]))

    def find(self, found: Sequence[Word]) -> list[Match[Entry]]:
        matches: list[Match[Entry]] = []
        last = 0
        for index, word in enumerate(found):
            if index >= last and word.text in self._by_first and (match := self._at(found, index)):
                matches.append(match)
                last = match.last
        return matches

    def _at(self, found: Sequence[Word], index: int) -> Match[Entry] | None:
        """At a word that begins some phrase."""
        for parts, entry in self._by_first[found[index].text]:
            if tuple(word.text for word in found[index : index + len(parts)]) == parts:
                return Match(entry, index, index + len(parts))
        return None

    @property
    def single_words(self) -> Mapping[str, Entry]:
        """Phrases of one word, for near misses."""
        return {parts[0]: entry for options in self._by_first.values() for parts, entry in options if len(parts) == 1}


NEAR = 84  # of 100: `slak` and `gihtub` pass, `sheet` and `sleet` do not where both are words
SHORTEST_NEAR = 4


@lru_cache(maxsize=2048)
def near(word: str, known: tuple[str, ...], cutoff: int = NEAR) -> str | None:
    """The known word that was probably meant, by edits with swaps, or None. Words of other first letters are out."""
    from rapidfuzz.distance import OSA

    if len(word) < SHORTEST_NEAR:
        return None
    best, best_share = None, cutoff / 100
    for other in known:
        if other[0] != word[0] or abs(len(other) - len(word)) > 2:
            continue
        edits = OSA.distance(word, other, score_cutoff=2)
        share = 1 - edits / max(len(word), len(other))
        allowed = 1 if len(word) < 8 else 2
        if 0 < edits <= allowed and share >= min(best_share, 0.75):
            best, best_share = other, max(share, best_share)
    return best
