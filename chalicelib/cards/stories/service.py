"""Stories as clients read, compare and ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn
from uuid import UUID

from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.cards.runs import store as runs
from chalicelib.cards.stories import store
from chalicelib.cards.stories.comparing import Comparison, compare
from chalicelib.cards.stories.errors import StoryNotFound
from chalicelib.cards.stories.models import Story, StoryVersion
from chalicelib.cards.stories.renewal import Renewal
from chalicelib.conversations.errors import TopicNotFound


@dataclass(frozen=True, slots=True)
class Compared:
    """Two versions, and what became of the paragraphs."""

    before: StoryVersion
    after: StoryVersion
    comparison: Comparison


class StoryService:
    def __init__(self, db: Database, renewal: Renewal) -> None:
        self._db = db
        self._renewal = renewal

    def story(self, user_id: UUID, topic_id: UUID, version: int | None) -> Story:
        """The newest version, or the one that is named.

        Raises:
            TopicNotFound, StoryNotFound
        """
        with self._db.user(user_id) as tx:
            if version is None:
                found = store.newest(tx, user_id, topic_id, None, 1)
            else:
                found = list(store.of_versions(tx, user_id, topic_id, [version]).values())
            return found[0] if found else self._missing(tx, user_id, topic_id)

    def versions(self, user_id: UUID, topic_id: UUID, before: int | None, limit: int) -> list[StoryVersion]:
        """Newest first.

        Raises:
            TopicNotFound
        """
        with self._db.user(user_id) as tx:
            self._check_topic(tx, user_id, topic_id)
            return store.versions(tx, user_id, topic_id, before, limit)

    def compare(self, user_id: UUID, topic_id: UUID, before: int | None, after: int | None) -> Compared:
        """What became of the paragraphs of one version in another.

        Args:
            before: by default the version before `after`; of the first version, itself.
            after: by default the newest.

        Raises:
            TopicNotFound, StoryNotFound
        """
        with self._db.user(user_id) as tx:
            pair = self._pair(tx, user_id, topic_id, before, after) or self._missing(tx, user_id, topic_id)
        older, newer = pair
        return Compared(older.head, newer.head, compare(older.paragraphs, newer.paragraphs))

    def _pair(
        self, tx: Transaction, user_id: UUID, topic_id: UUID, before: int | None, after: int | None
    ) -> tuple[Story, Story] | None:
        if before is None:
            found = store.newest(tx, user_id, topic_id, after, 2)
            is_there = bool(found) and after in (None, found[0].head.version)
            return (found[-1], found[0]) if is_there else None
        if after is None:
            newest = store.newest(tx, user_id, topic_id, None, 1)
            after = newest[0].head.version if newest else before
        named = store.of_versions(tx, user_id, topic_id, [before, after])
        return (named[before], named[after]) if {before, after} <= named.keys() else None

    def request(self, tx: Transaction, user_id: UUID, topic_id: UUID, request_id: str) -> UUID | None:
        """Queues a story by hand, without delay. Returns the job's id; None for a topic without cards.

        Raises:
            TopicNotFound
        """
        self._check_topic(tx, user_id, topic_id)
        if store.hashes(tx, user_id, topic_id).present is None:
            return None
        return self._renewal.by_hand(tx, user_id, topic_id, request_id)

    def _missing(self, tx: Transaction, user_id: UUID, topic_id: UUID) -> NoReturn:
        self._check_topic(tx, user_id, topic_id)
        raise StoryNotFound()

    def _check_topic(self, tx: Transaction, user_id: UUID, topic_id: UUID) -> None:
        if not runs.topic_exists(tx, user_id, topic_id):
            raise TopicNotFound()
