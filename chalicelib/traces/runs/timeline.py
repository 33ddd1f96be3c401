"""A run's skeleton as columns: what a timeline is drawn from. Names, kinds and models are said once, then numbered.

Level 0 has every step; at level n, `4**n` steps in a row are one bucket. An answer has at most `MOST` of either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from chalicelib.traces.runs.models import Buckets, Run, Skeleton

MOST = 12_000  # steps or buckets of one answer
FACTOR = 4
MAX_LEVEL = 12
STATUSES = ("incomplete", "completed", "failed")


@dataclass(frozen=True, slots=True)
class Window:
    """Which steps, by position, and how many make one bucket."""

    first: int
    count: int
    level: int

    @property
    def size(self) -> int:
        return 1 << (2 * self.level)


def window(run: Run, level: int | None, first: int, last: int | None) -> Window:
    """
    Args:
        level: None is the finest one that fits.
        first, last: positions of steps, both included; None is the run's last.
    """
    end = run.step_count - 1 if last is None else min(last, run.step_count - 1)
    count = max(end - first + 1, 0)
    finest = next(n for n in range(MAX_LEVEL + 1) if count <= MOST * FACTOR**n or n == MAX_LEVEL)
    chosen = finest if level is None else min(level, MAX_LEVEL)
    return Window(first, min(count, MOST * FACTOR**chosen), chosen)


def steps(found: Skeleton, first: int) -> dict[str, Any]:
    """The columns of level 0. A parent is its position; null: none, one not shown, or one not begun before."""
    places: dict[UUID, int] = {step_id: place for place, step_id in enumerate(found.step_id)}
    parents = [_parent(places, parent, place, first) for place, parent in enumerate(found.parent_step_id)]
    names, name = numbered(found.name)
    kinds, kind = numbered(found.kind)
    models, model = numbered(found.model)
    return {
        "names": names,
        "kinds": kinds,
        "models": models,
        "statuses": list(STATUSES),
        "columns": {
            "sequence_no": found.sequence_no,
            "parent": parents,
            "kind": kind,
            "name": name,
            "status": [STATUSES.index(status) for status in found.status],
            "start": found.start,
            "duration": found.duration,
            "model": model,
            "input_tokens": found.input_tokens,
            "output_tokens": found.output_tokens,
            "cost": found.cost,
        },
    }


def _parent(places: dict[UUID, int], parent: UUID | None, place: int, first: int) -> int | None:
    found = places.get(parent) if parent else None
    return first + found if found is not None and found < place else None


def buckets(found: Buckets) -> dict[str, Any]:
    """The columns of the levels above. Its kind is the one most of its steps have."""
    kinds, kind = numbered(found.kind)
    columns = asdict(found) | {"kind": kind}
    return {"names": [], "kinds": kinds, "models": [], "statuses": list(STATUSES), "columns": columns}


def numbered(values: Sequence[str | None]) -> tuple[list[str], list[int | None]]:
    """The different values, in order of appearance, and each value's number; null stays null."""
    numbers: dict[str, int] = {}
    coded = [None if value is None else numbers.setdefault(value, len(numbers)) for value in values]
    return list(numbers), coded
