"""What an export is made of: messages in order, and what is left out, each with its place and the reason.

What the server would refuse a whole batch for is found here, so that one bad message never holds up the others.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

ROLES = ("user", "assistant")
LONGEST_NAME = 200  # code points, of keys, topics and sources
MAX_BYTES = 3_900_000  # of the messages of one batch as JSON; its body stays below 4 MB


@dataclass(frozen=True, slots=True)
class Message:
    """A message to import.

    Attributes:
        place: where it stands in the export; fit to be shown.
        body: as `POST /imports` takes it.
        size: bytes of the body as JSON.
    """

    place: str
    body: dict[str, Any]
    size: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """What is left out, and why: one word."""

    place: str
    reason: str


Entry = Message | Skipped


def entry(place: str, key: str, role: Any, content: Any, topic: str | None, created_at: str | None) -> Entry:
    """A message, or why it cannot be one."""
    if reason := _fault(role, content):
        return Skipped(place, reason)
    body: dict[str, Any] = {"key": key, "role": role, "content": content}
    body |= {"topic": topic} if topic else {}
    body |= {"created_at": created_at} if created_at else {}
    size = len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()) + 1
    return Message(place, body, size) if size <= MAX_BYTES else Skipped(place, "too_large")


def _fault(role: Any, content: Any) -> str | None:
    if role not in ROLES:
        return "role"
    if not isinstance(content, str):
        return "content"
    if not content.strip():
        return "blank"
    return None if is_storable(content) else "characters"


def is_storable(text: str) -> bool:
    """Whether text can be sent and kept: no NUL, no halves of surrogate pairs."""
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text))


def as_name(text: str) -> str:
    """Text as the name of a topic or a source: what cannot be kept is left away, and it is cut to length."""
    return "".join(letter for letter in text if is_storable(letter)).strip()[:LONGEST_NAME].strip()


def as_key(text: str) -> str:
    """A key that fits; one that is too long, or cannot be kept, becomes its hash."""
    if len(text) <= LONGEST_NAME and is_storable(text):
        return text
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def moment(value: Any) -> str | None:
    """A time as the API takes it, from an RFC 3339 text or seconds since 1970; None stays None.

    Raises:
        ValueError: it is no time, or has no zone.
    """
    if value is None:
        return None
    try:
        if isinstance(value, str):
            parsed = datetime.fromisoformat(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            parsed = datetime.fromtimestamp(value, UTC)
        else:
            raise ValueError("not a time")
        if parsed.tzinfo is None:
            raise ValueError("no time zone")
        return parsed.astimezone(UTC).isoformat(timespec="microseconds")
    except (OverflowError, OSError):
        raise ValueError("out of range") from None
