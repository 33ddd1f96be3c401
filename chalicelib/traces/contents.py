"""Contents: messages and long texts of attributes are kept once a user, by hash, and events hold placeholders.

A conversation that is sent with every call repeats its beginning. Its messages are kept one by one, and every sixteen
of them, from its start, once more as a block of hashes, so that a call's own row grows by a hash per sixteen messages.
The long text of a message is kept by itself: what a tool has answered is said again in the next call.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from chalicelib.traces.models import Content

LISTS = frozenset({
    "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions",
})  # fmt: skip
LONG = 1024  # characters of text, bytes of JSON; a content of its own costs a third of that
LONG_TEXT = 2048  # characters of a message's
BLOCK = 16  # items
TEXT = "content"  # of a message
PLACEHOLDERS = ("$contents", "$content")
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)
Bodies = Mapping[UUID, Any]  # what a hash stands for; a block's is a list of hashes


def dump(value: Any) -> str:
    """Canonical JSON text.

    Raises:
        ValueError: a number is not finite.
        RecursionError: it is nested too deep.
    """
    return _ENCODER.encode(value)


def write(value: Any) -> bytes:
    """JSON of what is known to have some: not canonical, but several times as fast."""
    return to_json(value)


def split(attributes: dict[str, Any], size: int) -> tuple[dict[str, Any], list[UUID], list[Content]]:
    """Takes the contents out of attributes.

    Args:
        size: of the attributes as JSON, in bytes; small ones are left whole.

    Returns:
        The attributes with placeholders, the hashes that the placeholders count through, and the contents, of which
        some may be there more than once. The attributes themselves if nothing is taken out.
    """
    if size < LONG:
        return attributes, [], []
    hashes: list[UUID] = []
    contents: list[Content] = []
    slim = {key: _slim(key, value, hashes, contents) for key, value in attributes.items() if _is_long(value)}
    return (attributes | slim if slim else attributes), hashes, contents


def _is_long(value: Any) -> bool:
    kind = type(value)
    return len(value) >= LONG if kind is str else (kind is dict or kind is list) and len(write(value)) >= LONG


def _slim(key: str, value: Any, hashes: list[UUID], contents: list[Content]) -> Any:
    if isinstance(value, list) and key in LISTS:
        made = [_message(item, contents) for item in value]
        blocks = _blocks(made)
        contents += made
        contents += [block for block in blocks if block.body is None]
        hashes += [block.content_hash for block in blocks]
        return {"$contents": [len(hashes) - len(blocks), len(blocks)]}
    contents.append(_content(dump(value)))
    hashes.append(contents[-1].content_hash)
    return {"$content": len(hashes) - 1}


def _content(text: str) -> Content:
    data = text.encode()
    return Content(_hash(data), text, None, len(data))


def _message(item: Any, contents: list[Content]) -> Content:
    """An item of a list; its text, if it has a long one, goes to the contents."""
    text = item.get(TEXT) if isinstance(item, dict) else None
    if not isinstance(text, str) or len(text) < LONG_TEXT:
        return _content(dump(item))
    contents.append(_content(dump(text)))
    said, rest = contents[-1].content_hash, dump({key: value for key, value in item.items() if key != TEXT})
    return Content(_hash(b"message:" + said.bytes + rest.encode()), rest, [said], LONG_TEXT)


def _hash(data: bytes) -> UUID:
    return UUID(bytes=hashlib.sha256(data).digest()[:16])


def _blocks(made: list[Content]) -> list[Content]:
    """The full blocks, then what is left over."""
    whole = len(made) // BLOCK * BLOCK
    blocks = []
    for first in range(0, whole, BLOCK):
        items = [content.content_hash for content in made[first : first + BLOCK]]
        name = b"block:" + b"".join(item.bytes for item in items)
        blocks.append(Content(_hash(name), None, items, BLOCK * BLOCK))
    return blocks + made[whole:]


def is_reserved(attributes: dict[str, Any], artifacts: int) -> bool:
    """Whether an attribute looks like a placeholder of ours, or names an artifact that the event does not have."""
    alone = [value for value in attributes.values() if type(value) is dict and len(value) == 1]
    return any(_is_reserved(value, artifacts) for value in alone) if alone else False


def _is_reserved(value: dict[str, Any], artifacts: int) -> bool:
    ((name, index),) = value.items()
    if name == "$artifact":
        return type(index) is not int or not 0 <= index < artifacts
    return name in PLACEHOLDERS


def join(attributes: dict[str, Any], hashes: list[UUID] | None, bodies: Bodies) -> dict[str, Any]:
    """Attributes as they were, contents in their places; one that is missing is shown as `{"$missing": hash}`."""
    if not hashes:
        return attributes
    return {
        key: _joined(value, hashes, lambda found: bodies.get(found, {"$missing": found.hex}))
        for key, value in attributes.items()
    }


def named(attributes: dict[str, Any], hashes: list[UUID] | None) -> dict[str, Any]:
    """Attributes with the contents' hashes in their places, for bundles that hold each content once."""
    if not hashes:
        return attributes
    return {key: _joined(value, hashes, lambda found: found.hex, name=True) for key, value in attributes.items()}


def _joined(value: Any, hashes: list[UUID], show: Callable[[UUID], Any], *, name: bool = False) -> Any:
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((mark, place),) = value.items()
    if mark == "$content":
        return {"$content": show(hashes[place])} if name else show(hashes[place])
    if mark != "$contents":
        return value
    shown = [show(found) for found in hashes[place[0] : place[0] + place[1]]]
    return {"$contents": shown} if name else list(_flat(shown))


def _flat(shown: Iterable[Any]) -> Iterable[Any]:
    for item in shown:
        if isinstance(item, Block):
            yield from item
        else:
            yield item


class Block(list[Any]):
    """The sixteen values of a block."""


def assembled(kept: Iterable[tuple[UUID, str | None, list[UUID] | None]]) -> Bodies:
    """What hashes stand for, of contents as they are kept: (hash, body, items)."""
    rows = list(kept)
    values = {name: json.loads(body) for name, body, _ in rows if body is not None}

    def value(name: UUID) -> Any:
        return values.get(name, {"$missing": name.hex})

    for name, body, items in rows:
        if body is not None and items:
            values[name] |= {TEXT: value(items[0])}
    return values | {name: Block(map(value, items)) for name, body, items in rows if body is None and items}


def by_name(kept: Iterable[tuple[UUID, str | None, list[UUID] | None]]) -> Bodies:
    """The same, with hashes for what is kept by itself."""
    return {name: _by_name(body, items or []) for name, body, items in kept}


def _by_name(body: str | None, items: list[UUID]) -> Any:
    if body is None:
        return {"$contents": [item.hex for item in items]}
    value = json.loads(body)
    return value | {TEXT: {"$content": items[0].hex}} if items else value
