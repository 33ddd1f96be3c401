"""SQL of users and API keys."""

from __future__ import annotations

from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.identity.models import ApiKey

# The user of (issuer, subject), made on first sight; no row when another request is making it right now.
IDENTIFY = "SELECT identify_user(%s, %s, %s) AS user_id"

# The user of a live API key.
USER_OF_KEY = "SELECT user_of_api_key(%s) AS user_id"

# A page of keys, newest first.
LIST_KEYS = """
    SELECT key_id, name, prefix, created_at, revoked_at FROM api_keys
    WHERE user_id = %s AND (%s::uuid IS NULL OR key_id < %s) ORDER BY key_id DESC LIMIT %s
"""

INSERT_KEY = """
    INSERT INTO api_keys (key_id, user_id, name, prefix, key_sha256) VALUES (%s, %s, %s, %s, %s)
    RETURNING key_id, name, prefix, created_at, revoked_at
"""

# Revokes once; a second call keeps the first time.
REVOKE_KEY = """
    UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE key_id = %s AND user_id = %s
    RETURNING key_id, name, prefix, created_at, revoked_at
"""


def identify(tx: Transaction, issuer: str, subject: str, new_id: UUID) -> UUID | None:
    user_id: UUID | None = tx.one(IDENTIFY, issuer, subject, new_id).user_id
    return user_id


def user_of_key(tx: Transaction, key_sha256: bytes) -> UUID | None:
    user_id: UUID | None = tx.one(USER_OF_KEY, key_sha256).user_id
    return user_id


def list_keys(tx: Transaction, user_id: UUID, before: UUID | None, limit: int) -> list[ApiKey]:
    return [ApiKey(*row) for row in tx.rows(LIST_KEYS, user_id, before, before, limit)]


def insert_key(tx: Transaction, user_id: UUID, key_id: UUID, name: str, prefix: str, key_sha256: bytes) -> ApiKey:
    return ApiKey(*tx.one(INSERT_KEY, key_id, user_id, name, prefix, key_sha256))


def revoke_key(tx: Transaction, user_id: UUID, key_id: UUID) -> ApiKey | None:
    row = tx.row(REVOKE_KEY, key_id, user_id)
    return ApiKey(*row) if row else None
