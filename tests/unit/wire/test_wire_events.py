"""Canonical JSON, call signatures and event keys: the same on both sides, for ever."""

from __future__ import annotations

import hmac
import json
import subprocess
import sys
from typing import Any
from uuid import UUID

import pytest
from glia_wire.canonical import SLICE, canonical_json, content_hash
from glia_wire.events import EVENT_TYPES, RUN_EVENTS, STEP_EVENTS, STEP_KINDS, TERMINAL_EVENTS, idempotency_key
from glia_wire.signature import call_signature
from hypothesis import given
from hypothesis import strategies as st

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, b"0"), (-0.0, b"0"), (1.0, b"1"), (1e21, b"1e+21"), (1e20, b"100000000000000000000"), (1e-7, b"1e-7"),
        (0.000001, b"0.000001"), (333333333.33333329, b"333333333.3333333"), (5e-324, b"5e-324"), (4.5, b"4.5"),
        (1.7976931348623157e308, b"1.7976931348623157e+308"), (2**60, b"1152921504606846976"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_the_standard_says(number: float, text: bytes) -> None:
    """RFC 8785's own examples among them."""
    assert canonical_json(number) == text


def test_keys_sort_by_code_units_and_only_what_must_be_is_escaped() -> None:
    """As in RFC 8785, section 3.2.3."""
    value = {"€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\x80": 6, "ö": 7}
    assert list(json.loads(canonical_json(value)).values()) == [2, 4, 6, 7, 1, 5, 3]
    assert canonical_json('\x0f\n"\\/é</') == '"\\u000f\\n\\"\\\\/é</"'.encode()


@given(VALUES)
def test_canonical_json_is_json_and_canonical(value: Any) -> None:
    """It reads back as the same value, and writing that again changes nothing."""
    written = canonical_json(value)
    assert canonical_json(json.loads(written)) == written


def test_what_has_no_json_is_refused() -> None:
    """NaN, infinities, objects, and 200 levels too deep."""
    deep: Any = []
    for _ in range(201):
        deep = [deep]
    for wrong in (float("nan"), float("inf"), object(), {"x": {1, 2}}, deep):
        with pytest.raises(ValueError, match=r".+"):
            canonical_json(wrong)


def test_lone_surrogates_are_escaped_and_pairs_joined() -> None:
    """Any text of Python's has its bytes."""
    assert canonical_json("\ud83d\ude00\ud800") == '"😀\\ud800"'.encode()


@pytest.mark.parametrize("piece", ['"', "\\", "\n", "\x07", "é", "\U0001f600", "\ud800", "\ud83d\ude00"])
def test_long_texts_are_written_as_short_ones_are(piece: str) -> None:
    """Long texts are escaped in slices; wherever a slice ends, the JSON is that of the text's pieces."""
    for size in (SLICE - 2, SLICE - 1, SLICE, 3 * SLICE):
        written = canonical_json({"long": "x" * size + piece * 3 + "y" * SLICE})
        middle = canonical_json(piece * 3)[1:-1]
        assert written == b'{"long":"' + b"x" * size + middle + b"y" * SLICE + b'"}'


def test_a_long_request_is_signed_as_its_canonical_json() -> None:
    """Signed in parts, the signature is the HMAC of the whole."""
    request = {"b": "long " * SLICE, "a": [1, "x"]}
    expected = hmac.new(b"key", canonical_json(request), "sha256").hexdigest()
    assert call_signature("k1", b"key", request) == f"v1:k1:{expected}"


def test_signatures_tell_requests_and_keys_apart() -> None:
    """Equal requests sign equally in any spelling; another request or key never."""
    one = call_signature("k1", b"key", {"model": "m", "temperature": 1})
    assert one == call_signature("k1", b"key", {"temperature": 1.0, "model": "m"})
    assert one.startswith("v1:k1:")
    assert (
        len({one, call_signature("k1", b"other", {"model": "m", "temperature": 1}), call_signature("k1", b"key", {})})
        == 3
    )


def test_the_key_of_an_event_is_its_place() -> None:
    """Run, step, type and number; ids in any spelling."""
    run, step = UUID(int=1), UUID(int=2)
    key = idempotency_key(run, step, "step.started", 3)
    assert key == idempotency_key(str(run).upper(), str(step), "step.started", 3)
    others = {idempotency_key(run, None, "step.started", 3), idempotency_key(run, step, "step.chunk", 3)}
    assert len({key, idempotency_key(run, step, "step.started", 4), *others}) == 4
    assert content_hash(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_words_of_the_contract() -> None:
    """Seven types, seven kinds; each type belongs to a run, a step, or is a note."""
    assert {*RUN_EVENTS, *STEP_EVENTS, "note"} == set(EVENT_TYPES)
    assert TERMINAL_EVENTS < STEP_EVENTS
    assert len(EVENT_TYPES) == len(STEP_KINDS) == 7


def test_importing_the_wire_loads_the_standard_library_only() -> None:
    """It is light in the host's process and in Lambda."""
    program = (
        "import sys, glia_wire.events, glia_wire.signature, glia_wire.redaction;"
        "print(*{m.split('.')[0] for m in sys.modules} - set(sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"glia_wire", "__main__"} | {n for n in done.stdout.split() if n.startswith("_")}
