"""Reading a JSON object while keeping track of what was not read, so that it can be listed."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

LONGEST_PATH = 200  # characters


class Fields:
    """An object of a recording. What is taken from it counts as mapped; the rest is told by `unmapped`."""

    def __init__(self, value: Any, path: str = "") -> None:
        self.value: dict[str, Any] = value if isinstance(value, dict) else {}
        self.path = path
        self._taken: set[str] = set()
        self._parts: dict[str, list[Fields]] = {}

    def __contains__(self, key: str) -> bool:
        return self.value.get(key) is not None

    def take(self, key: str) -> Any:
        """Whatever is there, with all in it; None if nothing is."""
        self._taken.add(key)
        return self.value.get(key)

    def text(self, key: str) -> str | None:
        """A text that is not empty; anything else stays unmapped."""
        found = self.value.get(key)
        return str(self.take(key)) if isinstance(found, str) and found else None

    def number(self, key: str) -> int | float | None:
        """A number from 0 on; anything else stays unmapped."""
        found = self.value.get(key)
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        if not is_number or found is None or found < 0:
            return None
        self._taken.add(key)
        return found  # type: ignore[no-any-return]

    def moment(self, key: str) -> datetime | None:
        """A time as ISO 8601 text, or in seconds since 1970; without a zone it counts as UTC."""
        found = moment(self.value.get(key))
        if found is not None:
            self._taken.add(key)
        return found

    def part(self, key: str) -> Fields:
        """An object within; an empty one if there is none."""
        parts = self._parts.setdefault(key, [Fields(self.value.get(key), self._at(key))])
        return parts[0]

    def parts(self, key: str) -> list[Fields]:
        """The objects of a list within."""
        found = self.value.get(key)
        items = found if isinstance(found, list) else []
        return self._parts.setdefault(key, [Fields(item, self._at(key) + "[]") for item in items])

    def repeats(self, key: str, value: Any) -> None:
        """Counts as mapped what only says again what is mapped elsewhere."""
        if self.value.get(key) == value:
            self._taken.add(key)

    def unmapped(self) -> Counter[str]:
        """Paths of what was not read and holds something, and how often each occurs."""
        found: Counter[str] = Counter()
        for key, value in self.value.items():
            if key in self._taken or value is None or value in ("", [], {}):
                continue
            parts = self._parts.get(key, ())
            for part in parts:
                found += part.unmapped()
            if not any(part.value for part in parts):
                found[self._at(key)] += 1
            elif isinstance(value, list):
                strangers = sum(1 for one in value if one is not None and not isinstance(one, dict))
                found += Counter({f"{self._at(key)}[]": strangers})
        return found

    def _at(self, key: str) -> str:
        return (f"{self.path}.{key}" if self.path else key)[:LONGEST_PATH]


def moment(value: Any) -> datetime | None:
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value)
            return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def decoded(value: Any) -> Any:
    """What a text says that is JSON; anything else as it is."""
    if not isinstance(value, str) or value[:1] not in ("{", "[", '"'):
        return value
    try:
        return json.loads(value, parse_constant=str)
    except (ValueError, RecursionError):
        return value


def only_set(**values: Any) -> dict[str, Any]:
    """Attributes without those that are None; `__` in a name stands for a dot."""
    return {name.replace("__", "."): value for name, value in values.items() if value is not None}
