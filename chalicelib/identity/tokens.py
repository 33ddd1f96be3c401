"""JSON Web Tokens: an OIDC issuer's keys, and the check of one token (RFC 7519, RFC 8725)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from chalicelib.adapters.clock import Monotonic
from chalicelib.errors import ConfigurationError
from chalicelib.identity.errors import ExpiredToken, InvalidToken, KeysUnavailable
from chalicelib.settings import Settings

ALGORITHMS = ["RS256", "ES256"]
LEEWAY = 30  # seconds a clock may be off
REFRESH = 300  # seconds a key set is kept
UNKNOWN_KEY_REFRESH = 10  # seconds between look-ups for key ids nobody has heard of
MAX_SUBJECT = 255

FetchJwks = Callable[[], bytes]


def jwks_fetcher(settings: Settings) -> FetchJwks:
    """How to read the issuer's key set: https anywhere; a file path in the local stage only."""
    url = settings.oidc_jwks_url
    if urlsplit(url).scheme == "https":
        return lambda: _get(url)
    if not settings.is_local:
        raise ConfigurationError("GLIA_OIDC_JWKS_URL must be an https address outside the local stage")
    return lambda: _read(url)


def _get(url: str) -> bytes:
    import urllib.request

    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - https only, from our own settings
        return bytes(answer.read(1_000_000))


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


class KeySet:
    """The issuer's public keys, cached. An unknown key id causes a look-up at most every ten seconds."""

    def __init__(self, fetch: FetchJwks, monotonic: Monotonic) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._keys: dict[str | None, Any] = {}
        self._fetched_at: float | None = None
        self._lock = threading.Lock()

    def key(self, key_id: str | None) -> Any:
        """The public key, or None if the issuer has none of that id.

        Raises:
            KeysUnavailable: the issuer does not answer and nothing is cached.
        """
        with self._lock:
            if self._is_older_than(REFRESH) or (key_id not in self._keys and self._is_older_than(UNKNOWN_KEY_REFRESH)):
                self._refresh()
            return self._keys.get(key_id)

    def _is_older_than(self, seconds: float) -> bool:
        return self._fetched_at is None or self._monotonic() - self._fetched_at > seconds

    def _refresh(self) -> None:
        from jwt import PyJWKSet
        from jwt.exceptions import PyJWTError

        try:
            keys = PyJWKSet.from_dict(json.loads(self._fetch())).keys
        except (OSError, ValueError, PyJWTError) as error:
            if self._fetched_at is None:
                raise KeysUnavailable() from error
            return
        self._keys = {key.key_id: key for key in keys}
        self._fetched_at = self._monotonic()


class TokenVerifier:
    """Checks signature, issuer, audience and times of a token."""

    def __init__(self, settings: Settings, keys: KeySet) -> None:
        self._issuer = settings.oidc_issuer
        self._audience = settings.oidc_audience
        self._keys = keys

    def subject(self, token: str) -> tuple[str, str]:
        """The (issuer, subject) that a valid token speaks for.

        Raises:
            InvalidToken, ExpiredToken, KeysUnavailable
        """
        claims = self._claims(token)
        subject = claims["sub"]
        if not subject or len(subject) > MAX_SUBJECT or not subject.isprintable():
            raise InvalidToken()
        return self._issuer, subject

    def _claims(self, token: str) -> dict[str, Any]:
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise InvalidToken()
            key = self._keys.key(header.get("kid"))
            if key is None or key.algorithm_name != header["alg"]:
                raise InvalidToken()
            return jwt.decode(
                token,
                key.key,
                algorithms=[header["alg"]],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise ExpiredToken() from None
        except (jwt.PyJWTError, ValueError):
            raise InvalidToken() from None
