"""Cards and extract runs as clients see and change them, and the notes that answers are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.cards import edits, store
from chalicelib.cards.errors import CardChanged, CardNotFound, RunNotFound
from chalicelib.cards.following import resting_in_its_topic
from chalicelib.cards.merge import CardState
from chalicelib.cards.models import Card, CardKind, CardStatus, CardVersion, ExtractRun, SourceMessage
from chalicelib.cards.replacing import changes_of, write
from chalicelib.cards.results import store as results
from chalicelib.cards.runs import store as runs
from chalicelib.cards.store import Place
from chalicelib.cards.stories.renewal import Renewal
from chalicelib.conversations.errors import TopicNotFound
from chalicelib.conversations.store import lock_topics
from chalicelib.jobs.models import JobKind
from chalicelib.jobs.outbox import Outbox

CONTEXT_CARDS = 40


class CardService:
    def __init__(self, db: Database, outbox: Outbox, renewal: Renewal) -> None:
        self._db = db
        self._outbox = outbox
        self._renewal = renewal

    def of_topic(
        self, user_id: UUID, topic_id: UUID, kind: CardKind | None, statuses: Iterable[CardStatus],
        at: datetime | None, after: Place | None, limit: int,
    ) -> list[Card]:  # fmt: skip
        """A topic's cards in reading order; with `at`, as they were served at that moment."""
        with self._db.user(user_id) as tx:
            self._check_topic(tx, user_id, topic_id)
            if at is not None:
                return store.as_of(tx, user_id, topic_id, at, kind, statuses, after, limit)
            return store.list_of_topic(tx, user_id, topic_id, kind, statuses, after, limit)

    def of_user(
        self, user_id: UUID, topic_id: UUID | None, kind: CardKind | None, statuses: Iterable[CardStatus],
        after: Place | None, limit: int,
    ) -> list[Card]:  # fmt: skip
        """The cards of all topics, newest evidence first."""
        with self._db.user(user_id) as tx:
            return store.list_of_user(tx, user_id, topic_id, kind, statuses, after, limit)

    def card(self, user_id: UUID, card_id: str) -> Card:
        with self._db.user(user_id) as tx:
            return self._card(tx, user_id, card_id)

    def _card(self, tx: Transaction, user_id: UUID, card_id: str) -> Card:
        card = store.get(tx, user_id, card_id)
        if card is None:
            raise CardNotFound()
        return card

    def history(self, user_id: UUID, card_id: str, after: int, limit: int) -> list[CardVersion]:
        """Every state the card was in, oldest first."""
        with self._db.user(user_id) as tx:
            self._card(tx, user_id, card_id)
            return store.history(tx, user_id, card_id, after, limit)

    def change(
        self, tx: Transaction, user_id: UUID, card_id: str, action: str, act: Callable[[CardState], CardState],
        version: int | None, request_id: str,
    ) -> Card:  # fmt: skip
        """Does to a card what the user wants done; `act` is one of `cards.edits`. The topic's story follows.

        Args:
            action: what the card's history calls it.
            version: the one the user has seen; None does not ask.

        Raises:
            CardNotFound, CardChanged, and what `act` raises
        """
        held = store.hold(tx, user_id, card_id)
        if held is None:
            raise CardNotFound()
        card, conversation_id = held
        if version is not None and version != card.version:
            raise CardChanged(store.get(tx, user_id, card_id))
        after = act(card)
        if after != card:
            changes = changes_of(tx, user_id, card.topic_id, [card], [after])
            write(tx, user_id, conversation_id, changes, {card_id: action})
            if any(change.action for change in changes):
                self._renewal.after_change(tx, user_id, card.topic_id, cause="card", request_id=request_id)
        return self._card(tx, user_id, card_id)

    def restore(self, tx: Transaction, user_id: UUID, card_id: str, request_id: str, version: int | None) -> Card:
        """Takes a deleted card back. What it kept out may come back too: the topics of its words are gone through
        again, though nothing is extracted that was.

        Raises:
            CardNotFound, CardChanged, CardNotDeleted
        """
        topics = store.whereabouts(tx, user_id, [card_id])[card_id]
        lock_topics(tx, user_id, *set(topics.values()))
        card = self.change(
            tx, user_id, card_id, "restored", lambda card: edits.restored(resting_in_its_topic(card, topics)),
            version, request_id,
        )  # fmt: skip
        for topic_id in sorted({card.topic_id, *topics.values()}):
            results.doubt(tx, user_id, topic_id)
            runs.show_nothing(tx, topic_id)
            self._outbox.add(tx, user_id, JobKind.EXTRACT, topic_id, cause="restore", request_id=request_id)
        return card

    def request_extraction(self, tx: Transaction, user_id: UUID, topic_id: UUID, request_id: str) -> UUID | None:
        """Queues an extraction by hand, without delay. Returns the job's id; None for a topic without messages."""
        self._check_topic(tx, user_id, topic_id)
        if runs.is_empty(tx, user_id, topic_id):
            return None
        return self._outbox.add(tx, user_id, JobKind.EXTRACT, topic_id, cause="manual", request_id=request_id)

    def _check_topic(self, tx: Transaction, user_id: UUID, topic_id: UUID) -> None:
        if not runs.topic_exists(tx, user_id, topic_id):
            raise TopicNotFound()

    def runs(
        self, user_id: UUID, topic_id: UUID | None, status: str | None, before: UUID | None, limit: int
    ) -> list[ExtractRun]:
        """Newest first."""
        with self._db.user(user_id) as tx:
            return runs.list_runs(tx, user_id, topic_id, status, before, limit)

    def run(self, user_id: UUID, run_id: UUID) -> tuple[ExtractRun, list[Any]]:
        """A run and its attempts: (attempt, try_no, provider, model, failure_class, latency_ms, tokens in and out)."""
        with self._db.user(user_id) as tx:
            run = runs.get(tx, user_id, run_id)
            if run is None:
                raise RunNotFound()
            return run, runs.attempts(tx, user_id, run_id)


class TopicNotes:
    """The cards of a topic, as an answer in it needs them."""

    def of_topic(self, tx: Transaction, user_id: UUID, topic_id: UUID) -> list[tuple[str, str, str, str]]:
        """(card_id, kind, title, body), in reading order."""
        return [
            (row.card_id, row.kind, row.title, row.body) for row in store.newest(tx, user_id, topic_id, CONTEXT_CARDS)
        ][::-1]

    def of_message(self, message: SourceMessage, roles: frozenset[str]) -> Sequence[tuple[str, str, str, str]]:
        """The same of what the rules note of one message alone; that has no ids."""
        from chalicelib.cards import rules

        return [("", draft.kind, draft.title, draft.body) for draft in rules.extract([message], roles=roles)]
