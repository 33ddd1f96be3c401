"""A user who edits, pins, deletes, restores, moves, merges, splits and undoes, against what cards promise.

Sequences are drawn by Hypothesis. After each step everything in the queue is done, and the promises are looked at:
no deleted card back, no edit lost, ids stable, incremental equal to full extraction, citations verbatim, and the past
served as it was.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from chalicelib.adapters.postgres import Transaction
from chalicelib.api.card_views import card_view
from chalicelib.cards import edits, rules
from chalicelib.cards import store as cards
from chalicelib.cards.identity import draft_key
from chalicelib.cards.matching import is_covered
from chalicelib.cards.merge import CardState
from chalicelib.cards.models import SHOWN, Card, CardStatus, DraftCard, SourceMessage
from chalicelib.conversations import store as conversations
from chalicelib.conversations.imports.models import ImportedMessage
from tests.faults.story_checks import check_stories
from tests.support.api import Api

SENTENCES = (
    "I decided to go with Postgres for store {n}.",
    "Do we need cache number {n} in front of it?",
    "We should email Ana about point {n} by Friday.",
    "I prefer layout {n} for the page. I decided to go with Postgres for store {n}.",
    "Actually we decided to use Redis for store {n} instead of Postgres.",
    "Nothing much happened on day {n}.",
)
EVERY = tuple(CardStatus)
Shown = tuple[str, str, tuple[tuple[int, int, int], ...]]


class CardHistory(RuleBasedStateMachine):
    """`edited` and `deleted` are what the user did, by card id; `moments` what was served when.

    `stored`, `topics` and `messages` are what there is, as the last look found it; nothing happens between two steps.
    """

    api: Api

    @initialize(count=st.integers(1, 40), first=st.integers(0, 5))
    def begin(self, count: int, first: int) -> None:
        """A history of some length comes in at once, so that there are closed windows."""
        self.user_id = self.api.another().user_id
        self.edited: dict[str, dict[str, str]] = {}
        self.deleted: set[str] = set()
        self.pinned: set[str] = set()
        self.gone: set[int] = set()
        self.operations: list[UUID] = []
        self._before: set[str] = set()
        self._evidence: dict[str, set[int]] = {}
        self.known: dict[Shown, str] = {}
        self.repeated: set[Shown] = set()
        self.moments: list[tuple[datetime, UUID, str, set[int]]] = []
        said = [SENTENCES[(first + n) % len(SENTENCES)].format(n=n % 5 if n % 3 else 100 + n) for n in range(count)]
        messages = [ImportedMessage(str(n), "user", text, "a topic", None) for n, text in enumerate(said)]
        with self.api.services.db.user(self.user_id) as tx:
            self.api.services.imports.take(tx, self.user_id, "a history", messages, "r")
        self.settle()

    def _append(self, content: str, topic_id: UUID | None) -> None:
        services = self.api.services
        with services.db.user(self.user_id) as tx:
            said = services.turns.start(
                tx, self.user_id, content, topic_id=topic_id, client_message_id=str(uuid4()), request_id="r"
            )
            services.turns.cancel(tx, self.user_id, said.turn_id, "r")

    @rule(sentence=st.sampled_from(SENTENCES), n=st.integers(0, 30), is_new=st.integers(0, 5), topic=st.integers(0, 9))
    def say(self, sentence: str, n: int, is_new: int, topic: int) -> None:
        if is_new == 0 and len(self.topics) < 4:
            self._append("New topic: " + sentence.format(n=n), None)
        else:
            self._append(sentence.format(n=n), self.topics[topic % len(self.topics)] if self.topics else None)
        self.settle()

    @rule(draw=st.integers(0, 99))
    def delete_message(self, draw: int) -> None:
        if self.messages:
            message_id = self.messages[draw % len(self.messages)].message_id
            self.api.services.conversations.delete_message(self.user_id, message_id, "r")
            self.gone.add(message_id)
            self.settle()

    @rule(draw=st.integers(0, 99), field=st.sampled_from(["title", "body", "kind"]))
    def edit(self, draw: int, field: str) -> None:
        if card := self._card(draw, SHOWN):
            value = "fact" if field == "kind" else f"Mine {draw}"
            self._change(card, "edited", lambda c: edits.edited(c, {field: value}))
            self.edited.setdefault(card.card_id, {})[field] = value
            self.look()

    @rule(draw=st.integers(0, 99))
    def pin(self, draw: int) -> None:
        if card := self._card(draw, SHOWN):
            self._change(card, "pinned", lambda c: edits.pinned(c, True))
            self.pinned.add(card.card_id)
            self.look()

    @precondition(lambda self: self.pinned)
    @rule(draw=st.integers(0, 99))
    def unpin(self, draw: int) -> None:
        card_id = sorted(self.pinned)[draw % len(self.pinned)]
        self.pinned.discard(card_id)
        if (card := self.stored.get(card_id)) and card.status is not CardStatus.DELETED:
            self._change(card, "unpinned", lambda c: edits.pinned(c, False))
            self.look()

    @rule(draw=st.integers(0, 99))
    def delete(self, draw: int) -> None:
        if card := self._card(draw, SHOWN):
            self._change(card, "deleted", edits.deleted)
            self.deleted.add(card.card_id)
            self.look()

    @precondition(lambda self: self.deleted)
    @rule(draw=st.integers(0, 99))
    def restore(self, draw: int) -> None:
        card_id = sorted(self.deleted)[draw % len(self.deleted)]
        self.deleted.discard(card_id)
        if card := self.stored.get(card_id):
            services = self.api.services
            with services.db.user(self.user_id) as tx:
                services.cards.restore(tx, self.user_id, card.card_id, "r", None)
            self.settle()

    @rule()
    def extract_again(self) -> None:
        self.settle(extract=True)

    @rule(first=st.integers(0, 9), second=st.integers(0, 9))
    def merge(self, first: int, second: int) -> None:
        source, target = (self.topics[place % len(self.topics)] for place in (first, second))
        if source != target:
            self._operate("merge", source, target)

    @rule(draw=st.integers(0, 99))
    def split(self, draw: int) -> None:
        if self.messages:
            message = self.messages[draw % len(self.messages)]
            if any(m.topic_id == message.topic_id and m.message_id < message.message_id for m in self.messages):
                self._operate("split", message.topic_id, message.message_id, None)

    @rule(draws=st.lists(st.integers(0, 99), min_size=1, max_size=4), topic=st.integers(0, 9))
    def move(self, draws: list[int], topic: int) -> None:
        if self.messages:
            chosen = {self.messages[draw % len(self.messages)].message_id for draw in draws}
            self._operate("move", self.topics[topic % len(self.topics)], chosen)

    @precondition(lambda self: self.operations)
    @rule(draw=st.integers(0, 99))
    def undo(self, draw: int) -> None:
        operation_id = self.operations.pop(draw % len(self.operations))
        services = self.api.services
        with services.db.user(self.user_id) as tx:
            services.operations.undo(tx, self.user_id, operation_id, "r")
        self.settle()

    def _operate(self, name: str, *arguments: Any) -> None:
        services = self.api.services
        with services.db.user(self.user_id) as tx:
            done = getattr(services.operations, name)(tx, self.user_id, *arguments, "r")
        self.operations.append(done.operation_id)
        self.settle()

    def _change(self, card: CardState, action: str, act: Any) -> None:
        services = self.api.services
        with services.db.user(self.user_id) as tx:
            services.cards.change(tx, self.user_id, card.card_id, action, act, None, "r")

    def settle(self, extract: bool = False) -> None:
        services = self.api.services
        if extract:
            for topic_id in self.topics:
                with services.db.user(self.user_id) as tx:
                    services.cards.request_extraction(tx, self.user_id, topic_id, "r")
        self.api.work()
        self.look(is_at_rest=True)

    def look(self, is_at_rest: bool = False) -> None:
        """Reads what there is once, and holds it against every promise; those about stories hold once all is done."""
        with self.api.services.db.user(self.user_id) as tx:
            self._read(tx)
            shown = {each: cards.list_of_topic(tx, self.user_id, each, None, SHOWN, None, 500) for each in self.topics}
            self._citations_are_verbatim(tx)
            self._the_past_is_as_it_was(tx)
            if is_at_rest:
                check_stories(tx)
        self._no_deleted_card_is_back()
        self._no_edit_is_lost()
        for topic_id in self.topics:
            self._topic_is_as_if_extracted_anew([m for m in self.messages if m.topic_id == topic_id], topic_id)
        self._ids_are_stable(shown)
        self._note_the_moment(shown)

    def _read(self, tx: Transaction) -> None:
        ids = [row.card_id for row in tx.rows("SELECT card_id FROM cards ORDER BY card_id")]
        self.stored = {card.card_id: card for card in cards.states(tx, self.user_id, ids)}
        self.topics = [t.topic_id for t in conversations.list_topics(tx, self.user_id, None, None, 100)][::-1]
        self.messages = conversations.list_messages(tx, self.user_id, None, 0, 1000)

    def _no_deleted_card_is_back(self) -> None:
        for card_id in self.deleted & self.stored.keys():
            assert self.stored[card_id].status is CardStatus.DELETED
        tombstones = [card for card in self.stored.values() if card.status is CardStatus.DELETED]
        for card in self.stored.values():
            if card.status in SHOWN and card.card_id not in self._before:
                assert not any(is_covered(card.citations, t.citations) for t in tombstones), "a deleted card, reworded"
        self._before = {card.card_id for card in self.stored.values() if card.status in SHOWN}

    def _no_edit_is_lost(self) -> None:
        """An edited or pinned card stays for as long as a message is there that it rests on."""
        for card_id, fields in self.edited.items():
            if card_id in self.stored:
                card = self.stored[card_id]
                assert {name: str(getattr(card, name)) for name in fields} == fields
                assert set(fields) <= card.edited
                assert card.status in SHOWN or card_id in self.deleted
        for card_id in (self.edited.keys() | self.pinned) - self.stored.keys():
            assert self._evidence[card_id] <= self.gone, "nothing else takes an edited or pinned card away"
        for card_id in self.pinned & self.stored.keys():
            assert self.stored[card_id].status is not CardStatus.RETIRED
        self._evidence = {c.card_id: {span.message_id for span in c.citations} for c in self.stored.values()} | {
            card_id: rest for card_id, rest in self._evidence.items() if card_id not in self.stored
        }

    def _topic_is_as_if_extracted_anew(self, messages: list[Any], topic_id: UUID) -> None:
        """Incremental equals full: what the machine finds is what the rules find in the messages, read from scratch."""
        drafts = _drafts(tuple(SourceMessage(m.message_id, m.role, m.content) for m in messages))
        here = [card for card in self.stored.values() if card.topic_id == topic_id]
        tombstones = [card for card in self.stored.values() if card.status is CardStatus.DELETED]
        found = {_machine(card) for card in here if card.status in SHOWN and card.is_found}
        expected = {_drafted(draft) for draft in drafts}
        assert found <= expected
        keys = {card.key for card in here if card.status is CardStatus.DELETED}
        for draft in drafts:
            if _drafted(draft) not in found:
                covered = any(is_covered(draft.citations, card.citations) for card in tombstones)
                assert covered or draft_key(draft) in keys, "only what the user has deleted is missing"

    def _ids_are_stable(self, shown: dict[UUID, list[Card]]) -> None:
        """A card that says the same of the same words has the id it had, wherever they are.

        Where several messages say the same, they share a card in one topic and have one each in two; which of them
        keeps the id when they part is not promised.
        """
        contents = "\n".join(message.content for message in self.messages)
        self.repeated |= {said for said in self.known if contents.count(said[1]) > 1}
        for card in (card for cards_of_topic in shown.values() for card in cards_of_topic):
            said = _said(card)
            if contents.count(card.body) > 1:
                self.repeated.add(said)
            elif not card.edited and said not in self.repeated:
                assert self.known.setdefault(said, card.card_id) == card.card_id

    def _citations_are_verbatim(self, tx: Transaction) -> None:
        rows = tx.rows(
            "SELECT substring(m.content FROM x.start_offset + 1 FOR x.end_offset - x.start_offset) AS quote,"
            " x.quote_sha256, m.topic_id = c.topic_id AS is_here, c.status"
            " FROM card_citations x JOIN messages m USING (message_id) JOIN cards c USING (card_id)"
        )
        for row in rows:
            assert hashlib.sha256(row.quote.encode()).digest() == bytes(row.quote_sha256)
            assert row.is_here or row.status == "deleted"

    def _the_past_is_as_it_was(self, tx: Transaction) -> None:
        for at, topic_id, served, rested_on in self.moments[-3:]:
            if not rested_on & self.gone:
                assert _served(cards.as_of(tx, self.user_id, topic_id, at, None, SHOWN, None, 500)) == served

    def _note_the_moment(self, shown: dict[UUID, list[Card]]) -> None:
        for topic_id, found in shown.items():
            rested_on = {c.message_id for card in found for c in card.citations}
            self.moments.append((datetime.now(UTC), topic_id, _served(found), rested_on))

    def _card(self, draw: int, statuses: tuple[CardStatus, ...]) -> CardState | None:
        found = [card for card in self.stored.values() if card.status in statuses]
        return found[draw % len(found)] if found else None


@lru_cache(maxsize=64)  # most topics are as they were before the step
def _drafts(messages: tuple[SourceMessage, ...]) -> list[DraftCard]:
    return rules.extract(messages)


def _served(found: list[Card]) -> str:
    return json.dumps([card_view(card).model_dump(mode="json") for card in found])


def _machine(card: CardState) -> Shown:
    machine = card.machine or {}
    places = tuple((span.message_id, span.start, span.end) for span in card.citations)
    return machine["kind"], machine["body"], places


def _drafted(draft: DraftCard) -> Shown:
    return str(draft.kind), draft.body, tuple((c.message_id, c.start, c.end) for c in draft.citations)


def _said(card: Card) -> Shown:
    return str(card.kind), card.body, tuple((c.message_id, c.start, c.end) for c in card.citations)
