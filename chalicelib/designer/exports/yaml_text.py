"""YAML out of plain data: block style, every text quoted or literal, so that any YAML reader reads the same back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from chalicelib.patterns import regex

_UNPRINTABLE = regex("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_PLAIN_KEY = regex(r"[A-Za-z_][A-Za-z0-9_-]{0,60}\Z")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def dump(data: Any) -> str:
    """The data (dicts with text keys, lists, texts, numbers, booleans, None) as one YAML document."""
    return "\n".join(_lines(data, 0)) + "\n"


def _lines(data: Any, depth: int) -> Iterator[str]:
    pad = "  " * depth
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from _entry(f"{pad}{_key(key)}:", value, depth)
    elif isinstance(data, list) and data:
        for value in data:
            if isinstance(value, dict | list) and value:
                first, *rest = _lines(value, depth + 1)
                yield f"{pad}- {first.lstrip()}"
                yield from rest
            else:
                yield from _entry(f"{pad}-", value, depth)
    else:
        yield f"{pad}{_scalar(data)}"


def _entry(head: str, value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        yield head
        yield from _lines(value, depth + 1)
    elif isinstance(value, str) and _fits_literal(value):
        yield f"{head} |{'' if value.endswith(chr(10)) else '-'}"
        yield from (f"{'  ' * (depth + 1)}{line}" if line else "" for line in value.removesuffix("\n").split("\n"))
    else:
        yield f"{head} {_scalar(value)}"


def _fits_literal(text: str) -> bool:
    """Whether a text of several lines can stand as it is: no lone blanks, nothing unprintable."""
    lines = text.removesuffix("\n").split("\n")
    return (
        len(lines) > 1
        and all(line == line.strip() or (line[:1] not in ("", " ") and line == line.rstrip()) for line in lines)
        and bool(lines[0])
        and bool(lines[-1])
        and "\t" not in text
        and not _UNPRINTABLE.search(text.replace("\n", ""))
    )


def _key(key: str) -> str:
    return key if _PLAIN_KEY.match(key) and key.lower() not in _WORDS else _scalar(key)


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if value in ({}, []):
        return json.dumps(value)
    return _UNPRINTABLE.sub(_escaped, json.dumps(str(value), ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
