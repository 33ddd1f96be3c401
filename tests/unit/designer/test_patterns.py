"""Every regular expression that meets a user's words takes linear time."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from re import _constants as constants  # the parser itself says what a pattern does
from re import _parser as parser
from typing import Any

import pytest

import chalicelib.designer
from chalicelib.designer.context import Context
from chalicelib.designer.rules import RulesExtractor
from chalicelib.designer.tools.catalogue import catalogue
from chalicelib.patterns import Pattern

MOST = 700  # repeats
MOST_NESTED = 6_000  # repeats times repeats inside them
OF_OUR_OWN_TEXT = {"chalicelib.designer.exports.code"}


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    for module in pkgutil.walk_packages(chalicelib.designer.__path__, "chalicelib.designer."):
        if module.name in OF_OUR_OWN_TEXT:
            continue
        loaded = importlib.import_module(module.name)
        for name, value in vars(loaded).items():
            yield from ((f"{module.name}.{name}", pattern) for pattern in found(value))


def found(value: Any) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, Pattern):
        yield value.compiled
    elif isinstance(value, tuple | list):
        for part in value:
            yield from found(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from found(part)


def repeats(tokens: Any, outer: int = 1) -> Iterator[tuple[int, int]]:
    """How often each part of a pattern may repeat, and how often with what it stands in."""
    for operator, argument in tokens:
        if operator in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
            low, high, inner = argument
            high = 10**9 if high is constants.MAXREPEAT else int(high)
            nested = outer * (high if high != low else 1)
            yield high, nested
            yield from repeats(inner, nested)
        elif operator is constants.SUBPATTERN:
            yield from repeats(argument[-1], outer)
        elif operator is constants.BRANCH:
            for branch in argument[1]:
                yield from repeats(branch, outer)
        elif operator in (constants.ASSERT, constants.ASSERT_NOT):
            yield from repeats(argument[1], outer)
        elif operator is constants.ATOMIC_GROUP:
            yield from repeats(argument, outer)


def test_every_repeat_is_bounded() -> None:
    """So a match takes bounded time from each place, and a search linear time; nested repeats are bounded together."""
    seen = dict(patterns())
    assert len(seen) > 20
    for name, pattern in seen.items():
        for high, nested in repeats(parser.parse(pattern.pattern, pattern.flags)):
            assert high <= MOST, f"{name} repeats without bound: {pattern.pattern[:80]}"
            assert nested <= MOST_NESTED, f"{name} repeats inside repeats"


@pytest.mark.parametrize(
    "unit",
    [" ", "a", "a ", "not ", "no tools ", ", ", "use Slack, ", "\n", ".", "and ", "ok ", "{", "'", "don't need any "],
)
def test_long_monotonous_messages_are_read(unit: str) -> None:
    """200 KB of anything end; the result still holds to its bounds."""
    message = unit * (200_000 // len(unit))
    for asked in ("agent_type", "goals", "tone", "tools", "workflow"):
        extraction = RulesExtractor().extract(message, Context(catalogue(), asked))
        assert len(extraction.changes) < 600
