"""Tokens and API keys."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from chalicelib import wiring
from chalicelib.errors import ConfigurationError
from chalicelib.identity import dev_issuer
from chalicelib.identity.errors import ExpiredToken, InvalidToken, KeysUnavailable
from chalicelib.identity.tokens import KeySet, TokenVerifier
from chalicelib.settings import Settings
from local.roles import DatabaseUrls
from tests.conftest import settings_for
from tests.support.api import Api
from tests.support.databases import Server

ISSUER = "https://issuer.test"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwks() -> bytes:
    rsa_jwk = jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True)
    ec_jwk = jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True)
    keys = [{**rsa_jwk, "kid": "r", "alg": "RS256"}, {**ec_jwk, "kid": "e", "alg": "ES256"}]
    return json.dumps({"keys": keys}).encode()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def verifier() -> TokenVerifier:
    settings = Settings.from_env({"GLIA_OIDC_ISSUER": ISSUER, "GLIA_OIDC_AUDIENCE": "glia"})
    return TokenVerifier(settings, KeySet(jwks, Clock()))


def claims(**changes: Any) -> dict[str, Any]:
    made = {"iss": ISSUER, "aud": "glia", "sub": "ana", "exp": int(time.time()) + 60, **changes}
    return {name: value for name, value in made.items() if value is not None}


def signed(key: Any = RSA_KEY, algorithm: str = "RS256", kid: str | None = "r", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm, headers={"kid": kid} if kid else None)


def test_tokens_of_the_issuer_are_accepted(verifier: TokenVerifier) -> None:
    """RS256 and ES256, by key id."""
    assert verifier.subject(signed()) == (ISSUER, "ana")
    assert verifier.subject(signed(EC_KEY, "ES256", "e")) == (ISSUER, "ana")
    assert verifier.subject(signed(aud=["other", "glia"])) == (ISSUER, "ana")


def unsigned() -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none', 'kid': 'r'})}.{part(claims())}."


FORGED: dict[str, Callable[[], str]] = {
    "another key": lambda: signed(STRANGER),
    "alg none": unsigned,
    "public key as secret": lambda: signed(RSA_KEY.public_key().public_numbers().n.to_bytes(256), "HS256"),
    "wrong audience": lambda: signed(aud="other"),
    "no audience": lambda: signed(aud=None),
    "wrong issuer": lambda: signed(iss="https://evil.test"),
    "no subject": lambda: signed(sub=None),
    "blank subject": lambda: signed(sub=""),
    "endless subject": lambda: signed(sub="x" * 300),
    "subject with NUL": lambda: signed(sub="a\x00b"),
    "subject with a lone surrogate": lambda: signed(sub="a\ud800"),
    "no expiry": lambda: signed(exp=None),
    "not yet valid": lambda: signed(nbf=int(time.time()) + 3600),
    "unknown key id": lambda: signed(kid="x"),
    "no key id": lambda: signed(kid=None),
    "key of another algorithm": lambda: signed(kid="e"),
    "RS512": lambda: signed(algorithm="RS512"),
    "tampered": lambda: signed()[:-4] + "AAAA",
    "not a token": lambda: "abc",
    "three dots": lambda: "a.b.c",
    "not ASCII": lambda: "é.é.é",
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_and_foreign_tokens_are_refused(verifier: TokenVerifier, name: str) -> None:
    """Whatever is wrong with it, it is invalid, and nothing else is said."""
    with pytest.raises(InvalidToken):
        verifier.subject(FORGED[name]())


def test_an_expired_token_says_so(verifier: TokenVerifier) -> None:
    """Clients renew on `token_expired`."""
    with pytest.raises(ExpiredToken):
        verifier.subject(signed(exp=int(time.time()) - 3600))


def test_the_key_set_is_cached_and_cannot_be_made_to_hammer_the_issuer() -> None:
    """One look-up for any number of tokens; unknown key ids cause one every ten seconds at most."""
    fetched: list[int] = []
    clock = Clock()
    keys = KeySet(lambda: fetched.append(1) or jwks(), clock)  # type: ignore[func-returns-value]
    for n in range(50):
        assert keys.key("r") is not None
        assert keys.key(f"unknown-{n}") is None
    assert len(fetched) == 1
    clock.now += 11
    assert keys.key("unknown") is None
    assert len(fetched) == 2
    clock.now += 301
    assert keys.key("r") is not None
    assert len(fetched) == 3


def test_an_issuer_that_is_down_is_503_at_first_and_no_matter_later() -> None:
    """Without keys nobody can be let in; with cached ones everybody who was is."""
    clock = Clock()
    answers: list[Any] = [OSError(), jwks(), OSError()]

    def fetch() -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return bytes(answer)

    keys = KeySet(fetch, clock)
    with pytest.raises(KeysUnavailable):
        keys.key("r")
    assert keys.key("r") is not None
    clock.now += 301
    assert keys.key("r") is not None


def test_api_keys_work_until_they_are_revoked(api: Api) -> None:
    """A key acts as its user; it is shown once, stored hashed, and refused the moment it is revoked."""
    made = api.post("/api-keys", {"name": "laptop"}, 201)
    headers = {"Authorization": f"Bearer {made['secret']}"}
    api.chat("hello")
    assert len(json.loads(api.request("GET", "/conversation/messages", headers=headers).body)["items"]) == 1
    (listed,) = api.get("/api-keys")["items"]
    assert listed["prefix"] == made["secret"][:11]
    assert "secret" not in listed
    assert api.delete(f"/api-keys/{made['key_id']}", 200)["revoked_at"]
    refused = api.request("GET", "/conversation", headers=headers)
    assert (refused.status_code, refused.json_body["error"]["code"]) == (401, "api_key_invalid")


def test_the_secret_of_a_key_is_nowhere_in_the_database(api: Api, superuser_rows: Any) -> None:
    """Not even in the answer kept for its Idempotency-Key; a repeat gets the key without the secret."""
    headers = {"Idempotency-Key": "make-key"}
    made = api.post("/api-keys", {"name": "ci"}, 201, **headers)
    again = api.post("/api-keys", {"name": "ci"}, 201, **headers)
    assert again == {**made, "secret": None}
    assert superuser_rows(made["secret"]) == []
    assert superuser_rows(made["secret"][len("glia_") + 8 :]) == []


def test_unknown_and_malformed_credentials(api: Api) -> None:
    """Every kind of bad Authorization header is 401 with its code."""
    cases = {
        "": "credentials_missing",
        "Bearer": "credentials_missing",
        "Basic abc": "credentials_missing",
        "Bearer glia_unknown": "api_key_invalid",
        "Bearer x.y.z": "token_invalid",
    }
    for header, code in cases.items():
        response = api.request("GET", "/conversation", headers={"Authorization": header})
        assert (response.status_code, response.json_body["error"]["code"]) == (401, code)


def test_the_gate_can_be_off_in_the_local_stage_only(
    api: Api, database: DatabaseUrls, home: Path, server: Server
) -> None:
    """Off means one local user, and a warning in /health; elsewhere the process does not start."""
    open_settings = settings_for(database, home, server, GLIA_AUTH="off")
    built = wiring.build(open_settings, queue=api.queue)
    wiring.use(built)
    response = api.request("GET", "/conversation", headers={"Authorization": ""})
    assert response.status_code == 200
    assert built.health.warnings()
    with pytest.raises(ConfigurationError):
        settings_for(database, home, server, GLIA_AUTH="off", GLIA_STAGE="prod")
    built.close()


def test_the_development_issuer_refuses_outside_the_local_stage(tmp_path: Path) -> None:
    """Nobody signs tokens for a real deployment with it; and there its key file is no key set either."""
    settings = Settings.from_env({"GLIA_STAGE": "prod", "GLIA_OIDC_JWKS_URL": str(tmp_path / "jwks.json")})
    with pytest.raises(ConfigurationError):
        dev_issuer.issue(settings, tmp_path, "alice")
    with pytest.raises(ConfigurationError):
        wiring.build(settings)
