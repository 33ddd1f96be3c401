"""Reading a JSON array element by element, so that a large one never is in memory whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from glia_sdk.importing.errors import NotImportable

CHUNK = 1 << 20  # characters
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def elements(text: TextIO) -> Iterator[Any]:
    """The elements of the array that is all there is in `text`.

    Raises:
        NotImportable: it is no array, or ends before its end.
    """
    reader = _Reader(text)
    reader.expect("[")
    if reader.peek() == "]":
        return
    while True:
        yield reader.value()
        if reader.expect(",", "]") == "]":
            return


class _Reader:
    """Holds the part of the text that is being read."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._held = ""
        self._at = 0

    def peek(self) -> str:
        """The next character that is no white space; at the end, nothing."""
        while True:
            found = _SPACE.match(self._held, self._at)
            assert found
            self._at = found.end()
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._more():
                return ""

    def expect(self, *wanted: str) -> str:
        found = self.peek()
        if found not in wanted:
            raise NotImportable("the export is damaged, or is not a JSON array")
        self._at += 1
        return found

    def value(self) -> Any:
        """Decodes what comes; reads on, each time as much again, until it is there whole."""
        self.peek()
        while True:
            try:
                value, self._at = _DECODER.raw_decode(self._held, self._at)
                return value
            except RecursionError:
                raise NotImportable("the export is nested too deeply") from None
            except ValueError:
                if not self._more():
                    raise NotImportable("the export is damaged, or ends too early") from None

    def _more(self) -> bool:
        read = self._text.read(max(CHUNK, len(self._held) - self._at))
        self._held, self._at = self._held[self._at :] + read, 0
        return bool(read)
