"""Makes a topic's cards what the results of its windows say, merged with what the user made of them.

Only what the windows that have changed can have touched is read: drafts with the keys that they give or gave, and the
cards that have those keys or rest on those messages. So the cost follows the change, not the topic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.cards import store
from chalicelib.cards.identity import ORDINALS, card_id, draft_key
from chalicelib.cards.merge import CardState, merged, new_card
from chalicelib.cards.models import CardStatus, DraftCard
from chalicelib.cards.results import store as results
from chalicelib.cards.results.store import Fresh
from chalicelib.cards.superseding import with_superseders
from chalicelib.cards.windows import Window


@dataclass(frozen=True, slots=True)
class Change:
    """A card before and after; None before it was there."""

    before: CardState | None
    after: CardState

    @property
    def action(self) -> str:
        """What a reader sees of it; empty if nothing."""
        before, after = self.before, self.after
        if before is None:
            return "created"
        if before.served == after.served:
            return ""
        if before.status is not after.status:
            return {CardStatus.ACTIVE: "returned"}.get(after.status, str(after.status))
        return "moved" if before.topic_id != after.topic_id else "updated"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written for a topic."""

    changes: list[Change]
    fresh: Sequence[Fresh]
    gone: Sequence[int]


def plan(
    tx: Transaction, user_id: UUID, topic_id: UUID, run_id: UUID, fresh: Sequence[Fresh], tail: Window | None, *,
    is_whole: bool = True,
) -> Plan:  # fmt: skip
    """What becomes of the topic's cards when these windows are shown.

    Args:
        fresh: the windows that are not shown yet as they are, in order.
        tail: the open window at the topic's end, whether fresh or not.
        is_whole: what is shown of windows that have changed since goes. Else it stays until they are extracted.
    """
    starts = [window.start_id for window in fresh]
    gone, keys = results.gone(tx, user_id, topic_id, tail, starts, is_whole=is_whole)
    new = [(window.start_id, draft) for window in fresh for draft in window.drafts]
    keys |= {draft_key(draft) for _, draft in new}
    hidden = [*starts, *gone]
    placed = new + (results.drafts_of_keys(tx, user_id, topic_id, keys, hidden) if keys else [])
    messages = {id_ for window in fresh for id_ in window.message_ids}
    messages |= {citation.message_id for _, draft in placed for citation in draft.citations}
    old = store.candidates(tx, user_id, topic_id, keys, messages)
    if further := {card.key for card in old if card.topic_id == topic_id and card.key} - keys:
        placed += results.drafts_of_keys(tx, user_id, topic_id, further, hidden)
    kept, drafts = merged(topic_id, run_id, _combined(placed), old)
    made = _made(tx, topic_id, run_id, drafts)
    changes = changes_of(tx, user_id, topic_id, [c for c in old if c.topic_id == topic_id], kept + made)
    return Plan(changes, fresh, gone)


def _combined(placed: Sequence[tuple[int, DraftCard]]) -> list[DraftCard]:
    from chalicelib.cards.rules import combine

    return combine([[draft] for _, draft in sorted(placed, key=lambda pair: pair[0])])


def _made(tx: Transaction, topic_id: UUID, run_id: UUID, drafts: Sequence[DraftCard]) -> list[CardState]:
    """New cards, under ids that no card has."""
    used: set[str] = set()
    wanted = drafts
    for ordinals in (range(1, 2), range(2, ORDINALS + 1)):  # few cards need more than the first
        ids = [card_id(topic_id, draft, ordinal) for draft in wanted for ordinal in ordinals]
        used |= store.taken(tx, ids) if ids else set()
        wanted = [draft for draft in wanted if card_id(topic_id, draft, 1) in used]
    cards = []
    for draft in drafts:
        id_ = next(id_ for n in range(1, 2 * ORDINALS) if (id_ := card_id(topic_id, draft, n)) not in used)
        used.add(id_)
        cards.append(new_card(id_, topic_id, run_id, draft))
    return cards


def changes_of(
    tx: Transaction, user_id: UUID, topic_id: UUID, before: Sequence[CardState], after: Sequence[CardState],
    stored: Sequence[CardState] | None = None,
) -> list[Change]:  # fmt: skip
    """The changes, and those that follow from them for cards that supersede each other.

    Args:
        before, after: see `superseding.with_superseders`.
        stored: what of `after` is stored, and how; by default `before`.
    """
    now, others = with_superseders(tx, user_id, topic_id, before, after)
    known = {card.card_id: card for card in (*(before if stored is None else stored), *others)}
    return [Change(known.get(card.card_id), card) for card in now if known.get(card.card_id) != card]


def carry_out(tx: Transaction, user_id: UUID, conversation_id: str, topic_id: UUID, planned: Plan) -> None:
    write(tx, user_id, conversation_id, planned.changes)
    results.show(tx, user_id, topic_id, planned.fresh, planned.gone)


def write(
    tx: Transaction, user_id: UUID, conversation_id: str, changes: Sequence[Change],
    named: Mapping[str, str] = MappingProxyType({}),
) -> None:  # fmt: skip
    """Writes changed cards; where a reader sees the change, as a new version. `named`: what brought it about, by id."""
    if not changes:
        return
    actions = {c.after.card_id: named.get(c.after.card_id, c.action) for c in changes if c.action}
    cards = [
        replace(change.after, version=change.after.version + (change.after.card_id in actions)) for change in changes
    ]
    store.write(tx, user_id, conversation_id, cards, actions)
