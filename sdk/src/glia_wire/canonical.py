"""JSON with one spelling a value, in the manner of RFC 8785: what is hashed and signed on either side is the same.

Keys sort by UTF-16 code units, numbers are written as ECMAScript writes them (so `1.0` and `1` are one), nothing is
escaped that need not be. Beyond the standard: whole numbers of any size keep their digits, and a lone surrogate is
written as its escape.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any, Final

MAX_DEPTH: Final = 200
SLICE: Final = 32 * 1024  # characters of a long text that are written at once
_LONE: Final = re.compile("[\ud800-\udfff]")
_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def canonical_json(value: Any, breathe: Callable[[], None] | None = None) -> bytes:
    """The canonical UTF-8 of a JSON value. Tuples are lists; keys that are no strings are written as JSON writes them.

    Args:
        breathe: called between parts, so that a background thread can let others run.

    Raises:
        ValueError: NaN or an infinity, something JSON has no word for, or more than `MAX_DEPTH` levels.
    """
    out: list[str] = []

    def put(part: str) -> None:
        out.append(part)
        if breathe is not None and len(part) >= SLICE:
            breathe()

    _write(value, put if breathe is not None else out.append, MAX_DEPTH)
    text = "".join(out)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _LONE.sub(lambda found: f"\\u{ord(found[0]):04x}", _PAIR.sub(_joined, text)).encode()


def content_hash(data: bytes) -> str:
    """SHA-256 in hex: the name of an artifact's content."""
    return hashlib.sha256(data).hexdigest()


def _joined(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16", "surrogatepass").decode("utf-16")


def _write(value: Any, put: Any, levels: int) -> None:
    if isinstance(value, str):
        _write_text(value, put)
    elif isinstance(value, dict):
        _write_object(value, put, levels - 1)
    elif isinstance(value, list | tuple):
        _write_list(value, put, levels - 1)
    else:
        put(_scalar(value))


def _write_text(text: str, put: Any) -> None:
    if len(text) < SLICE:
        put(encode_basestring(text))
        return
    put('"')
    for start in range(0, len(text), SLICE):
        put(encode_basestring(text[start : start + SLICE])[1:-1])
    put('"')


def _write_object(value: dict[Any, Any], put: Any, levels: int) -> None:
    _check(levels)
    members = {key if isinstance(key, str) else _scalar(key): member for key, member in value.items()}
    before = "{"
    for key in sorted(members, key=_order):
        put(before + encode_basestring(key) + ":")
        _write(members[key], put, levels)
        before = ","
    put("}" if members else "{}")


def _write_list(value: list[Any] | tuple[Any, ...], put: Any, levels: int) -> None:
    _check(levels)
    before = "["
    for item in value:
        put(before)
        _write(item, put, levels)
        before = ","
    put("]" if value else "[]")


def _check(levels: int) -> None:
    if levels < 0:
        raise ValueError(f"more than {MAX_DEPTH} levels")


def _order(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return _number(float(value))
    raise ValueError(f"{type(value).__name__} has no JSON")


def _number(value: float) -> str:
    """As ECMAScript's Number::toString."""
    if not math.isfinite(value):
        raise ValueError("a number that is not finite has no JSON")
    if value == 0:
        return "0"
    if 1e-6 <= abs(value) < 1e21:
        digits = format(Decimal(repr(value)), "f")
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa}e{int(exponent):+d}"
