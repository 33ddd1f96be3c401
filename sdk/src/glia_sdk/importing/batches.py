"""Putting entries together to what one request takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from glia_sdk.importing.records import MAX_BYTES, Entry, Message, Skipped

MOST = 500  # messages the API takes at once
USUAL = 200
MOST_SKIPPED = 1_000  # so that a batch is bounded in a file without anything to import, too


@dataclass
class Batch:
    """Some messages, what is skipped around them, and how many entries of the export are done with them."""

    messages: list[Message] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    done: int = 0
    size: int = 0

    def has_room_for(self, one: Entry, most: int) -> bool:
        if isinstance(one, Skipped):
            return len(self.skipped) < MOST_SKIPPED
        return len(self.messages) < most and self.size + one.size <= MAX_BYTES

    def add(self, one: Entry) -> None:
        self.done += 1
        if isinstance(one, Skipped):
            self.skipped.append(one)
        else:
            self.messages.append(one)
            self.size += one.size


def batches(entries: Iterable[Entry], most: int = USUAL, start: int = 0) -> Iterator[Batch]:
    """Batches in order, each of at most `most` messages and `MAX_BYTES`; the first `start` entries are left aside."""
    batch = Batch(done=start)
    for number, one in enumerate(entries):
        if number < start:
            continue
        if not batch.has_room_for(one, most):
            yield batch
            batch = Batch(done=batch.done)
        batch.add(one)
    if batch.messages or batch.skipped:
        yield batch
