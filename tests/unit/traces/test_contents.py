"""Contents: taken out of attributes, and put back."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.traces.contents import BLOCK, Block, is_reserved, join, split

messages = st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=60), max_size=2), max_size=40)


def bodies(attributes: dict[str, Any]) -> dict[UUID, Any]:
    """What the store would give back."""
    _, _, contents = split(attributes, 10**6)
    found: dict[UUID, Any] = {c.content_hash: json.loads(c.body) for c in contents if c.body is not None}
    return found | {c.content_hash: Block(found[item] for item in c.items) for c in contents if c.items}


@settings(max_examples=100, deadline=None)
@given(said=messages, text=st.text(max_size=30), times=st.integers(1, 60))
def test_attributes_come_back_as_they_were(said: list[Any], text: str, times: int) -> None:
    """Lists of messages, long texts, objects, whatever their sizes."""
    attributes = {"gen_ai.input.messages": said, "input.value": text * times, "other": {"deep": [text] * times}, "n": 1}
    slim, hashes, _ = split(attributes, 10**6)
    assert join(slim, hashes, bodies(attributes)) == attributes


def test_a_conversation_sent_again_and_again_grows_by_what_is_new() -> None:
    """Its events hold a hash a block and a hash a message left over; contents are those of its messages."""
    said = [{"role": "user", "content": f"message {n} {'x' * 100}"} for n in range(200)]
    kept = set()
    for length in range(1, 201):
        _, hashes, contents = split({"gen_ai.input.messages": said[:length]}, 10**6)
        assert len(hashes) <= length // BLOCK + BLOCK
        kept |= {content.content_hash for content in contents}
    assert len(kept) <= 200 + 200 // BLOCK


def test_names_of_ours_are_refused() -> None:
    """A placeholder that a sender wrote, and an artifact that the event does not have."""
    for value in ({"$content": 0}, {"$contents": [0, 1]}, {"$artifact": 1}, {"$artifact": -1}, {"$artifact": True}):
        assert is_reserved({"a": value}, 1)
    assert not is_reserved({"a": {"$artifact": 0}, "b": {"$content": 0, "more": 1}}, 1)
