"""Writing answers: JSON, the error contract, pages, times."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from chalice.app import Response
from pydantic import BaseModel, ConfigDict, PlainSerializer

from chalicelib.errors import GliaError, RateLimited, Unavailable

JSON = "application/json"
Item = TypeVar("Item")
Shown = TypeVar("Shown", bound=BaseModel)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


Timestamp = Annotated[datetime, PlainSerializer(_rfc3339, return_type=str)]


class View(BaseModel):
    """What a client is shown. Read from the attributes of a domain object.

    Like all models of the API, built when first used: a cold start pays for those that its request needs.
    """

    model_config = ConfigDict(from_attributes=True, defer_build=True)


class ErrorBody(View):
    code: str
    message: str
    details: dict[str, Any]
    request_id: str


class ErrorView(View):
    """Every error looks like this; `code` is stable."""

    error: ErrorBody


def answer(status: int, view: BaseModel, headers: dict[str, str] | None = None) -> Response:
    return Response(view.model_dump_json(), {"Content-Type": JSON, **(headers or {})}, status)


def plain(status: int, body: Any) -> Response:
    """A body that is JSON already (the first answer of a repeated write); None is an answer without one."""
    if body is None:
        return empty(status)
    return Response(json.dumps(body), {"Content-Type": JSON}, status)


def empty(status: int = 204) -> Response:
    return Response("", {}, status)


def error_answer(error: GliaError, request_id: str) -> Response:
    body = ErrorBody(code=error.code, message=error.message, details=error.details, request_id=request_id)
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Unavailable | RateLimited) else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return answer(error.status, ErrorView(error=body), headers)


def page(
    view: type[Shown], items: Sequence[Item], limit: int, present: Callable[[Item], Any], cursor: Callable[[Item], str]
) -> Response:
    """A page of at most `limit` of the `limit + 1` items asked for; the one too many says that there is a next page.

    Args:
        view: a model with `items` and `next_cursor`.
        cursor: the cursor that continues after an item.
    """
    shown = items[:limit]
    next_cursor = cursor(shown[-1]) if len(items) > limit else None
    return answer(200, view(items=[present(item) for item in shown], next_cursor=next_cursor))
