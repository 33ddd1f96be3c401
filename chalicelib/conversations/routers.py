"""Routing policies by name, each given what it looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.conversations import routing, store
from chalicelib.conversations.models import Decision

if TYPE_CHECKING:
    from chalicelib.conversations.routing_v1 import Window


class Router(Protocol):
    def decide(
        self, tx: Transaction, user_id: UUID, content: str, explicit_topic_id: UUID | None, active_topic_id: UUID | None
    ) -> Decision:
        """Where a new message goes. Changes nothing."""


class RouterV0:
    """Reads nothing but the message."""

    def decide(
        self, tx: Transaction, user_id: UUID, content: str, explicit_topic_id: UUID | None, active_topic_id: UUID | None
    ) -> Decision:
        return routing.route(content, explicit_topic_id, active_topic_id)


class RouterV1:
    """Reads what was said of late, in one statement, if there is anything to decide."""

    def decide(
        self, tx: Transaction, user_id: UUID, content: str, explicit_topic_id: UUID | None, active_topic_id: UUID | None
    ) -> Decision:
        from chalicelib.conversations.routing_v1 import NOTHING_BEFORE, route

        window = NOTHING_BEFORE
        if explicit_topic_id is None and active_topic_id is not None:
            window = self._window(tx, user_id, active_topic_id)
        return route(content, explicit_topic_id, active_topic_id, window)

    def _window(self, tx: Transaction, user_id: UUID, topic_id: UUID) -> Window:
        from chalicelib.conversations.routing_v1 import LONGEST_RUN, NOTHING_BEFORE, WINDOW, Spoken, Window
        from chalicelib.conversations.shifts.text import CLOSING, OPENING, read

        rows = store.recent_talk(tx, user_id, topic_id, WINDOW, LONGEST_RUN, OPENING, CLOSING)
        if not rows:
            return NOTHING_BEFORE
        spoken = [Spoken(row.role, row.topic_id, read(row.content)) for row in reversed(rows)]
        return Window(spoken, rows[0].run, rows[0].hours)


def router(policy: str) -> Router:
    return RouterV1() if policy == "v1" else RouterV0()
