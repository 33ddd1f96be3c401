"""Routing replays: what another policy would have decided over a user's history, without changing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from chalicelib.adapters.postgres import Database

if TYPE_CHECKING:
    from chalicelib.conversations.replays.models import Report


class RoutingReplays:
    def __init__(self, db: Database) -> None:
        self._db = db

    def replay(self, user_id: UUID, policy: str, up_to: int, limit: int) -> Report:
        """Replays a policy over the user's newest messages.

        Args:
            policy: one of `replay.POLICIES`.
            up_to: the last message to replay.
            limit: messages, the assistant's too. Some older ones are read besides, as what went before.
        """
        from chalicelib.conversations.replays import store
        from chalicelib.conversations.replays.replay import replay
        from chalicelib.conversations.routing_v1 import WINDOW
        from chalicelib.conversations.shifts.text import CLOSING, OPENING

        with self._db.user(user_id) as tx:
            found = store.history(tx, user_id, up_to, limit + WINDOW, OPENING, CLOSING)
        older = max(0, len(found) - limit)
        return replay(policy, found[::-1], older, is_cut=older > 0)
