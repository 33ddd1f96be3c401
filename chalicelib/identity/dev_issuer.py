"""A development issuer: tokens for any local user. It refuses to work outside the local stage.

python -m chalicelib.identity.dev_issuer alice
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from chalicelib.errors import ConfigurationError
from chalicelib.settings import Settings

ISSUER = "http://127.0.0.1/dev-issuer"
KEY_ID = "dev"
TTL = 30 * 24 * 3600


def ensure_keys(home: Path) -> Path:
    """Makes the key pair under `home`/identity if it is not there. Returns the path of the public key set."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = home / "identity"
    private, public = folder / "private.pem", folder / "jwks.json"
    if private.exists() and public.exists():
        return public
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write_whole(private, pem)
    _write_whole(public, json.dumps({"keys": [_public_jwk(key.public_key())]}).encode())
    return public


def _public_jwk(key: object) -> dict[str, object]:
    from jwt.algorithms import ECAlgorithm

    return {**ECAlgorithm.to_jwk(key, as_dict=True), "kid": KEY_ID, "alg": "ES256", "use": "sig"}  # type: ignore[call-overload]


def _write_whole(path: Path, content: bytes) -> None:
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_bytes(content)
    partial.replace(path)


def issue(settings: Settings, home: Path, subject: str, ttl: int = TTL) -> str:
    """A signed token for `subject`, valid for `ttl` seconds.

    Raises:
        ConfigurationError: outside the local stage.
    """
    import jwt

    if not settings.is_local:
        raise ConfigurationError("the development issuer works in the local stage only")
    ensure_keys(home)
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": settings.oidc_audience, "sub": subject, "iat": now, "exp": now + ttl}
    return jwt.encode(claims, (home / "identity" / "private.pem").read_bytes(), "ES256", headers={"kid": KEY_ID})


def main() -> None:
    parser = argparse.ArgumentParser(description="Print a token for a local user.")
    parser.add_argument("subject", help="any name, such as alice")
    parser.add_argument("--ttl", type=int, default=TTL, help="seconds until it expires (default: 30 days)")
    args = parser.parse_args()
    home = Path(os.environ.get("GLIA_HOME") or ".glia")
    try:
        token = issue(Settings.from_env(os.environ), home, args.subject, args.ttl)
    except ConfigurationError as error:
        sys.exit(f"glia: {error.message}")
    sys.stdout.write(token + "\n")


if __name__ == "__main__":
    main()
