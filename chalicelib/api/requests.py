"""Reading requests: bodies, query strings, ids, cursors. Everything wrong with one becomes an error of the contract."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from chalicelib.errors import BadRequest, Invalid, NotFound, TooLarge

MAX_BODY = 6 * 1024 * 1024  # what Lambda takes
MAX_PAGE = 200
Model = TypeVar("Model", bound=BaseModel)


class InvalidCursor(BadRequest):
    """The cursor is not one of this list's."""

    code = "cursor_invalid"


class InvalidJson(BadRequest):
    """The body is not JSON."""

    code = "body_not_json"


def _clean(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain the NUL character")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must not contain lone surrogates")
    return text


Text = Annotated[str, AfterValidator(_clean)]
Name = Annotated[str, AfterValidator(_clean), Field(min_length=1, max_length=200, pattern=r"\S")]


class Body(BaseModel):
    """A request body: strict types, no unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class Query(BaseModel):
    """A query string: values are text, unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


class Page(Query):
    """The parameters every list takes."""

    cursor: str | None = Field(default=None, max_length=200, description="`next_cursor` of the page before.")
    limit: int = Field(default=50, ge=1, le=MAX_PAGE, description="Items on a page.")


def parse_body(model: type[Model], raw: bytes) -> Model:
    """
    Raises:
        InvalidJson, Invalid, TooLarge
    """
    if len(raw) > MAX_BODY:
        raise TooLarge("The body is larger than 6 MB.")
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            _refuse_json(raw)
        raise _invalid(error) from None


def _refuse_json(raw: bytes) -> None:
    """Tells text that is no JSON at all from JSON that cannot be kept, such as lone surrogates."""
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidJson() from None
    raise Invalid("The body holds characters or numbers that cannot be kept.")


def parse_query(model: type[Model], parameters: dict[str, list[str]]) -> Model:
    if repeated := [name for name, values in parameters.items() if len(values) > 1]:
        raise Invalid("A parameter was given twice.", fields=sorted(repeated))
    try:
        return model.model_validate({name: values[0] for name, values in parameters.items()})
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> Invalid:
    """Names the fields and what is wrong with them, never what they held."""
    fields = [
        {"field": ".".join(str(part) for part in item["loc"]), "problem": item["msg"]} for item in error.errors()[:20]
    ]
    return Invalid("Some fields are not valid.", fields=fields)


def path_uuid(value: str, missing: type[NotFound]) -> UUID:
    """An id from a path. One that is not even well-formed names nothing."""
    try:
        return UUID(value)
    except ValueError:
        raise missing() from None


def path_text(value: str, missing: type[NotFound]) -> str:
    if "\x00" in value:
        raise missing()
    return value


def path_int(value: str, missing: type[NotFound]) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", value):
        raise missing()
    return int(value)


def encode_cursor(kind: str, value: Any) -> str:
    """An opaque cursor of the list `kind`."""
    return base64.urlsafe_b64encode(f"{kind}:{value}".encode()).decode().rstrip("=")


def _cursor_value(kind: str, cursor: str) -> str:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidCursor() from None
    found, _, value = text.partition(":")
    if found != kind:
        raise InvalidCursor()
    return value


def cursor_uuid(kind: str, cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        return UUID(_cursor_value(kind, cursor))
    except ValueError:
        raise InvalidCursor() from None


def cursor_int(kind: str, cursor: str | None) -> int:
    if cursor is None:
        return 0
    value = _cursor_value(kind, cursor)
    if not re.fullmatch(r"[0-9]{1,18}", value):
        raise InvalidCursor()
    return int(value)


def cursor_parts(kind: str, cursor: str, pattern: str) -> tuple[str, ...]:
    """The groups of a cursor's value.

    Raises:
        InvalidCursor
    """
    found = re.fullmatch(pattern, _cursor_value(kind, cursor))
    if not found:
        raise InvalidCursor()
    return found.groups()
