"""Which draft is which card, and what the three-way merge makes of both."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from chalicelib.cards import edits, matching
from chalicelib.cards.errors import CardIsDeleted, CardNotDeleted, NoSuggestion
from chalicelib.cards.identity import card_id
from chalicelib.cards.merge import CardState, merged, new_card
from chalicelib.cards.models import CardKind, CardStatus, Citation, DraftCard

TOPIC, OTHER = UUID(int=1), UUID(int=2)
FIRST_RUN, RUN = UUID(int=11), UUID(int=12)


def draft(
    body: str, message_id: int = 1, start: int = 0, kind: CardKind = CardKind.DECISION, end: int = 0
) -> DraftCard:
    quote = body[: end - start] if end else body
    return DraftCard(kind, body[:20], body, 0.9, (Citation(message_id, start, end or start + len(body), quote),))


def card(made_of: DraftCard, ordinal: int = 1) -> CardState:
    return replace(new_card(card_id(TOPIC, made_of, ordinal), TOPIC, FIRST_RUN, made_of), version=1)


def merge(drafts: list[DraftCard], *old: CardState) -> tuple[dict[str, CardState], list[DraftCard]]:
    kept, new = merged(TOPIC, RUN, drafts, old)
    return {one.card_id: one for one in kept}, new


POSTGRES = draft("We go with Postgres for storage.")


def test_an_unchanged_card_is_left_exactly_as_it_is() -> None:
    """Its id, version and run stay."""
    old = card(POSTGRES)
    kept, new = merge([POSTGRES], old)
    assert kept == {old.card_id: old}
    assert new == []


@pytest.mark.parametrize(
    ("now", "is_same"),
    [
        (draft("We will go with Postgres as storage.", end=32), True),
        (draft("We go with Postgres for storage.", message_id=9), True),
        (draft("We go with Postgres for storage.", kind=CardKind.FACT), True),
        (draft("Somebody likes tea very much indeed!", kind=CardKind.FACT), False),
        (draft("We go with MariaDB for storage now.", message_id=9), False),
    ],
    ids=["reworded", "the same words elsewhere", "another kind", "other words on the same quote", "elsewhere"],
)
def test_a_draft_is_an_old_card_by_kind_evidence_and_text(now: DraftCard, is_same: bool) -> None:
    """Matched, the card keeps its id and takes the new words; else the draft is a new card and the old one retires."""
    old = card(POSTGRES)
    kept, new = merge([now], old)
    found = kept[old.card_id]
    if is_same:
        assert (found.body, found.kind, found.run_id, new) == (now.body, now.kind, RUN, [])
    else:
        assert (found.status, new) == (CardStatus.RETIRED, [now])


def test_the_best_pairs_are_matched_first() -> None:
    """Of two cards on one message each goes to its own draft, whatever the order."""
    tea, milk = draft("I prefer green tea.", 5, 0), draft("I prefer oat milk.", 5, 20)
    tea_now, milk_now = (
        draft("I prefer some green tea.", 5, 0, end=19),
        draft("I prefer plain oat milk.", 5, 20, end=38),
    )
    kept, new = merge([milk_now, tea_now], card(tea), card(milk))
    assert [kept[card(one).card_id].body for one in (tea, milk)] == [tea_now.body, milk_now.body]
    assert new == []


def test_a_touched_field_stays_and_the_machines_newer_words_stand_beside_it() -> None:
    """Base, mine, theirs: title is the user's, body follows the machine."""
    old = edits.edited(card(POSTGRES), {"title": "Mine"})
    assert old.suggestion is None
    now = DraftCard(CardKind.DECISION, "Theirs", "Postgres it is, for storage.", 0.8, POSTGRES.citations)
    kept, _ = merge([now], old)
    found = kept[old.card_id]
    assert (found.title, found.body, found.suggestion) == ("Mine", now.body, {"title": "Theirs"})
    accepted = edits.accepted(found)
    assert (accepted.title, accepted.edited, accepted.suggestion) == ("Theirs", frozenset(), None)
    dismissed = edits.dismissed(found)
    assert (dismissed.title, dismissed.suggestion) == ("Mine", None)
    again, _ = merge([now], dismissed)
    assert again[old.card_id].suggestion is None, "the same suggestion is not made twice"
    newer, _ = merge([replace(now, title="Newer")], dismissed)
    assert newer[old.card_id].suggestion == {"title": "Newer"}
    with pytest.raises(NoSuggestion):
        edits.accepted(dismissed)


def test_what_is_not_found_any_more_retires_unless_the_user_has_touched_it() -> None:
    """Pins and edits keep a card; taking the pin away lets it go."""
    plain, pinned, edited = (card(draft(f"We go with plan {n}.", n)) for n in (1, 2, 3))
    pinned, edited = edits.pinned(pinned, True), edits.edited(edited, {"body": "Mine"})
    kept, _ = merge([], plain, pinned, edited)
    assert [kept[one.card_id].status for one in (plain, pinned, edited)] == ["retired", "active", "active"]
    assert edits.pinned(kept[pinned.card_id], False).status is CardStatus.RETIRED


@pytest.mark.parametrize(
    "now",
    [
        POSTGRES,
        draft("Postgres will hold the data.", end=32),
        draft("go with Postgres", start=3, end=19, kind=CardKind.FACT),
        draft("We go with Postgres for storage.", message_id=40),
    ],
    ids=["as it was", "reworded", "of another kind on a part of the words", "said again"],
)
def test_a_deleted_card_never_returns(now: DraftCard) -> None:
    """Reworded or not: its evidence, and its words, are kept out."""
    old = edits.deleted(card(POSTGRES))
    kept, new = merge([now], old)
    assert (kept[old.card_id], new) == (old, [])


def test_a_deleted_card_keeps_nothing_else_out() -> None:
    """Other words of the same message make cards; a card that lives on overlapping words goes on."""
    old = edits.deleted(card(draft("We go with Postgres.", 1, 0)))
    elsewhere = draft("Do we need a cache?", 1, 21, CardKind.QUESTION)
    living = card(draft("Postgres is at version 17 here.", 1, 11, CardKind.FACT))
    now = draft("Postgres is at version 17 here.", 1, 11, CardKind.FACT)
    kept, new = merge([elsewhere, now], old, living)
    assert new == [elsewhere]
    assert kept[living.card_id] == living


def test_deleting_and_restoring() -> None:
    """A restored card is what it was; a deleted one is not edited."""
    old = edits.edited(card(POSTGRES), {"title": "Mine"})
    gone = edits.deleted(old)
    assert edits.restored(gone) == old
    with pytest.raises(CardIsDeleted):
        edits.edited(gone, {"title": "x"})
    with pytest.raises(CardNotDeleted):
        edits.restored(old)


def test_agreement_counts_cards_that_rest_on_the_same_words() -> None:
    """Dice over covered evidence."""
    one, other = draft("We go with Postgres.", 1), draft("Do we need a cache?", 2)
    assert matching.agree([], []) == 1.0
    assert matching.agree([one], []) == 0.0
    assert matching.agree([one, other], [replace(one, kind=CardKind.FACT)]) == pytest.approx(2 / 3, abs=1e-3)
