"""Which new draft is which card that is already there: by kind, evidence and text. Pure and deterministic.

Drafts and cards with the same key (kind and words) belong together whatever they cite. The others are paired by score,
best first:

    score = KIND (the same kind) + EVIDENCE * overlap of the cited characters + TEXT * overlap of the words

Overlaps are Jaccard's, 0 to 1. A pair below `THRESHOLD` is none: the same words must be cited at least in part, since
kind and text alone do not reach it. What a deleted card's evidence covers is kept out by `is_covered`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from chalicelib.cards.models import CardKind
from chalicelib.patterns import regex

KIND, EVIDENCE, TEXT = 0.2, 0.5, 0.3
THRESHOLD = 0.55
COVERED = 0.5  # of the shorter evidence

_WORD = regex(r"\w+")


class Place(Protocol):
    """Half-open code-point offsets into a message."""

    @property
    def message_id(self) -> int: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


class Candidate(NamedTuple):
    """A draft or a card, as far as matching needs it. Candidates are given in order of preference."""

    key: bytes
    kind: CardKind
    text: str
    evidence: Sequence[Place]


def match(new: Sequence[Candidate], old: Sequence[Candidate]) -> dict[int, int]:
    """Which old card each new draft is: indices of `new` to indices of `old`, one to one."""
    matched = _same_key(new, old)
    taken = set(matched.values())
    scores = sorted(
        (-score, there, here)
        for here, there in _touching(new, old)
        if here not in matched and there not in taken and (score := _score(new[here], old[there])) >= THRESHOLD
    )
    for _, there, here in scores:
        if here not in matched and there not in taken:
            matched[here] = there
            taken.add(there)
    return matched


def _same_key(new: Sequence[Candidate], old: Sequence[Candidate]) -> dict[int, int]:
    first: dict[bytes, int] = {}
    for index, card in enumerate(old):
        if card.key:
            first.setdefault(card.key, index)
    return {index: first[draft.key] for index, draft in enumerate(new) if draft.key in first}


def _touching(new: Sequence[Candidate], old: Sequence[Candidate]) -> set[tuple[int, int]]:
    """Pairs that cite a common message."""
    citing: dict[int, list[int]] = {}
    for index, card in enumerate(old):
        for place in card.evidence:
            citing.setdefault(place.message_id, []).append(index)
    return {
        (index, other)
        for index, draft in enumerate(new)
        for place in draft.evidence
        for other in citing.get(place.message_id, ())
    }


def _score(new: Candidate, old: Candidate) -> float:
    shared = _shared(new.evidence, old.evidence)
    union = _length(new.evidence) + _length(old.evidence) - shared
    score = KIND * (new.kind is old.kind) + EVIDENCE * shared / union + TEXT * _similarity(new.text, old.text)
    return round(score, 9)


def is_covered(evidence: Sequence[Place], deleted: Sequence[Place]) -> bool:
    """Whether evidence is what a deleted card rested on: the shorter of the two lies in the other by half or more."""
    shared = _shared(evidence, deleted)
    return shared > 0 and shared >= COVERED * min(_length(evidence), _length(deleted))


def _similarity(one: str, other: str) -> float:
    words, others = set(_WORD.findall(one.casefold())), set(_WORD.findall(other.casefold()))
    union = words | others
    return len(words & others) / len(union) if union else 1.0


def _length(evidence: Iterable[Place]) -> int:
    return sum(place.end - place.start for place in evidence)


def _shared(one: Sequence[Place], other: Sequence[Place]) -> int:
    """Characters that both cite."""
    return sum(
        max(0, min(a.end, b.end) - max(a.start, b.start)) for a in one for b in other if a.message_id == b.message_id
    )


class HasCitations(Protocol):
    @property
    def citations(self) -> Sequence[Place]: ...


def agree(one: Sequence[HasCitations], other: Sequence[HasCitations]) -> float:
    """How far two extractions of the same messages rest on the same words, 0 to 1 (Dice): twice the number of cards
    that have a counterpart covering their evidence, over the number of all; 1 if both are empty."""
    if not one and not other:
        return 1.0
    met = sum(any(is_covered(a.citations, b.citations) for b in other) for a in one)
    met += sum(any(is_covered(b.citations, a.citations) for a in one) for b in other)
    return round(met / (len(one) + len(other)), 4)
