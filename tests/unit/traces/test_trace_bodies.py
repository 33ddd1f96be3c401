"""Reading bodies of events."""

from __future__ import annotations

import gzip
import json
from uuid import uuid4

import pytest

from chalicelib.errors import TooLarge
from chalicelib.traces.bodies import INFLATED_BYTES, MAX_EVENTS, inflate, read_events
from chalicelib.traces.errors import BrokenCompression, InflatedTooLarge, TooManyEvents, UnreadableBody
from chalicelib.traces.models import Unreadable
from tests.support.traces import spans


def read(raw: bytes, *, is_gzip: bool = False, is_lines: bool = False) -> list[object]:
    return read_events(raw, is_gzip=is_gzip, is_lines=is_lines)


def test_a_bomb_is_refused_before_it_fills_memory() -> None:
    """A few kilobytes that unpack to more than is allowed."""
    bomb = gzip.compress(b"0" * (INFLATED_BYTES + 1))
    assert len(bomb) < 100_000
    with pytest.raises(InflatedTooLarge):
        read(bomb, is_gzip=True)
    assert len(inflate(gzip.compress(b"0" * 1000), limit=1000)) == 1000


@pytest.mark.parametrize("cut", [1, 5, 10, 30])
def test_truncated_and_false_gzip_is_refused(cut: int) -> None:
    """Wherever it ends too early, and where it is something else."""
    packed = gzip.compress(b'{"events": []}')
    for raw in (packed[:cut], packed[:-1], b"hello", packed + b"more"):
        with pytest.raises(BrokenCompression):
            read(raw, is_gzip=True)


def test_gzip_in_parts_and_bodies_a_gateway_has_unpacked_are_read() -> None:
    """API Gateway unpacks bodies itself and leaves the header as it was."""
    packed = gzip.compress(b'{"events":') + gzip.compress(b" [1]}")
    assert read(packed, is_gzip=True) == [1]
    assert read(b'{"events": [1]}', is_gzip=True) == [1]
    exported = spans(uuid4(), [0])
    assert inflate(exported) == inflate(gzip.compress(exported)) == exported


NO_EVENTS = [
    b"",
    b"[]",
    b"{}",
    b'{"events": 1}',
    b'{"events": [1], "more": 2}',
    b'{"events": [',
    b"\xff",
    b"[" * 100_000,
]


@pytest.mark.parametrize("raw", NO_EVENTS, ids=range(len(NO_EVENTS)))
def test_a_body_that_holds_no_events_is_refused(raw: bytes) -> None:
    """Nothing can be said of single events then."""
    with pytest.raises(UnreadableBody):
        read(raw)


def test_one_bad_event_never_loses_its_batch() -> None:
    """Broken JSON, wrong UTF-8, endless nesting, numbers without end: each is refused in its place."""
    bad = [b"{oops}", b'{"a": "\xff"}', b"[" * 5000 + b"]" * 5000]
    raw = b'{"events": [{"n": 1}, ' + b", ".join(bad) + b', {"n": "}],\\""}, {"n": ' + b"9" * 5000 + b"}]}"
    first, *middle, last, huge = read(raw)
    assert first == {"n": 1}
    assert middle == [Unreadable("not_json"), Unreadable("invalid_utf8"), Unreadable("too_deep")]
    assert last == {"n": '}],"'}
    assert huge == {"n": float("inf")}


def test_too_much_is_refused() -> None:
    """By bytes as sent, and by events."""
    with pytest.raises(TooLarge):
        read(b" " * (6 * 1024 * 1024 + 1))
    with pytest.raises(TooManyEvents):
        read(json.dumps({"events": [1] * (MAX_EVENTS + 1)}).encode())
