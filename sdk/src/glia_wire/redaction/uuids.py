"""UUIDs: ids of things, whose digits may look like somebody's number by chance."""

from __future__ import annotations

import re
from typing import Final

_LENGTH: Final = 36
_UUID: Final = re.compile("[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")


def in_uuid(text: str, begin: int, end: int) -> bool:
    """Whether a part of the text lies in a UUID, or over one."""
    offset = max(0, begin - _LENGTH)
    found = _UUID.search(text[offset : end + _LENGTH])
    return found is not None and found.start() + offset < end and found.end() + offset > begin
