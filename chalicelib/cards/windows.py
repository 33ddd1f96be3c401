"""Windows of up to 32 consecutive messages, and the hashes that say whether anything has changed. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chalicelib.cards.models import Extractor, SourceMessage

SIZE = 32


@dataclass(frozen=True, slots=True)
class Window:
    """`number` counts from 0 within the topic; the hash covers ids, roles and contents in order."""

    number: int
    start_id: int
    end_id: int
    message_count: int
    hash: bytes

    @property
    def is_full(self) -> bool:
        return self.message_count == SIZE


def cut(messages: Sequence[SourceMessage], first_number: int) -> list[Window]:
    """The windows of a run of messages that begins where window `first_number` does."""
    return [
        _window(first_number + position // SIZE, messages[position : position + SIZE])
        for position in range(0, len(messages), SIZE)
    ]


def _window(number: int, messages: Sequence[SourceMessage]) -> Window:
    return Window(number, messages[0].message_id, messages[-1].message_id, len(messages), _hash_messages(messages))


def _hash_messages(messages: Iterable[SourceMessage]) -> bytes:
    digest = hashlib.sha256()
    for message in messages:
        content = message.content.encode()
        digest.update(f"{message.message_id}:{message.role}:{len(content)}:".encode())
        digest.update(content)
    return digest.digest()


def source_hash(windows: Iterable[Window], extractor: Extractor) -> bytes:
    """SHA-256 over the windows' hashes in order and the identity of the intended extractor."""
    identity = (extractor.provider, extractor.model, extractor.prompt_version, extractor.rules_version)
    digest = hashlib.sha256(repr(identity).encode())
    for window in windows:
        digest.update(window.hash)
    return digest.digest()
