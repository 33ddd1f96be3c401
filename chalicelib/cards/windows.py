"""Windows of up to 32 consecutive messages, and the hashes that say whether anything has changed. Pure.

Where a window ends is decided by the ids of its messages: at the first one from the 16th on whose scrambled id begins
with three zero bits, at the latest at the 32nd. So the same messages are always cut alike, and a message deleted, moved
or split off in the middle of a topic changes the window it stood in and seldom more than the next: the cut falls into
step again. (Content-defined chunking: A. Muthitacharoen, B. Chen, D. Mazieres, "A Low-bandwidth Network File System",
SOSP 2001.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chalicelib.cards.models import Extractor, SourceMessage

SHORTEST, LONGEST = 16, 32
_64_BITS = 0xFFFFFFFFFFFFFFFF
START = b""  # of the chain


@dataclass(frozen=True, slots=True)
class Window:
    """Its hash covers ids, roles and contents in order. A closed window does not grow any more."""

    messages: tuple[int, ...]
    is_closed: bool
    hash: bytes

    @property
    def start_id(self) -> int:
        return self.messages[0]

    @property
    def end_id(self) -> int:
        return self.messages[-1]


def is_end(count: int, message_id: int) -> bool:
    """Whether a window ends with its `count`-th message."""
    return count == LONGEST or (count >= SHORTEST and _scrambled(message_id) >> 61 == 0)


def _scrambled(number: int) -> int:
    """64 bits that look random, also of consecutive numbers: were they evenly spread, two cuts could walk beside each
    other for ever. (splitmix64: G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", 2014.)
    """
    mixed = number + 0x9E3779B97F4A7C15 & _64_BITS
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _64_BITS
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _64_BITS
    return mixed ^ mixed >> 31


def split(messages: Iterable[SourceMessage]) -> list[list[SourceMessage]]:
    """Messages, the first of which begins a window, window by window."""
    parts: list[list[SourceMessage]] = []
    is_open = False
    for message in messages:
        if not is_open:
            parts.append([])
        parts[-1].append(message)
        is_open = not is_end(len(parts[-1]), message.message_id)
    return parts


def cut(messages: Iterable[SourceMessage]) -> list[Window]:
    """The windows of messages, the first of which begins a window. All but the last are closed."""
    return [
        Window(
            tuple(message.message_id for message in part),
            is_end(len(part), part[-1].message_id),
            _hash_messages(part),
        )
        for part in split(messages)
    ]


def _hash_messages(messages: Sequence[SourceMessage]) -> bytes:
    digest = hashlib.sha256()
    for message in messages:
        content = message.content.encode()
        digest.update(f"{message.message_id}:{message.role}:{len(content)}:".encode())
        digest.update(content)
    return digest.digest()


def chained(chain: bytes, window: Window) -> bytes:
    """The chain prolonged by a window: it stands for all windows' hashes up to this one, in order."""
    return hashlib.sha256(chain + window.hash).digest()


def source_hash(chain: bytes, extractor: Extractor) -> bytes:
    """SHA-256 over the chain of all of a topic's windows and the identity of the intended extractor."""
    return hashlib.sha256(extractor.name.encode() + b"\0" + chain).digest()
