"""Contents: taken out of attributes, and put back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.traces.contents import BLOCK, assembled, is_reserved, join, split

messages = st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=60), max_size=2), max_size=40)


def bodies(attributes: dict[str, Any]) -> Mapping[UUID, Any]:
    """What the store would give back."""
    _, _, contents = split(attributes, 10**6)
    return assembled((c.content_hash, c.body, c.items) for c in contents)


@settings(max_examples=100, deadline=None)
@given(said=messages, text=st.text(max_size=30), times=st.integers(1, 60))
def test_attributes_come_back_as_they_were(said: list[Any], text: str, times: int) -> None:
    """Lists of messages, long texts, objects, whatever their sizes."""
    said = [*said, {"role": "tool", "content": text * times}, {"content": text * times}]
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


def test_what_a_tool_answers_and_the_message_that_tells_it_share_their_text() -> None:
    """A long text is there once, whoever says it; short ones stay where they are."""
    answer = "and so on, " * 300
    told = [{"role": "tool", "content": answer, "tool_call_id": f"c{n}"} for n in range(3)]
    _, _, contents = split({"gen_ai.tool.call.result": answer, "gen_ai.input.messages": told}, 10**6)
    assert sum(answer in (content.body or "") for content in contents) == 4
    assert len({content.content_hash for content in contents if answer in (content.body or "")}) == 1


def test_names_of_ours_are_refused() -> None:
    """A placeholder that a sender wrote, and an artifact that the event does not have."""
    for value in ({"$content": 0}, {"$contents": [0, 1]}, {"$artifact": 1}, {"$artifact": -1}, {"$artifact": True}):
        assert is_reserved({"a": value}, 1)
    assert not is_reserved({"a": {"$artifact": 0}, "b": {"$content": 0, "more": 1}}, 1)
