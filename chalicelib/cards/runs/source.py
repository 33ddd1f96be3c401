"""What an extraction reads: the windows of a topic as they are now, and which of them are not shown yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.cards.models import Extractor, SourceMessage
from chalicelib.cards.results import store as results
from chalicelib.cards.results.store import Closed, Dirty
from chalicelib.cards.runs import store
from chalicelib.cards.runs.store import Source
from chalicelib.cards.windows import LONGEST, Window, chained, cut, source_hash, split

GROUP = 8  # adjacent windows read at a time, so that a long topic is never in memory whole
NO_END = 2**62


class SourceChanged(Exception):
    """The messages are not those the run was begun with: it is of no use any more."""


@dataclass(frozen=True, slots=True)
class Present:
    """The topic as it is: its closed windows, and the open one at its end if there is one."""

    closed: Closed
    tail: Window | None

    def source(self, extractor: Extractor) -> Source | None:
        """None for a topic without messages."""
        closed, tail = self.closed, self.tail
        if tail is None:
            if closed.start_id is None:
                return None
            digest = source_hash(closed.chain, extractor)
            return Source(digest, closed.start_id, closed.end_id, closed.total, closed.last_no + 1)
        digest = source_hash(chained(closed.chain, tail), extractor)
        count = closed.total + len(tail.messages)
        return Source(digest, closed.start_id or tail.start_id, tail.end_id, count, closed.last_no + 2)


def present(tx: Transaction, user_id: UUID, topic_id: UUID) -> Present:
    """Reads what came after the last closed window, and keeps the windows that have become closed."""
    closed = results.closed(tx, user_id, topic_id)
    rest: list[SourceMessage] = []
    after = closed.end_id
    while page := store.messages(tx, user_id, topic_id, after + 1, NO_END, GROUP * LONGEST):
        found = cut([*rest, *page])
        closed = results.insert_windows(tx, user_id, topic_id, closed, [window for window in found if window.is_closed])
        rest = [] if found[-1].is_closed else split([*rest, *page])[-1]
        after = page[-1].message_id
        if len(page) < GROUP * LONGEST:
            break
    return Present(closed, cut(rest)[0] if rest else None)


def dirty(
    tx: Transaction, user_id: UUID, topic_id: UUID, now: Present, extractor: Extractor, again: bool
) -> list[Dirty]:
    """The windows whose cards are not shown, in order; see `results.store.dirty` for `again`."""
    found = results.dirty(tx, user_id, topic_id, extractor.name, again)
    tail = now.tail
    if tail and not results.tail_is_shown(tx, user_id, topic_id, tail, extractor.name, again):
        found.append(Dirty(now.closed.last_no + 1, tail.start_id, tail.end_id, tail.hash))
    return found


def read(
    db: Database, user_id: UUID, topic_id: UUID, wanted: Sequence[Dirty]
) -> Iterator[tuple[Dirty, list[SourceMessage]]]:
    """The messages of windows, some adjacent windows at a time.

    Raises:
        SourceChanged: they are not what was hashed.
    """
    for group in _adjacent(wanted):
        with db.user(user_id) as tx:
            page = store.messages(tx, user_id, topic_id, group[0].start_id, group[-1].end_id, GROUP * LONGEST + 1)
        if [window.hash for window in cut(page)] != [window.hash for window in group]:
            raise SourceChanged
        yield from zip(group, split(page), strict=True)


def _adjacent(wanted: Sequence[Dirty]) -> Iterator[list[Dirty]]:
    group: list[Dirty] = []
    for window in wanted:
        if group and (window.number != group[-1].number + 1 or len(group) == GROUP):
            yield group
            group = []
        group.append(window)
    if group:
        yield group


def cached(tx: Transaction, user_id: UUID, extractor: Extractor, wanted: Sequence[Dirty]) -> dict[bytes, Any]:
    """The results of windows that are there already, by hash; see `results.store.results`."""
    return results.results(tx, user_id, extractor.name, [window.hash for window in wanted])
