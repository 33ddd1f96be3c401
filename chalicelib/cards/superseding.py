"""Keeps `superseded_by` true when cards change: of a topic's shown cards, each names the newest that contradicts it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.cards import store
from chalicelib.cards.contradictions import Claim, Claims, signs
from chalicelib.cards.merge import CardState, settled
from chalicelib.cards.models import SHOWN


def with_superseders(
    tx: Transaction, user_id: UUID, topic_id: UUID, before: Sequence[CardState], after: Sequence[CardState]
) -> tuple[list[CardState], list[CardState]]:
    """The cards of `after` with what supersedes each now, and others of the topic whose superseder changes with them.

    Args:
        before: cards of the topic that are about to change or go, as they are stored.
        after: what they become; cards that go are missing, new ones are only here.

    Returns:
        All of them as they are now, and the others as they are stored.
    """
    claims = {card.card_id: _claim(card) for card in after if card.topic_id == topic_id and card.status in SHOWN}
    moved = {*(_told(card) for card in before)} ^ {*(_told(card) for card in after if card.topic_id == topic_id)}
    changed = {card_id for card_id, *_ in moved}
    if not changed:
        return list(after), []
    told = [card for card in (*before, *after) if card.card_id in changed]
    words = {word for card in told for word in card.words}
    pointed = {word for card in told if signs(card.body).is_pointed for word in card.words}
    found = store.related(tx, user_id, topic_id, sorted(changed), words, pointed)
    pool = {claim.card_id: claim for claim, _, _ in found if claim.card_id not in changed} | claims
    everybody = Claims(pool.values())
    decided = {card_id: _by(everybody, claim) for card_id, claim in claims.items() if card_id in changed}
    decided |= _of_others(found, pool, everybody, changed)
    return _settled(tx, user_id, after, decided)


def _claim(card: CardState) -> Claim:
    return Claim(card.card_id, card.kind, card.body, frozenset(card.words), card.place)


def _told(card: CardState) -> tuple[str, object, str, tuple[int, int], bool]:
    """What contradiction depends on."""
    return card.card_id, card.kind, card.body, card.place, card.status in SHOWN


def _of_others(
    found: Iterable[tuple[Claim, str | None, tuple[int, int] | None]],
    pool: dict[str, Claim],
    everybody: Claims,
    changed: set[str],
) -> dict[str, str | None]:
    """What supersedes the cards that have not changed themselves: where the one that did has changed, it is asked anew;
    else a changed card that is newer than it may."""
    decided: dict[str, str | None] = {}
    challengers = Claims(pool[card_id] for card_id in sorted(changed) if card_id in pool)
    for claim, by, by_place in found:
        if claim.card_id in changed:
            continue
        if by is not None and (by in changed or by_place is None):
            decided[claim.card_id] = _by(everybody, claim)
        elif (new := challengers.superseder(claim)) and (by_place is None or new.place > by_place):
            decided[claim.card_id] = new.card_id
    return decided


def _by(claims: Claims, claim: Claim) -> str | None:
    newest = claims.superseder(claim)
    return newest.card_id if newest else None


def _settled(
    tx: Transaction, user_id: UUID, after: Sequence[CardState], decided: dict[str, str | None]
) -> tuple[list[CardState], list[CardState]]:
    known = {card.card_id for card in after}
    missing = [card_id for card_id in decided if card_id not in known]
    others = store.states(tx, user_id, missing) if missing else []
    now = [
        settled(replace(card, superseded_by=decided[card.card_id])) if card.card_id in decided else card
        for card in (*after, *others)
    ]
    return now, others
