"""Which newer card takes an older one back, by reviewed English cues. Pure.

A newer card supersedes an older one of the same topic where both are plans (decision, preference, action) or of one
other kind, questions apart, and either the newer one says what it
gives up ("instead of Redis", "no longer use Redis", "from Redis to Valkey") and the older speaks of just that; or it
takes back in general ("actually", "on second thought") or one of the two negates, and they share most of their words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from chalicelib.cards.models import CardKind
from chalicelib.patterns import regex

PLANS = frozenset({CardKind.DECISION, CardKind.PREFERENCE, CardKind.ACTION})
CLAIMS = PLANS | {CardKind.FACT, CardKind.INSIGHT}
SHARED_WORDS, SHARED_SHARE = 2, 0.5  # of the card with fewer words
LONGEST_OBJECT = 4  # words after a cue that may name what is given up
MAX_WORDS = 24

_GIVEN_UP = regex(
    r"\b(?:instead of|rather than|in place of|stop(?:ped)? using|give up(?: on)?|gave up(?: on)?|away from|"
    r"no longer (?:use|using|need|want|like|go(?:ing)? with)?|drop(?:ped|ping)?|scrap(?:ped|ping)?|abandon(?:ed|ing)?|"
    r"(?:switch(?:ed|ing)?|mov(?:e|ed|ing)) (?:over )?from|chang(?:e|ed|ing) (?:it )?from|replac(?:e|ed|ing)|"
    r"cancel(?:led|ing)?|revert(?:ed|ing)?)\s+(.{1,80})"
)
_ANY_MORE = regex(r"\b(?:not|n't|never)\s+(.{1,40}?)\s+any ?more\b")
_TAKEN_BACK = regex(
    r"\b(?:actually|on second thoughts?|after all|changed? (?:my|our) minds?|correction|i was wrong|we were wrong|"
    r"scratch that|instead|no longer|any ?more)\b"
)
_NEGATION = regex(r"\b(?:not|never|no longer|without|cannot)\b|n't\b")
_WORD = regex(r"[a-z0-9][\w+#.-]*[\w+#]|\w")
_EMPTY = frozenset(
    _WORD.findall("""
    a an and are as at be been but by can could did do does for from get going had has have he her his how i if in into
    is it its just let lets like may me more my need no not now of on one or our out over she should so some than that
    the their them then there these they this to too up us use used using want was we were what when which who will with
    would you your actually after all again also instead longer never rather second still think very thought any anymore
    because don doesn didn won isn aren wasn really switch switched move moved change changed decided decide decision
    prefer preference
    """)
)


class Claim(NamedTuple):
    """A card, as far as contradiction needs it. `place` orders cards by their first evidence."""

    card_id: str
    kind: CardKind
    text: str
    words: frozenset[str]
    place: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Signs:
    """What a text says it gives up, whether it takes something back in general, and whether it negates."""

    given_up: frozenset[str]
    takes_back: bool
    negates: bool

    @property
    def is_pointed(self) -> bool:
        """Without such a sign a card contradicts only cards that have one."""
        return bool(self.given_up) or self.takes_back or self.negates


class Claims:
    """Claims of one topic, indexed so that each is compared with the few that may contradict it."""

    def __init__(self, claims: Iterable[Claim]) -> None:
        self._claims = {claim.card_id: (claim, signs(claim.text)) for claim in claims}
        self._by_word: dict[str, list[str]] = {}
        self._pointed_by_word: dict[str, list[str]] = {}
        self._by_given_up: dict[str, list[str]] = {}
        for card_id, (claim, found) in self._claims.items():
            for word in claim.words:
                self._by_word.setdefault(word, []).append(card_id)
                if found.is_pointed:
                    self._pointed_by_word.setdefault(word, []).append(card_id)
            for word in found.given_up:
                self._by_given_up.setdefault(word, []).append(card_id)

    def superseder(self, card: Claim) -> Claim | None:
        """The newest claim that takes `card` back; None if none does."""
        known = self._claims.get(card.card_id)
        own = known[1] if known else signs(card.text)
        newer = [
            claim
            for claim, found in map(self._claims.__getitem__, self._candidates(card, own))
            if claim.place > card.place and _contradicts(claim, found, card, own)
        ]
        return max(newer, key=lambda claim: (claim.place, claim.card_id)) if newer else None

    def _candidates(self, card: Claim, own: Signs) -> set[str]:
        """Those that give up one of its words, and those that share some of which one takes back or negates."""
        index = self._by_word if own.negates else self._pointed_by_word
        shared = Counter(card_id for word in card.words for card_id in index.get(word, ()))
        found = {card_id for card_id, count in shared.items() if count >= SHARED_WORDS}
        return found.union(*(self._by_given_up.get(word, ()) for word in card.words))


def subject_words(text: str) -> list[str]:
    """The words of a text that say what it is about, roughly stemmed, sorted; at most `MAX_WORDS`."""
    found = {_stem(word) for word in _WORD.findall(_plain(text)) if word not in _EMPTY}
    return sorted(word for word in found if len(word) > 1)[:MAX_WORDS]


def signs(text: str) -> Signs:
    text = _plain(text)
    return Signs(_given_up(text), bool(_TAKEN_BACK.search(text)), bool(_NEGATION.search(text)))


def _contradicts(newer: Claim, new: Signs, older: Claim, old: Signs) -> bool:
    if not _comparable(newer.kind, older.kind) or newer.text.casefold() == older.text.casefold():
        return False
    if new.given_up & older.words:
        return True
    shared = len(newer.words & older.words)
    if shared < SHARED_WORDS or shared < SHARED_SHARE * min(len(newer.words), len(older.words)):
        return False
    return new.takes_back or new.negates != old.negates


def _comparable(one: CardKind, other: CardKind) -> bool:
    return (one in PLANS and other in PLANS) or (one is other and one in CLAIMS)


def _plain(text: str) -> str:
    return text.casefold().replace("’", "'")


def _given_up(text: str) -> frozenset[str]:
    """The words right after a cue that names what is no longer so."""
    objects = [found[1] for found in (*_GIVEN_UP.finditer(text), *_ANY_MORE.finditer(text))]
    return frozenset(
        _stem(word)
        for words in objects
        for word in _WORD.findall(words)[:LONGEST_OBJECT]
        if word not in _EMPTY and len(word) > 2
    )


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word
