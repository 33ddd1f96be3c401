"""What follows from a set of moves. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from chalicelib.conversations.operations.models import Move


def topics_of(moves: Iterable[Move]) -> set[UUID]:
    """Every topic that loses or gets a message."""
    return {topic_id for move in moves for topic_id in (move.from_topic_id, move.to_topic_id)}


def first_changed(moves: Iterable[Move]) -> dict[UUID, int]:
    """Of each topic the first message that comes or goes."""
    first: dict[UUID, int] = {}
    for move in moves:
        for topic_id in (move.from_topic_id, move.to_topic_id):
            first[topic_id] = min(move.message_id, first.get(topic_id, move.message_id))
    return first


def by_way(moves: Iterable[Move]) -> dict[tuple[UUID, UUID], list[int]]:
    """The messages of each way: (from, to)."""
    ways: dict[tuple[UUID, UUID], list[int]] = {}
    for move in moves:
        ways.setdefault((move.from_topic_id, move.to_topic_id), []).append(move.message_id)
    return ways


def only_source(moves: Sequence[Move]) -> UUID | None:
    """The topic that all come from, if it is one."""
    sources = {move.from_topic_id for move in moves}
    return sources.pop() if len(sources) == 1 else None
