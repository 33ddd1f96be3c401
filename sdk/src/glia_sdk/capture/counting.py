"""What became of what was recorded."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Stats:
    """
    Attributes:
        recorded: events of this process.
        receipts: events by what the server said of them: `accepted`, `duplicate`, `held`, `rejected`; `unconfirmed`
            for what it took without a word. Events resent for an earlier process count, too.
        rejected: events the server refused, by its code.
        lost: events that will never arrive, by reason.
        lost_payloads: payloads left out of events that did arrive, by reason.
        memory_bytes: what waits in memory now.
        spilled: events that were put on disk.
        artifacts: payloads that were uploaded.
        unreachable: requests without a useful answer.
    """

    recorded: int = 0
    receipts: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    lost_payloads: dict[str, int] = field(default_factory=dict)
    memory_bytes: int = 0
    spilled: int = 0
    artifacts: int = 0
    unreachable: int = 0


class Counts:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: Counter[str] = Counter()
        self._named: dict[str, Counter[str]] = {}
        self.recorded = 0

    def add(self, name: str, number: int = 1) -> None:
        with self._lock:
            self._numbers[name] += number

    def add_named(self, group: str, name: str, number: int = 1) -> None:
        with self._lock:
            self._named.setdefault(group, Counter())[name] += number

    def add_all(self, group: str, numbers: Mapping[str, int]) -> None:
        with self._lock:
            self._named.setdefault(group, Counter()).update(numbers)

    def stats(self, memory_bytes: int) -> Stats:
        with self._lock:
            told: dict[str, Any] = {group: dict(counter) for group, counter in self._named.items()}
            told |= self._numbers
            return Stats(recorded=self.recorded, memory_bytes=memory_bytes, **told)
