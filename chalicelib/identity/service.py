"""Who is asking: tokens and API keys in, an `Identity` out; and the keeping of API keys."""

from __future__ import annotations

import hashlib
import secrets
from uuid import UUID

from chalicelib.adapters.clock import NewId
from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.errors import NotFound
from chalicelib.identity import store
from chalicelib.identity.errors import InvalidApiKey, KeysUnavailable, MissingCredentials
from chalicelib.identity.models import ApiKey, Identity, NewApiKey
from chalicelib.identity.tokens import TokenVerifier

KEY_PREFIX = "glia_"
GATE_OFF_USER = ("local", "local")
CACHED_USERS = 10_000


def _sha256(secret: str) -> bytes:
    """Keys carry 256 random bits, so a plain hash is enough: there is nothing to guess."""
    return hashlib.sha256(secret.encode()).digest()


class IdentityService:
    def __init__(self, db: Database, verifier: TokenVerifier, new_id: NewId, *, gate_off: bool = False) -> None:
        self._db = db
        self._verifier = verifier
        self._new_id = new_id
        self._gate_off = gate_off
        self._users: dict[tuple[str, str], UUID] = {}  # a user's id never changes

    def authenticate(self, authorization: str | None) -> Identity:
        """The identity behind an Authorization header.

        Raises:
            MissingCredentials, InvalidToken, ExpiredToken, InvalidApiKey, KeysUnavailable
        """
        if self._gate_off:
            return Identity(self._user(*GATE_OFF_USER), "gate_off")
        scheme, _, credentials = (authorization or "").partition(" ")
        credentials = credentials.strip()
        if scheme.lower() != "bearer" or not credentials:
            raise MissingCredentials()
        if credentials.startswith(KEY_PREFIX):
            return Identity(self._user_of_key(credentials), "api_key")
        return Identity(self._user(*self._verifier.subject(credentials)), "token")

    def _user(self, issuer: str, subject: str) -> UUID:
        if user_id := self._users.get((issuer, subject)):
            return user_id
        user_id = self._identify(issuer, subject)
        if len(self._users) >= CACHED_USERS:
            self._users.clear()
        self._users[issuer, subject] = user_id
        return user_id

    def _identify(self, issuer: str, subject: str) -> UUID:
        for _ in range(2):  # the second time the row that another request was making is there
            with self._db.nobody() as tx:
                if user_id := store.identify(tx, issuer, subject, self._new_id()):
                    return user_id
        raise KeysUnavailable()

    def _user_of_key(self, secret: str) -> UUID:
        with self._db.nobody() as tx:
            user_id = store.user_of_key(tx, _sha256(secret))
        if user_id is None:
            raise InvalidApiKey()
        return user_id

    def keys(self, user_id: UUID, before: UUID | None, limit: int) -> list[ApiKey]:
        with self._db.user(user_id) as tx:
            return store.list_keys(tx, user_id, before, limit)

    def create_key(self, tx: Transaction, user_id: UUID, name: str) -> NewApiKey:
        secret = KEY_PREFIX + secrets.token_urlsafe(32)
        key = store.insert_key(tx, user_id, self._new_id(), name, secret[: len(KEY_PREFIX) + 6], _sha256(secret))
        return NewApiKey(key, secret)

    def revoke_key(self, user_id: UUID, key_id: UUID) -> ApiKey:
        with self._db.user(user_id) as tx:
            key = store.revoke_key(tx, user_id, key_id)
        if key is None:
            raise NotFound("There is no such API key.")
        return key
