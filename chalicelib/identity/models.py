"""Types of the identity domain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request acts for, and how that was established."""

    user_id: UUID
    method: Literal["token", "api_key", "gate_off"]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it may be shown: `prefix` tells keys apart; the key itself is not stored."""

    key_id: UUID
    name: str
    prefix: str
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key just made. `secret` is shown this once; it is None when an earlier answer is repeated."""

    key: ApiKey
    secret: str | None
