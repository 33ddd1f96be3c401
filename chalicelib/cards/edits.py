"""What the user does to a card. Pure: each takes the card and answers the card as it is then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from chalicelib.cards.errors import CardIsDeleted, CardNotDeleted, NoSuggestion
from chalicelib.cards.merge import CardState, settled
from chalicelib.cards.models import CardKind, CardStatus


def edited(card: CardState, changes: Mapping[str, str]) -> CardState:
    """Sets fields (kind, title, body); what is set to what it says already counts as the user's from now on too.

    Raises:
        CardIsDeleted
    """
    _check_not_deleted(card)
    machine = card.machine or {}
    base = dict(card.base or {}) | {name: machine[name] for name in changes if name in machine}
    values = dict(changes)
    kind = CardKind(values.pop("kind", card.kind))
    return settled(replace(card, **values, kind=kind, base=base, edited=card.edited | frozenset(changes)))  # type: ignore[arg-type]


def pinned(card: CardState, is_pinned: bool) -> CardState:
    _check_not_deleted(card)
    return settled(replace(card, pinned=is_pinned))


def deleted(card: CardState) -> CardState:
    return replace(card, status=CardStatus.DELETED, superseded_by=None)


def restored(card: CardState) -> CardState:
    """
    Raises:
        CardNotDeleted
    """
    if card.status is not CardStatus.DELETED:
        raise CardNotDeleted()
    return settled(replace(card, status=CardStatus.ACTIVE, is_found=True))


def accepted(card: CardState) -> CardState:
    """The machine's newer words replace the user's where it suggests any.

    Raises:
        NoSuggestion
    """
    suggestion = _suggestion(card)
    values = dict(suggestion)
    kind = CardKind(values.pop("kind", card.kind))
    left = card.edited - frozenset(suggestion)
    base = {name: text for name, text in (card.base or {}).items() if name in left}
    return settled(replace(card, **values, kind=kind, edited=left, base=base))  # type: ignore[arg-type]


def dismissed(card: CardState) -> CardState:
    """The user's words stay, and the same suggestion is not made again.

    Raises:
        NoSuggestion
    """
    suggestion = _suggestion(card)
    return settled(replace(card, base=dict(card.base or {}) | suggestion))


def _suggestion(card: CardState) -> dict[str, str]:
    _check_not_deleted(card)
    if not card.suggestion:
        raise NoSuggestion()
    return card.suggestion


def _check_not_deleted(card: CardState) -> None:
    if card.status is CardStatus.DELETED:
        raise CardIsDeleted()
