"""Redaction's work grows with its input, whatever the input: counted in calls, and read off the patterns."""

from __future__ import annotations

import importlib
import pkgutil
import re
import re._constants as op  # type: ignore[import-not-found]  # the parser's own names, for what it parsed
import re._parser as parser  # type: ignore[import-not-found]
import sys
from collections.abc import Iterator
from typing import Any

import glia_wire.redaction
import pytest
from glia_wire.redaction import REACH, Gate

HOSTILE = {
    "names": "password=", "weak names": "token=", "quotes": 'password="', "at signs": "a@", "at signs alone": "@",
    "addresses": "://a:", "tokens": "eyJ-", "token parts": "eyJaaaaaa.", "marks": "sk-", "digits": "41 ",
    "long digits": "4",
    "pluses": "+1", "octets": "1.", "dates": "01.02.", "IBANs": "DE89 ", "colons": "a:", "double colons": "::",
    "homes": "/home/", "users": "C:\\Users\\", "keys": "-----BEGIN PRIVATE KEY-----",
    "placeholders": "[REDACTED:email:1]",
    "marks of placeholders": "[REDACTED:", "schemes": "bearer ", "backslashes": "\\", "brackets": "(0", "spaces": " ",
}  # fmt: skip
# Repetition inside repetition, where no text can be read in two ways: words apart by white space.
KNOWN_NESTED = {"_BODY"}


def calls(text: str) -> int:
    """Calls of Python and of C that redacting a text makes."""
    count = 0

    def tick(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    gate = Gate()
    sys.setprofile(tick)
    try:
        gate.redact_text(text)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_work_grows_with_the_text(piece: str) -> None:
    """Four times the text, at most five times the calls."""
    few, many = (calls(piece * (size // len(piece))) for size in (30_000, 120_000))
    assert many <= 5 * few


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_megabyte_of_it_is_redacted_and_redacts_to_itself(piece: str) -> None:
    """A hostile megabyte ends, and is no exception to the promise."""
    gate = Gate()
    once = gate.redact_text((piece * (250_000 // len(piece) + 1))[:250_000]).value
    assert gate.redact_text(once).value == once


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    for module in pkgutil.iter_modules(glia_wire.redaction.__path__, "glia_wire.redaction."):
        for name, value in vars(importlib.import_module(module.name)).items():
            for found in value if isinstance(value, tuple) else (value,):
                if isinstance(found, re.Pattern):
                    yield name, found


def repeats(parsed: Any, depth: int = 0) -> Iterator[tuple[int, int]]:
    """(nesting, most) of each repetition whose most is not small."""
    for code, argument in parsed:
        if code in (op.MAX_REPEAT, op.MIN_REPEAT):
            _, most, inner = argument
            big = most > 64
            if big:
                yield depth, int(most)
            yield from repeats(inner, depth + big)
        elif code is op.SUBPATTERN:
            yield from repeats(argument[3], depth)
        elif code is op.BRANCH:
            for branch in argument[1]:
                yield from repeats(branch, depth)
        elif code in (op.ASSERT, op.ASSERT_NOT):
            yield from repeats(argument[1], depth)


def test_no_pattern_repeats_a_repetition() -> None:
    """So none can be made to try a text in exponentially many ways, and what has a bound stays within reach."""
    found = list(patterns())
    assert len(found) > 30
    for name, pattern in found:
        for depth, most in repeats(parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)):
            assert depth == 0 or name in KNOWN_NESTED, name
            assert most < REACH or most == op.MAXREPEAT, name
