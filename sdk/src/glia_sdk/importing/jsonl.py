"""Exports of one JSON object a line: `{role, content, topic?, created_at?, id?}`.

Read line by line, in bounded memory. A line without an id is known by its number and a hash of it: when lines are
added to a file, those before keep their keys.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from glia_sdk.importing.records import Entry, Skipped, as_key, as_name, entry, is_storable, moment

MAX_LINE = 8_000_000  # bytes; no message that fits a batch has a longer one, however it is escaped
BOM = b"\xef\xbb\xbf"


def entries(path: Path) -> Iterator[Entry]:
    """Everything in the file, in order; blank lines are nothing."""
    with path.open("rb") as file:
        for number, line in _lines(file):
            if line is None:
                yield Skipped(f"line {number}", "too_large")
            elif line.strip():
                yield _read(number, line.strip())


def first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline(MAX_LINE).strip()


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Lines with their numbers; None stands for one that is too long."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if number == 1:
            line = line.removeprefix(BOM)
        if len(line) < MAX_LINE:
            yield number, line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE)
        yield number, None


def _read(number: int, line: bytes) -> Entry:
    place = f"line {number}"
    try:
        found = json.loads(line.decode())
    except UnicodeDecodeError:
        return Skipped(place, "not_utf8")
    except (ValueError, RecursionError):
        return Skipped(place, "not_json")
    if not isinstance(found, dict):
        return Skipped(place, "not_an_object")
    return _entry(place, found, f"line-{number}-{hashlib.sha256(line).hexdigest()[:16]}")


def _entry(place: str, found: dict[str, Any], fallback: str) -> Entry:
    key, topic = found.get("id"), found.get("topic")
    if isinstance(key, int) and not isinstance(key, bool):
        key = str(key)
    if not (key is None or (isinstance(key, str) and is_storable(key))):
        return Skipped(place, "id")
    if not (topic is None or isinstance(topic, str)):
        return Skipped(place, "topic")
    try:
        created_at = moment(found.get("created_at"))
    except ValueError:
        return Skipped(place, "time")
    name = as_name(topic) if topic else None
    return entry(place, as_key(key or fallback), found.get("role"), found.get("content"), name, created_at)
