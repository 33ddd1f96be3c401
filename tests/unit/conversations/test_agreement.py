"""Pk and WindowDiff are those of `segeval`."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.conversations.replays.agreement import pk, window_diff

pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=3, max_size=60)


@pytest.fixture(scope="module")
def segeval() -> Any:
    """The published metrics. Its modules compare numbers by `is`, which a newer Python warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import segeval
        import segeval.data  # which it imports late

        return segeval


def masses(opens: list[bool]) -> tuple[int, ...]:
    sizes = [1]
    for flag in opens[1:]:
        sizes = [*sizes, 1] if flag else [*sizes[:-1], sizes[-1] + 1]
    return tuple(sizes)


@given(pairs)
def test_they_are_the_published_ones(segeval: Any, flags: list[tuple[bool, bool]]) -> None:
    """For any two segmentations of the same messages."""
    guess, reference = [ours for ours, _ in flags], [theirs for _, theirs in flags]
    assert window_diff(guess, reference) == pytest.approx(
        float(segeval.window_diff(masses(guess), masses(reference))), abs=1e-12
    )
    assert pk(guess, reference) == pytest.approx(float(segeval.pk(masses(guess), masses(reference))), abs=1e-12)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_messages_have_no_distance(count: int) -> None:
    """There is not one window."""
    assert window_diff([False] * count, [False] * count) is None
    assert pk([False] * count, [False] * count) is None


def test_a_near_miss_is_better_than_a_far_one() -> None:
    """Nought where they agree; more the further off."""
    reference = [n in (4, 8) for n in range(12)]
    near, far = [n in (5, 8) for n in range(12)], [n in (2, 10) for n in range(12)]
    for metric in (pk, window_diff):
        none, some, more = (metric(guess, reference) for guess in (reference, near, far))
        assert none == 0.0
        assert some is not None
        assert more is not None
        assert 0.0 < some < more
