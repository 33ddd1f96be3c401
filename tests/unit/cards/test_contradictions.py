"""Which newer card takes an older one back."""

from __future__ import annotations

import pytest

from chalicelib.cards.contradictions import Claim, Claims, subject_words
from chalicelib.cards.models import CardKind

D, F, P, Q, A = CardKind.DECISION, CardKind.FACT, CardKind.PREFERENCE, CardKind.QUESTION, CardKind.ACTION


def claim(kind: CardKind, text: str, at: int) -> Claim:
    return Claim(f"c{at}", kind, text, frozenset(subject_words(text)), (at, 0))


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ((D, "We decided to use Postgres for storage."), (D, "Actually we decided on MySQL instead of Postgres.")),
        ((D, "We decided to use Postgres for storage."), (D, "Let's switch from Postgres to MySQL.")),
        ((P, "I prefer the dark theme."), (P, "I no longer like the dark theme.")),
        ((D, "We will launch the beta in May."), (D, "We will not launch the beta in May.")),
        ((F, "The office in Lisbon is open on Fridays."), (F, "The office in Lisbon isn't open on Fridays any more.")),
        ((A, "We should email Ana about the contract."), (D, "We drop the contract with Ana.")),
    ],
)
def test_a_newer_claim_takes_the_older_back(older: tuple[CardKind, str], newer: tuple[CardKind, str]) -> None:
    """By what it gives up, by taking back in general, or by negation; never the other way round in time."""
    old, new = claim(*older, 1), claim(*newer, 2)
    assert Claims([new, old]).superseder(old) == new
    assert Claims([new, old]).superseder(new) is None


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ((D, "We decided to use Postgres for storage."), (D, "We decided to use Redis for the cache.")),
        ((F, "Redis answers within five milliseconds."), (D, "We use Valkey instead of Redis.")),
        ((Q, "Do we need Postgres?"), (D, "We use MySQL instead of Postgres.")),
        ((D, "We decided to use Postgres."), (D, "We decided to use postgres.")),
        ((P, "I prefer tea in the morning."), (P, "I prefer coffee after lunch.")),
        ((D, "We will launch in May."), (Q, "Will we not launch in May?")),
    ],
)
def test_what_does_not_contradict(older: tuple[CardKind, str], newer: tuple[CardKind, str]) -> None:
    """Other subjects, other kinds of claim, questions, and the same words again."""
    assert Claims([claim(*newer, 2)]).superseder(claim(*older, 1)) is None


def test_the_newest_contradiction_is_named() -> None:
    """Of several, whatever their order."""
    old = claim(D, "We use Postgres for storage.", 1)
    first, second = claim(D, "We use MySQL instead of Postgres.", 2), claim(D, "We moved away from Postgres.", 3)
    assert Claims([second, first]).superseder(old) == Claims([first, second]).superseder(old) == second
