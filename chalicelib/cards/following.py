"""What becomes of cards when their messages go or move (`conversations.service.DerivedState`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.cards import store
from chalicelib.cards.merge import CardState, settled
from chalicelib.cards.models import Card, CardStatus
from chalicelib.cards.reextraction import store as previews
from chalicelib.cards.replacing import changes_of, write
from chalicelib.cards.results import store as results
from chalicelib.cards.runs import store as runs
from chalicelib.cards.stories import store as stories

LONGEST_TITLE = 80  # code points of a title that is made of a quote


class CardTraces:
    """Cards rest on messages: they go with them, and follow them."""

    def forget_message(self, tx: Transaction, user_id: UUID, topic_id: UUID, message_id: int) -> None:
        """Before a message is deleted. Cards that rest on it alone go at once; the others keep the words they rest on
        besides, and nothing else that the user has not written, until the topic has been extracted again. Stories that
        may hold words of it go at once; the next extraction has the story told anew."""
        topic = runs.lock_topic(tx, user_id, topic_id)
        citing = store.citing(tx, user_id, [message_id])
        ids = [card.card_id for card in citing]
        before = store.states(tx, user_id, ids)
        shown = {card.card_id: card for card in citing}
        after = [kept for card in before if (kept := _without(card, shown[card.card_id], message_id))]
        store.forget_message(tx, user_id, message_id)
        stories.forget(tx, user_id, topic_id, [message_id])
        results.forget_message(tx, user_id, message_id)
        previews.forget_message(tx, user_id, message_id)
        if topic and before:
            changes = changes_of(tx, user_id, topic_id, before, after)
            write(tx, user_id, topic.conversation_id, changes, {card.card_id: "evidence_deleted" for card in after})
        runs.show_nothing(tx, topic_id)

    def follow(
        self, tx: Transaction, user_id: UUID, message_ids: Sequence[int], from_topic_id: UUID, to_topic_id: UUID
    ) -> None:
        """After messages have moved. A card goes where most of the characters lie that it rests on; what it cites of
        other topics it no longer does. Deleted cards keep everything, so that they stand against all of them. Stories
        stay where they are, but for versions that may hold words of what has left: those go."""
        topic = runs.lock_topic(tx, user_id, from_topic_id)
        stories.forget(tx, user_id, from_topic_id, message_ids, to_topic_id)
        ids = [card.card_id for card in store.citing(tx, user_id, message_ids) if card.topic_id == from_topic_id]
        before = store.states(tx, user_id, ids)
        if not before or topic is None:
            return
        topics = store.whereabouts(tx, user_id, ids)
        after = [_followed(card, topics[card.card_id]) for card in before]
        left = changes_of(tx, user_id, from_topic_id, before, after)
        write(tx, user_id, topic.conversation_id, left)
        arrived = store.states(tx, user_id, [card.card_id for card in after if card.topic_id == to_topic_id])
        here = changes_of(tx, user_id, to_topic_id, [], arrived, stored=arrived)
        write(tx, user_id, topic.conversation_id, here)

    def clear_topic(self, tx: Transaction, topic_id: UUID) -> None:
        store.delete_of_topic(tx, topic_id)
        stories.delete_of_topic(tx, topic_id)
        results.show_none(tx, topic_id)
        runs.show_nothing(tx, topic_id)


def _without(card: CardState, shown: Card, message_id: int) -> CardState | None:
    """The card without what it has of a message; None if there is nothing else it rests on."""
    rest = [index for index, span in enumerate(card.citations) if span.message_id != message_id]
    if not rest:
        return None
    quote = " ".join(shown.citations[rest[0]].quote.split())
    title = quote if len(quote) <= LONGEST_TITLE else quote[: LONGEST_TITLE - 1].rstrip() + "…"
    words = {name: text for name, text in (("title", title), ("body", quote)) if name not in card.edited}
    return settled(
        replace(
            card,
            **words,  # type: ignore[arg-type]
            citations=tuple(card.citations[index] for index in rest),
            machine=None,
            base=None,
        )
    )


def _followed(card: CardState, topics: Mapping[int, UUID]) -> CardState:
    """The card where most of its evidence is; of several such topics, in its own if that is one of them."""
    characters: Counter[UUID] = Counter()
    for span in card.citations:
        characters[topics[span.message_id]] += span.end - span.start
    topic_id = max(characters, key=lambda topic: (characters[topic], topic == card.topic_id, topic))
    superseded_by = card.superseded_by if topic_id == card.topic_id else None
    followed = replace(card, topic_id=topic_id, superseded_by=superseded_by)
    return followed if card.status is CardStatus.DELETED else resting_in_its_topic(followed, topics)


def resting_in_its_topic(card: CardState, topics: Mapping[int, UUID]) -> CardState:
    """The card without what it cites of other topics."""
    return replace(card, citations=tuple(s for s in card.citations if topics[s.message_id] == card.topic_id))
