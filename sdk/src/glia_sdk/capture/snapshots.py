"""Copies of what a program passes around, cheap enough for its own thread.

Containers are copied, because the program may change them a moment later; texts are not, because they cannot change.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Set
from datetime import date, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

DEEPEST = 64  # containers in containers
_SCALARS = frozenset({int, float, bool, type(None)})
_SPOKEN = (date, time, Decimal, PurePath, UUID, BaseException)  # types whose `str` says it all


def snapshot(value: Any) -> tuple[Any, int]:
    """A value of JSON's types that shares no container with `value`, and about how many bytes it holds.

    What JSON does not know is spelt out if it has a plain form (dates, paths, models, data classes), else named by
    its type: nothing is asked for its `repr`, which may be large, slow or have effects.
    """
    size = [0]
    return _copy(value, size, 0), size[0]


def _copy(value: Any, size: list[int], depth: int) -> Any:
    kind = type(value)
    if kind is str:
        size[0] += len(value)
        return value
    if kind in _SCALARS:
        size[0] += 8
        return value
    if depth > DEEPEST:
        return "<too deep>"
    if kind is dict:
        return _mapping(value, size, depth)
    if kind is list or kind is tuple:
        size[0] += 16 + 8 * len(value)
        return [_copy(one, size, depth + 1) for one in value]
    return _foreign(value, size, depth)


def _mapping(value: Mapping[Any, Any], size: list[int], depth: int) -> dict[str, Any]:
    copied = {}
    for key, one in list(value.items()):
        name = key if type(key) is str else str(_copy(key, size, depth + 1))
        size[0] += len(name) + 32
        copied[name] = _copy(one, size, depth + 1)
    return copied


def _foreign(value: Any, size: list[int], depth: int) -> Any:
    if isinstance(value, Enum):
        return _copy(value.value, size, depth + 1)
    if isinstance(value, str):
        return _copy(str.__str__(value), size, depth)
    if isinstance(value, int | float):
        return _copy(float(value) if isinstance(value, float) else int(value), size, depth)
    if isinstance(value, Mapping):
        return _mapping(value, size, depth)
    if isinstance(value, Set | list | tuple):
        return _copy(list(value), size, depth)
    if isinstance(value, _SPOKEN):
        return _copy(str(value), size, depth)
    return _object(value, size, depth)


def _object(value: Any, size: list[int], depth: int) -> Any:
    kind = type(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if not isinstance(value, type) and hasattr(kind, "model_dump"):
        return _copy(value.model_dump(mode="python", warnings=False), size, depth + 1)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
        return _mapping(fields, size, depth)
    return f"<{kind.__module__}.{kind.__qualname__}>"
