"""Promises about rows, each as the SQL of what breaks it."""

from __future__ import annotations

from typing import LiteralString


def broken(**promises: LiteralString) -> LiteralString:
    """One statement for all of them: (the promise's name, what breaks it)."""
    looks = (f"SELECT '{name}' AS promise, to_jsonb(w) AS what FROM ({sql}) AS w" for name, sql in promises.items())
    return " UNION ALL ".join(looks)
