"""What can go wrong between a client and Glia.

GliaError
├── Unreachable       no answer: refused, lost or out of time
├── NotGlia           an answer, but not one of Glia's
└── ApiError          an error of Glia's contract, with its code
    └── NotLoggedIn   401
"""

from __future__ import annotations

from typing import Any


class GliaError(Exception):
    """Base of all errors of this package. Its text is one line, fit to be shown."""


class Unreachable(GliaError):
    """The server could not be reached."""


class NotGlia(GliaError):
    """Something answered that is not Glia: a wrong address, or a proxy in between."""


class ApiError(GliaError):
    """Glia refused, or failed. `code` is stable and documented; `request_id` finds the request in the server's logs."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        request_id: str | None = None,
        details: dict[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.details = details or {}
        self.retry_after = retry_after
        reference = f" (request {request_id})" if request_id else ""
        super().__init__(f"{code}: {message}{self._fields()}{reference}")

    @property
    def is_passing(self) -> bool:
        """Whether the same request may succeed in a moment."""
        return self.status in (429, 502, 503, 504)

    def _fields(self) -> str:
        """Which fields of a request were not valid, and why."""
        fields = self.details.get("fields")
        if not isinstance(fields, list):
            return ""
        named = [f"{item['field']}: {item['problem']}" for item in fields if isinstance(item, dict) and len(item) == 2]
        return f" {'; '.join(named)}." if named else ""


class NotLoggedIn(ApiError):
    """The token is missing, wrong or expired."""
