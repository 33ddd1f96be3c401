"""An extraction under way: what was claimed, and what has been found so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.cards.models import WindowResult
from chalicelib.cards.results.store import Dirty
from chalicelib.cards.runs.store import Claimed, Source, TopicState
from chalicelib.cards.windows import Window
from chalicelib.explaining.models import Call, Watch


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed run: what to extract, and what must still be so when it is applied.

    Attributes:
        read_at: when it was known which windows to extract.
    """

    run: Claimed
    topic: TopicState
    source: Source
    tail: Window | None
    dirty: Sequence[Dirty]
    cached: dict[bytes, Any]
    watch: Watch
    read_at: datetime


@dataclass(slots=True)
class Found:
    """What a run has extracted so far: windows, the ids of their messages, and their results."""

    windows: list[Dirty] = field(default_factory=list)
    messages: list[list[int]] = field(default_factory=list)
    results: list[WindowResult] = field(default_factory=list)
    latency_ms: int = 0

    @property
    def tries(self) -> list[Call]:
        return [one for result in self.results for one in result.tries]
