"""Cards and extract runs as clients see them, and what the conversations domain asks of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.cards import store
from chalicelib.cards.errors import CardNotFound, RunNotFound
from chalicelib.cards.models import Card, CardKind, ExtractRun, SourceMessage
from chalicelib.cards.runs import store as runs
from chalicelib.conversations.errors import TopicNotFound
from chalicelib.jobs.models import JobKind
from chalicelib.jobs.outbox import Outbox

CONTEXT_CARDS = 40


class CardService:
    def __init__(self, db: Database, outbox: Outbox) -> None:
        self._db = db
        self._outbox = outbox

    def cards(
        self, user_id: UUID, topic_id: UUID, kind: CardKind | None, after: int, limit: int
    ) -> list[tuple[int, Card]]:
        """(position, card) pairs of a topic, in reading order."""
        with self._db.user(user_id) as tx:
            self._check_topic(tx, user_id, topic_id)
            return store.list_cards(tx, user_id, topic_id, kind, after, limit)

    def card(self, user_id: UUID, card_id: str) -> Card:
        with self._db.user(user_id) as tx:
            card = store.get(tx, user_id, card_id)
        if card is None:
            raise CardNotFound()
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


class CardTraces:
    """What messages leave in cards (`conversations.service.DerivedState`)."""

    def forget_message(self, tx: Transaction, user_id: UUID, topic_id: UUID, message_id: int) -> None:
        """Cards that quote it go at once; the others stay until the topic has been extracted again."""
        store.delete_citing(tx, user_id, message_id)
        runs.forget_card_sets(tx, user_id, message_id)
        runs.show_nothing(tx, topic_id)

    def follow(
        self, tx: Transaction, user_id: UUID, message_ids: Sequence[int], from_topic_id: UUID, to_topic_id: UUID
    ) -> None:
        """Nothing yet: cards change their topic when both have been extracted again."""

    def clear_topic(self, tx: Transaction, topic_id: UUID) -> None:
        store.delete_of_topic(tx, topic_id)
        runs.show_nothing(tx, topic_id)


class TopicNotes:
    """The cards of a topic, as an answer in it needs them."""

    def of_topic(self, tx: Transaction, user_id: UUID, topic_id: UUID) -> list[tuple[str, str, str]]:
        """(kind, title, body), in reading order."""
        return [(row.kind, row.title, row.body) for row in store.newest(tx, user_id, topic_id, CONTEXT_CARDS)][::-1]

    def of_message(self, message: SourceMessage, roles: frozenset[str]) -> Sequence[tuple[str, str, str]]:
        """What the rules note of one message alone."""
        from chalicelib.cards import rules

        return [(draft.kind, draft.title, draft.body) for draft in rules.extract([message], roles=roles)]
