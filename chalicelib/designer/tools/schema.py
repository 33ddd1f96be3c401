"""JSON Schemas of parameters: made strict for those who need it, and checked where users bring them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
DEEPEST = 8
MOST_NODES = 500


def strict(schema: Schema) -> tuple[Schema, bool]:
    """The schema in OpenAI's strict form, where it has one: every property required, those that may be left out
    nullable, nothing additional. Else the schema as it is.

    Returns:
        the schema, and whether it is strict.
    """
    if not is_closed(schema):
        return schema, False
    return _strict(schema), True


_STRICT_KEYS = frozenset(("type", "properties", "required", "additionalProperties", "items", "enum", "description"))


def is_closed(schema: Any) -> bool:
    """Whether strict mode can express the schema: plain types, closed objects, typed items."""
    if not isinstance(schema, dict) or not set(schema) <= _STRICT_KEYS or not isinstance(schema.get("type"), str):
        return False
    if schema["type"] == "object":
        properties = schema.get("properties")
        if schema.get("additionalProperties") is not False or not isinstance(properties, dict):
            return False
        return all(is_closed(inner) for inner in properties.values())
    return schema["type"] != "array" or is_closed(schema.get("items"))


def _strict(schema: Schema) -> Schema:
    made = dict(schema)
    if schema["type"] == "object":
        required = set(schema.get("required", ()))
        properties = {name: _strict(inner) for name, inner in schema["properties"].items()}
        made["properties"] = {name: p if name in required else _nullable(p) for name, p in properties.items()}
        made["required"] = list(properties)
        made["additionalProperties"] = False
    elif schema["type"] == "array":
        made["items"] = _strict(schema["items"])
    return made


def _nullable(schema: Schema) -> Schema:
    made = {**schema, "type": [schema["type"], "null"]}
    if "enum" in made:
        made["enum"] = [*made["enum"], None]
    return made


def problems(schema: Any) -> Iterator[str]:
    """What is wrong with a user's parameter schema; nothing where it can be used."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        yield "The parameters are a JSON Schema of type object."
        return
    if not isinstance(schema.get("properties", {}), dict):
        yield "`properties` is an object."
        return
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        yield "`required` is a list of names."
    elif not set(required) <= set(schema.get("properties", {})):
        yield "`required` names a property that is not there."
    if _size(schema, 0) > MOST_NODES:
        yield f"The schema is too large or too deep: at most {MOST_NODES} parts, {DEEPEST} levels of objects."
    elif has_reference(schema):
        yield "The schema may not refer to others ($ref)."


def _size(schema: Any, depth: int) -> int:
    if depth > DEEPEST * 2:
        return MOST_NODES + 1
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    total = 1
    for part in inner:
        total += _size(part, depth + 1)
        if total > MOST_NODES:
            return total
    return total


def has_reference(schema: Any) -> bool:
    if isinstance(schema, dict):
        return "$ref" in schema or any(has_reference(part) for part in schema.values())
    return isinstance(schema, list) and any(has_reference(part) for part in schema)
