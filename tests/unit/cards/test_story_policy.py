"""What the digest tells, what a prompt shows, and what becomes of paragraphs between versions."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.cards.models import CardKind, SourceMessage, StoredCitation
from chalicelib.cards.stories.comparing import compare
from chalicelib.cards.stories.digest import LONGEST_QUOTE, MOST, tell
from chalicelib.cards.stories.models import ShownParagraph, Source, SourceCard
from chalicelib.cards.stories.prompts import INSTRUCTIONS, story_prompt
from chalicelib.llm.tokens import tokens

KINDS = list(CardKind)


def card(
    number: int, kind: CardKind = CardKind.DECISION, body: str | None = None, *, pinned: bool = False
) -> SourceCard:
    return SourceCard(f"c{number}", kind, f"Title {number}", body or f"Body {number}.", pinned, ((number, 0, 4),))


def source(*cards: SourceCard, messages: tuple[str, ...] = (), **more: int) -> Source:
    """What is told of; `more` are cards of a kind that are there besides."""
    totals = Counter(one.kind for one in cards) + Counter({CardKind(kind): count for kind, count in more.items()})
    shown = [SourceMessage(number, "user", text) for number, text in enumerate(messages, start=1)]
    return Source(cards, totals, shown, b"hash")


def texts(told: Source) -> list[str]:
    return [paragraph.text for paragraph in tell(told)[1]]


def test_a_digest_tells_what_the_cards_say_in_a_fixed_order() -> None:
    """Decisions, open questions, actions, preferences, then what was noted, wherever the cards stand."""
    kinds = (CardKind.FACT, CardKind.ACTION, CardKind.PREFERENCE, CardKind.INSIGHT, CardKind.QUESTION)
    cards = [card(number, kind) for number, kind in enumerate(kinds)]
    asked = card(7, CardKind.QUESTION, "Do we need\na cache?")
    assert texts(source(*cards, asked, card(8), card(9))) == [
        "Two things were decided: “Body 8”; “Body 9”.",
        "Two questions are open: “Body 4”; “Do we need a cache?”.",
        "One thing is to be done: “Body 1”.",
        "One preference was stated: “Body 2”.",
        "Two things were noted: “Body 0”; “Body 3”.",
    ]


def test_a_digest_quotes_the_title_of_a_card_that_says_much() -> None:
    """A body is quoted whole up to a length; an ellipsis at its end is kept."""
    long = card(1, body="x" * (LONGEST_QUOTE + 1))
    assert texts(source(long, card(2, body="And so on..."))) == ["Two things were decided: “Title 1”; “And so on...”."]


def test_a_digest_of_many_cards_tells_of_the_pinned_and_the_newest_and_counts_all() -> None:
    """So it stays short; the pinned ones stand first."""
    cards = [card(number, pinned=number == 3) for number in range(20)]
    [paragraph] = tell(source(*cards, decision=1_000))[1]
    assert paragraph.text.startswith("1,020 things were decided, among them: “Body 3”; “Body 13”; ")
    assert [one.card_id for one in paragraph.cards] == ["c3", *(f"c{n}" for n in range(20 - MOST + 1, 20))]


def test_the_title_of_a_digest_is_that_of_the_first_decision_told_of() -> None:
    """A pinned one before the others; nothing but a decision gives a title."""
    assert tell(source(card(1, CardKind.FACT), card(2), card(3)))[0] == "Title 2"
    assert tell(source(card(2), card(3, pinned=True)))[0] == "Title 3"
    assert tell(source(card(1, CardKind.QUESTION)))[0] is None


cards_of_all_kinds = st.lists(
    st.builds(card, st.integers(0, 10**6), st.sampled_from(KINDS), st.text(min_size=1), pinned=st.booleans()),
    min_size=1,
    unique_by=lambda one: one.card_id,
)


@given(cards_of_all_kinds)
def test_a_digest_invents_nothing(cards: list[SourceCard]) -> None:
    """The same cards give the same story; every paragraph rests on cards of its own, and cites what they cite; of every
    kind of card there is something."""
    title, paragraphs = tell(source(*cards))
    assert (title, paragraphs) == tell(source(*cards))
    told = [one for paragraph in paragraphs for one in paragraph.cards]
    assert len(set(told)) == len(told) > 0
    assert {one.kind for one in told} == {one.kind for one in cards}
    for paragraph in paragraphs:
        assert paragraph.places == sorted({place for one in paragraph.cards for place in one.places})


@given(
    cards_of_all_kinds,
    st.lists(st.text(max_size=3_000), max_size=20).map(tuple),
    st.integers(190, 6_000),
)
def test_a_prompt_stays_within_its_limit_and_shows_a_card(
    cards: list[SourceCard], messages: tuple[str, ...], limit: int
) -> None:
    """However long and many cards and messages are."""
    asked = story_prompt(source(*cards, messages=messages), limit)
    assert asked.cards
    assert tokens(asked.prompt[1]["content"]) <= limit
    assert asked.prompt[0]["content"] == INSTRUCTIONS


def test_a_prompt_shows_the_pinned_and_the_newest_cards_and_the_newest_messages() -> None:
    """In reading order, where there is not room for all."""
    cards = [card(n, body=f"word {n} " * 60, pinned=n == 2) for n in range(30)]
    asked = story_prompt(source(*cards, messages=tuple(f"message {n} " * 30 for n in range(30))), 1_000)
    shown = [one.card_id for one in asked.cards.values()]
    assert shown[0] == "c2"
    assert shown[1:] == [f"c{n}" for n in range(31 - len(shown), 30)]
    assert len(shown) > 2
    assert [message.message_id for message in asked.messages] == list(range(31 - len(asked.messages), 31))


def shown(text: str, *card_ids: str) -> ShownParagraph:
    return ShownParagraph(text, list(card_ids), [StoredCitation(1, 0, 4, "said")])


def test_paragraphs_that_share_cards_are_the_same_one_changed() -> None:
    """Those that share most are matched first; what shares none was added or removed; equal ones are counted."""
    same, old, gone = shown("same", "a"), shown("old", "b", "c"), shown("gone", "d")
    less, more, new = shown("less", "b", "x"), shown("more", "b", "c"), shown("new", "e")
    found = compare([same, old, gone], [less, more, new, same])
    assert found.changed == [(old, more)]
    assert found.added == [less, new]
    assert found.removed == [gone]
    assert found.unchanged == 1


paragraphs = st.lists(
    st.builds(shown, st.sampled_from("pqr"), st.sampled_from("abc"), st.sampled_from("def")), max_size=6
)


@given(paragraphs, paragraphs)
def test_a_comparison_accounts_for_every_paragraph_once(
    before: list[ShownParagraph], after: list[ShownParagraph]
) -> None:
    """Added or removed, changed or the same; a story compared with itself is the same."""
    found = compare(before, after)
    assert len(found.removed) + len(found.changed) + found.unchanged == len(before)
    assert len(found.added) + len(found.changed) + found.unchanged == len(after)
    assert compare(after, after).unchanged == len(after)


@pytest.mark.parametrize("count", [1, 2, 13])
def test_a_digest_counts_in_words_up_to_twelve(count: int) -> None:
    """One is not many."""
    words = {1: "One question is open", 2: "Two questions are open", 13: "13 questions are open, among them"}
    assert texts(source(*(card(n, CardKind.QUESTION) for n in range(count))))[0].startswith(words[count])
