"""Events as they are received: one spelling of each, whatever the order its members come in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.traces.envelopes import Refused, spelled

words = st.text(st.characters(codec=None), max_size=6)  # NUL and lone surrogates are among them
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4))
attributes = st.dictionaries(words, values, max_size=5)


def turned(value: Any) -> Any:
    """The same value, the members of every object the other way round."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


def texts(value: Any) -> list[str]:
    """Keys too."""
    if isinstance(value, dict):
        return [*value, *texts(list(value.values()))]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [value] if isinstance(value, str) else []


def is_foul(text: str) -> bool:
    """Whether Postgres cannot hold it; also text that only looks so in JSON, which gets a closer look."""
    return "\x00" in text or "\\u0000" in json.dumps(text) or any("\ud800" <= sign <= "\udfff" for sign in text)


def envelope(attributes: dict[str, Any]) -> dict[str, Any]:
    counts = {"email": 1, "secret": 2}
    return {"sequence_no": 1, "name": "a", "redaction": {"ruleset": "r-1", "counts": counts}, "attributes": attributes}


@settings(max_examples=200, deadline=None)
@given(attributes=attributes)
def test_an_event_has_one_spelling(attributes: dict[str, Any]) -> None:
    """Its members may come in any order; and what is spelled is what was received."""
    event = envelope(attributes)
    assert spelled(event) == spelled(turned(event))
    received, text, is_clean = spelled(event)
    assert received.endswith(b"\n" + text)
    assert json.loads(text.decode("utf-8", "surrogatepass")) == attributes
    assert is_clean == (not any(map(is_foul, texts(attributes))))


@settings(max_examples=200, deadline=None)
@given(one=attributes, other=attributes)
def test_what_differs_is_spelled_otherwise(one: dict[str, Any], other: dict[str, Any]) -> None:
    """One, a true and a float of one are three values, as they are in JSON."""
    is_same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (spelled(envelope(one)) == spelled(envelope(other))) == is_same


def test_members_beside_the_attributes_count() -> None:
    """A number, a name, what the sender's gate has found."""
    event = envelope({})
    others = [event | {"sequence_no": 2}, event | {"name": "b"}, event | {"kind": "model"}, event | {"redaction": None}]
    assert len({spelled(one)[0] for one in (event, *others)}) == 5


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(number: float) -> None:
    """JSON has no spelling of it."""
    with pytest.raises(Refused, match="number_out_of_range"):
        spelled(envelope({"n": [number]}))
    assert spelled(envelope({"n": "Infinity and NaN"}))[2]
