"""What one user may use: messages a minute, and model tokens a day. Counted from the turns themselves."""

from __future__ import annotations

from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.conversations import store
from chalicelib.conversations.errors import TokensUsedUp
from chalicelib.errors import RateLimited

MINUTE, DAY = 60, 86_400


class Limits:
    """Bounds by setting; 0 is none. Checked under the conversation's lock, so that two at once cannot both pass."""

    def __init__(self, *, messages_per_minute: int, tokens_per_day: int) -> None:
        self._messages = messages_per_minute
        self._tokens = tokens_per_day

    def check(self, tx: Transaction, user_id: UUID) -> None:
        """
        Raises:
            RateLimited, TokensUsedUp
        """
        if not self._messages and not self._tokens:
            return
        turns, tokens = store.usage(tx, user_id, DAY if self._tokens else MINUTE)
        if self._messages and turns >= self._messages:
            raise RateLimited()
        if self._tokens and tokens >= self._tokens:
            raise TokensUsedUp()
