"""Errors of the identity domain."""

from chalicelib.errors import Unauthorized, Unavailable


class MissingCredentials(Unauthorized):
    """Send an Authorization header: Bearer, then a token or an API key."""

    code = "credentials_missing"


class InvalidToken(Unauthorized):
    """The token is not valid."""

    code = "token_invalid"


class ExpiredToken(Unauthorized):
    """The token has expired."""

    code = "token_expired"


class InvalidApiKey(Unauthorized):
    """The API key is unknown or was revoked."""

    code = "api_key_invalid"


class KeysUnavailable(Unavailable):
    """The issuer's signing keys cannot be read right now; try again."""

    code = "issuer_unavailable"
