"""Arrays of thousands of elements as statements' parameters, packed in Postgres' binary form.

Psycopg adapts a list element by element, each by its own type; that costs more than all else of a large insert. A list
wrapped here is of one type that is known beforehand.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

_NULL = b"\xff\xff\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_length = struct.Struct(">i").pack
_whole = struct.Struct(">iq").pack
_LONG = _length(16)


def _sized(data: bytes) -> bytes:
    return _length(len(data)) + data


class Array:
    """Elements of one type, or None. A parameter of a `%(name)b` placeholder."""

    __slots__ = ("items",)
    oid: int
    array_oid: int

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = items if isinstance(items, list) else list(items)

    def packed(self) -> list[bytes]:
        """Each element's length and bytes."""
        raise NotImplementedError


class Uuids(Array):
    oid, array_oid = 2950, 2951
    items: list[UUID | None]

    def packed(self) -> list[bytes]:
        # By identity: rows share their ids, and to hash one costs more than to pack it.
        known = {id(item): item for item in self.items}
        packed = {key: _NULL if item is None else _LONG + item.bytes for key, item in known.items()}
        return [packed[id(item)] for item in self.items]


class Texts(Array):
    oid, array_oid = 25, 1009
    items: list[str | None]

    def packed(self) -> list[bytes]:
        # Types, kinds and names are few, and come again and again.
        packed = {item: _NULL if item is None else _sized(item.encode()) for item in set(self.items)}
        return [packed[item] for item in self.items]


class Bytes(Array):
    oid, array_oid = 17, 1001
    items: list[bytes]

    def packed(self) -> list[bytes]:
        return [_sized(item) for item in self.items]


class Encoded(Bytes):
    """Texts that are UTF-8 already."""

    oid, array_oid = 25, 1009


class Wholes(Array):
    oid, array_oid = 20, 1016
    items: list[int | None]

    def packed(self) -> list[bytes]:
        return [_NULL if item is None else _whole(8, item) for item in self.items]


class Moments(Array):
    oid, array_oid = 1184, 1185
    items: list[datetime]

    def packed(self) -> list[bytes]:
        return [_whole(8, (item - _EPOCH) // _MICROSECOND) for item in self.items]


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> bytes:
        packed = obj.packed()
        head = struct.pack(">iiI", 1, int(_NULL in packed), obj.oid) + struct.pack(">ii", len(packed), 1)
        return head + b"".join(packed)


_DUMPERS = tuple(
    (kind, type(f"{kind.__name__}Dumper", (_ArrayDumper,), {"oid": kind.array_oid}))
    for kind in (Uuids, Texts, Bytes, Encoded, Wholes, Moments)
)


def register(connection: psycopg.Connection[Any]) -> None:
    """Lets a connection take arrays."""
    for kind, dumper in _DUMPERS:
        connection.adapters.register_dumper(kind, dumper)
