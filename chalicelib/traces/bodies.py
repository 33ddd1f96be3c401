"""Reading bodies of events: JSON or NDJSON, gzip or not, whatever is in them. One bad event never spoils the others."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json

from chalicelib.errors import TooLarge
from chalicelib.traces.errors import BrokenCompression, InflatedTooLarge, TooManyEvents, UnreadableBody
from chalicelib.traces.models import Unreadable

BODY_BYTES = 6 * 1024 * 1024  # what Lambda takes
INFLATED_BYTES = 32 * 1024 * 1024
MAX_EVENTS = 20_000
LONGEST_NUMBER = 400  # digits
GZIP_MAGIC = b"\x1f\x8b"
# How unpacked bodies begin: JSON, NDJSON; OTLP's protobuf, whose first byte is its field 1.
PLAIN_STARTS = (b"{", b"[", b"\n")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
_OPENING = re.compile(r'\s*\{\s*"events"\s*:\s*\[')


def read_events(raw: bytes, *, is_gzip: bool, is_lines: bool) -> list[Any]:
    """The events of a body, in order; in the place of one that cannot be read, why.

    Raises:
        TooLarge, InflatedTooLarge, BrokenCompression, UnreadableBody, TooManyEvents
    """
    if len(raw) > BODY_BYTES:
        raise TooLarge("The body is larger than 6 MB.")
    data = inflate(raw) if is_gzip else raw
    events = _read_lines(data) if is_lines else _read_json(data)
    if len(events) > MAX_EVENTS:
        raise TooManyEvents(limit=MAX_EVENTS)
    return events


def inflate(raw: bytes, limit: int = INFLATED_BYTES) -> bytes:
    """Unpacks gzip, at most `limit` bytes of it. What a gateway has unpacked already is left alone.

    Raises:
        BrokenCompression, InflatedTooLarge
    """
    if not raw.startswith(GZIP_MAGIC):
        if raw.lstrip(b" \t\r").startswith(PLAIN_STARTS):
            return raw
        raise BrokenCompression()
    parts, left, room = [], raw, limit + 1
    while left:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            part = unpacker.decompress(left, room)
        except zlib.error:
            raise BrokenCompression() from None
        parts.append(part)
        room -= len(part)
        if room <= 0:
            raise InflatedTooLarge(limit=limit)
        if not unpacker.eof:
            raise BrokenCompression()
        left = unpacker.unused_data
    return b"".join(parts)


def _read_lines(data: bytes) -> list[Any]:
    lines = [line for line in data.split(b"\n") if line.strip()]
    return [_read_value(line) for line in lines]


def _read_json(data: bytes) -> list[Any]:
    """
    Raises:
        UnreadableBody
    """
    body = _read_whole(data)
    if body is None:
        return _read_parts(data)
    events = body.get("events") if isinstance(body, dict) and set(body) == {"events"} else None
    if not isinstance(events, list):
        raise UnreadableBody()
    return events


def _read_whole(data: bytes) -> Any:
    """A body's JSON; None if something of it is wrong, or too much for the reader that is several times as fast."""
    try:
        return from_json(data)
    except ValueError:
        pass
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def _read_parts(data: bytes) -> list[Any]:
    """The events of a body of which some part is no JSON that can be kept, each read by itself.

    Raises:
        UnreadableBody
    """
    text = data.decode("utf-8", "surrogateescape")
    opening = _OPENING.match(text)
    if not opening:
        raise UnreadableBody()
    return [_read_value(part.encode("utf-8", "surrogateescape")) for part in _parts(text, opening.end())]


def _parts(text: str, start: int) -> Iterator[str]:
    """The values of the array that begins at `start`, by its brackets alone.

    Raises:
        UnreadableBody: the array does not end where the body does.
    """
    depth = 0
    for token in _TOKEN.finditer(text, start):
        mark = token.group()
        if mark in "[{":
            depth += 1
        elif mark in "]}" and depth:
            depth -= 1
        elif mark in ",]" and not depth:
            if text[start : token.start()].strip():
                yield text[start : token.start()]
            start = token.end()
            if mark == "]":
                if text[start:].split() != ["}"]:
                    raise UnreadableBody()
                return
    raise UnreadableBody()


def _read_value(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        return Unreadable("invalid_utf8")
    except RecursionError:
        return Unreadable("too_deep")
    except ValueError:
        return _with_long_numbers(data) or Unreadable("not_json")


def _with_long_numbers(data: bytes) -> Any:
    """Numbers of too many digits become infinite, so that their event is refused for what is wrong with it."""

    def whole(digits: str) -> Any:
        return int(digits) if len(digits) < LONGEST_NUMBER else float("inf")

    try:
        return json.loads(data, parse_int=whole)
    except (ValueError, RecursionError):
        return None
