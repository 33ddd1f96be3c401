"""Thousands of rows as one parameter of a statement, for `jsonb_to_recordset`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg.types.json import Jsonb
from pydantic_core import to_json


def records(rows: Iterable[Mapping[str, Any]]) -> Jsonb:
    """Rows of what JSON has words for, written as they come: neither all of them nor their text are held beside."""
    return Jsonb((row for row in rows), to_json)
