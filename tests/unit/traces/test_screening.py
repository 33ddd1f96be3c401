"""Screening a batch: the outcome is that of the gate on each event alone."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from glia_wire.redaction import Gate
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.traces.screening import Screen

SECRETS = [
    "sk-proj-abcdEFGH1234567890abcdEFGH1234567890",
    "AKIAIOSFODNN7EXAMPLE",
    "jane.doe@example.org",
    "+49 170 1234567",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "203.0.113.77",
    "/home/janedoe/notes.txt",
    "password: hunter2hunter2",
]
PLAIN = ["the report is late", "version 1.2", "v", "call", "step 7 of 9", "ok", "token", "see section 4.1.2", ""]
PLACES = ["text", "note", "gen_ai.input.messages", "phone", "password", "tags"]


def values(draw: st.DrawFn) -> Any:
    words = st.one_of(st.sampled_from(PLAIN), st.sampled_from(SECRETS), st.text(max_size=12))
    member = st.one_of(words, st.integers(), st.lists(words, max_size=3), st.dictionaries(words, words, max_size=2))
    return draw(st.dictionaries(st.sampled_from(PLACES), member, max_size=4))


@st.composite
def batches(draw: st.DrawFn) -> list[Any]:
    return [values(draw) for _ in range(draw(st.integers(0, 8)))]


@settings(max_examples=150, deadline=None)
@given(batch=batches())
def test_a_screened_batch_is_what_the_gate_makes_of_each(batch: list[Any]) -> None:
    """Whatever stands in whichever event, alone or beside others."""
    gate = Gate()
    found = Screen(gate).redact(batch)
    assert [(one.value, one.counts) for one in found if one] == [tuple(gate.redact(value)) for value in batch]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("before", PLAIN)
def test_a_secret_is_found_whatever_the_event_before_says(secret: str, before: str) -> None:
    """No neighbour hides it."""
    found = Screen(Gate()).redact([{"text": before}, {"text": secret}, {"text": before}])
    assert secret not in json.dumps([one.value for one in found if one], ensure_ascii=False)


def test_long_batches_are_screened_in_groups() -> None:
    """One secret among many events: it alone changes."""
    chosen = random.Random(1)
    batch = [{"text": " ".join(chosen.choices(PLAIN[:5], k=400))} for _ in range(60)]
    batch[31] = {"text": SECRETS[0]}
    found = Screen(Gate()).redact(batch)
    assert [n for n, (one, given) in enumerate(zip(found, batch, strict=True)) if one and one.value != given] == [31]
