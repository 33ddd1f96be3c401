"""Patterns compile when they are first used, and then are what `re.compile` makes."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.patterns import Pattern, regex

WORDS = "one two three"


def test_a_late_pattern_does_what_a_compiled_one_does() -> None:
    """Every way of matching, with flags."""
    late, compiled = regex(r"T\w+", re.IGNORECASE), re.compile(r"T\w+", re.IGNORECASE)
    assert late.findall(WORDS) == compiled.findall(WORDS) == ["two", "three"]
    assert late.sub("-", WORDS) == compiled.sub("-", WORDS)
    assert [found.span() for found in late.finditer(WORDS)] == [found.span() for found in compiled.finditer(WORDS)]
    assert (late.pattern, late.flags) == (compiled.pattern, compiled.flags)


def test_nothing_is_compiled_before_the_first_use() -> None:
    """A wrong pattern costs nothing until somebody matches with it."""
    late = regex("(")
    with pytest.raises(re.error):
        late.search(WORDS)


def test_threads_may_meet_at_the_first_use() -> None:
    """Eight at once all find the same."""
    late = regex(r"\bt\w+")
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: tuple(late.findall(WORDS)), range(64))) == {("two", "three")}


def test_it_has_no_other_attributes() -> None:
    """A misspelt method is an AttributeError, as with a compiled pattern."""
    with pytest.raises(AttributeError):
        _ = Pattern("a").serach
