"""One error base, and the one table that maps errors to HTTP and to retry or drop.

    GliaError
    ├── ConfigurationError        the process cannot start
    ├── BadRequest        400     malformed
    ├── Unauthorized      401
    ├── Forbidden         403
    ├── NotFound          404     also another user's ids
    ├── MethodNotAllowed  405
    ├── Conflict          409
    ├── Gone              410
    ├── TooLarge          413
    ├── UnsupportedMedia  415
    ├── Invalid           422     well-formed but invalid
    ├── RateLimited       429
    └── Unavailable       503     carries Retry-After

A domain's own errors derive from one of these and set `code`; codes are stable and listed in docs/api.md.
"""

from __future__ import annotations

from typing import Any, ClassVar


class GliaError(Exception):
    """Something went wrong inside Glia."""

    status: ClassVar[int] = 500
    code: str = "internal"
    retryable: ClassVar[bool] = True

    def __init__(self, message: str | None = None, *, code: str | None = None, **details: Any) -> None:
        self.message = message or (self.__doc__ or "").strip().splitlines()[0]
        if code:
            self.code = code
        self.details = details
        super().__init__(self.message)


class ConfigurationError(GliaError):
    """The settings are not usable."""

    code = "configuration"
    retryable = False


class ClientError(GliaError):
    """The request cannot be served as it is."""

    retryable = False


class BadRequest(ClientError):
    """The request is malformed."""

    status, code = 400, "bad_request"


class Unauthorized(ClientError):
    """No valid credentials were given."""

    status, code = 401, "unauthorized"


class Forbidden(ClientError):
    """You may not do this."""

    status, code = 403, "forbidden"


class NotFound(ClientError):
    """There is nothing here."""

    status, code = 404, "not_found"


class MethodNotAllowed(ClientError):
    """This address does not answer that method."""

    status, code = 405, "method_not_allowed"


class Conflict(ClientError):
    """The request does not fit the present state."""

    status, code = 409, "conflict"


class Gone(ClientError):
    """This has expired."""

    status, code = 410, "gone"


class TooLarge(ClientError):
    """The request is too large."""

    status, code = 413, "too_large"


class UnsupportedMedia(ClientError):
    """The body is not of a type this address takes."""

    status, code = 415, "unsupported_media_type"


class Invalid(ClientError):
    """The request is well-formed but invalid."""

    status, code = 422, "invalid"


class RateLimited(ClientError):
    """You have sent too many messages in the last minute; wait a little."""

    status, code = 429, "rate_limited"
    retry_after = 20


class Unavailable(GliaError):
    """A part of Glia is not available right now; try again."""

    status, code = 503, "unavailable"
    retry_after = 2
