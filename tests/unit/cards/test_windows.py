"""Where windows end, and what their hashes say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.cards.models import Extractor, SourceMessage
from chalicelib.cards.windows import LONGEST, SHORTEST, START, chained, cut, source_hash, split

RULES = Extractor("rules", None, None, "rules-x")
IDS = st.sets(st.integers(1, 10**6), min_size=1, max_size=200).map(sorted)


def messages(ids: list[int]) -> list[SourceMessage]:
    return [SourceMessage(id_, "user", f"message {id_}") for id_ in ids]


@given(IDS)
@settings(max_examples=100, deadline=None)
def test_every_message_is_in_one_window_in_order(ids: list[int]) -> None:
    """Nothing is left out or twice; windows hold 16 to 32 messages, only the last may hold fewer."""
    parts = split(messages(ids))
    assert [message.message_id for part in parts for message in part] == ids
    assert all(SHORTEST <= len(part) <= LONGEST for part in parts[:-1])
    assert [window.is_closed for window in cut(messages(ids))][:-1] == [True] * (len(parts) - 1)


@given(IDS, st.integers(0, 199))
@settings(max_examples=100, deadline=None)
def test_appending_leaves_closed_windows_as_they_are(ids: list[int], end: int) -> None:
    """A prefix of the topic has the same closed windows."""
    closed = [window for window in cut(messages(ids[: end + 1])) if window.is_closed]
    assert cut(messages(ids))[: len(closed)] == closed


@pytest.mark.parametrize("step", [1, 2, 3, 7])
@pytest.mark.parametrize("begin", [1, 5_000, 123_456])
def test_a_message_taken_out_changes_few_windows(begin: int, step: int) -> None:
    """After a deletion in the middle of 2,000 messages the cut falls into step again, on average within two windows,
    whatever the ids and the distance between them: other conversations take ids in between."""
    ids = list(range(begin, begin + 2000 * step, step))
    before = {window.hash for window in cut(messages(ids))}
    changed = []
    for gone in ids[100:1500:37]:
        after = cut(messages([id_ for id_ in ids if id_ != gone]))
        changed.append(sum(window.hash not in before for window in after))
    assert min(changed) >= 1
    assert sum(changed) / len(changed) <= 3
    assert max(changed) <= 16


def test_hashes_tell_ids_roles_contents_order_and_extractor_apart() -> None:
    """Whatever an extraction depends on changes the source hash."""
    one, other = SourceMessage(1, "user", "a"), SourceMessage(2, "user", "b")
    variants = [
        [one, other], [other, one], [one], [SourceMessage(3, "user", "a"), other],
        [SourceMessage(1, "assistant", "a"), other], [SourceMessage(1, "user", "ab"), SourceMessage(2, "user", "")],
    ]  # fmt: skip
    hashes = [source_hash(chained(START, cut(variant)[0]), RULES) for variant in variants]
    hashes.append(source_hash(chained(START, cut(variants[0])[0]), Extractor("rules", None, None, "rules-y")))
    assert len(set(hashes)) == len(hashes)
