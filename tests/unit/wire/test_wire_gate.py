"""What the redaction gate finds, leaves, and promises."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from glia_wire.redaction import BUILT_IN, Gate, Hook, RedactionFailed, Rule, Span, Window, redact_bytes
from glia_wire.redaction.gate import CLASSES
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.wire.planted import HARMLESS, PLANTED

GATE = Gate()
UNFILTERED = Gate(rules=[replace(rule, triggers=frozenset()) for rule in BUILT_IN])
IDS = [f"{name}-{index}" for index, (name, _, _) in enumerate(PLANTED)]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
PIECES = [around.format(secret) for _, around, secret in PLANTED] + [secret for _, _, secret in PLANTED]
PIECES += [secret[: len(secret) // 2] for _, _, secret in PLANTED] + list(HARMLESS)
PIECES += [
    "password=",
    "token: ",
    "key=",
    "@",
    "://",
    "eyJ",
    "sk-",
    "_",
    "+",
    "0",
    " ",
    "\n",
    "\\n",
    '"',
    "[REDACTED:email:3]",
]
NOISE = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=12).map("".join)


@given(NOISE, st.integers(0, 3))
def test_prefilters_pass_nothing_over(text: str, doublings: int) -> None:
    """Asked without triggers, and of short and long texts alike, the rules find the same."""
    text = text + " " * 4096 * doublings
    assert GATE.redact_text(text) == UNFILTERED.redact_text(text)
    assert GATE.redact_text(text).value.rstrip(" ") == GATE.redact_text(text.rstrip(" ")).value


@pytest.mark.parametrize(("name", "around", "secret"), PLANTED, ids=IDS)
def test_each_class_is_found_where_it_stands(name: str, around: str, secret: str) -> None:
    """A secret is replaced by its class and a number, and what is around it stays."""
    redacted = GATE.redact_text(around.format(secret))
    assert redacted.value == around.format(f"[REDACTED:{name}:1]")
    assert redacted.counts == {name: 1}


@pytest.mark.parametrize(("name", "around", "secret"), PLANTED, ids=IDS)
@pytest.mark.parametrize("escape", [False, True], ids=["text", "JSON in JSON"])
def test_each_class_is_found_in_every_field(name: str, around: str, secret: str, escape: bool) -> None:
    """Keys, values, lists, headers' pairs, and JSON inside a text: no field is passed over."""
    text = around.format(secret)
    if escape:
        text = json.dumps({"inner": f"line\n{text}\tend"})
    value = {"a": [{"b": text}], text: 1, "headers": [{"name": "x", "value": text}], "t": (text, text.encode())}
    redacted = GATE.redact(value)
    left = json.dumps(redacted.value, ensure_ascii=False)
    assert secret not in left
    assert json.dumps(secret, ensure_ascii=False)[1:-1] not in left
    assert name in redacted.counts


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_it_stays(text: str) -> None:
    """Ids, times, versions, UUIDs, program text and prose are not secrets."""
    assert GATE.redact_text(text) == (text, {})


@settings(max_examples=400)
@given(NOISE)
def test_redacting_twice_is_redacting_once(text: str) -> None:
    """Whatever stands next to what, redacted text redacts to itself."""
    once = GATE.redact_text(text).value
    assert GATE.redact_text(once) == (once, {})


@settings(max_examples=300)
@given(JSON | st.dictionaries(NOISE, NOISE | st.lists(NOISE, max_size=3), max_size=4))
def test_redacting_a_value_twice_is_redacting_it_once(value: Any) -> None:
    """So for any JSON value; and the input is as it was."""
    before = copy.deepcopy(value)
    once = GATE.redact(value).value
    assert value == before
    assert GATE.redact(once) == (once, {})


@settings(max_examples=400)
@given(NOISE, st.integers(1, 60))
def test_slices_do_not_change_the_result(text: str, slice_chars: int) -> None:
    """A secret split by a slice, at any place, is found as if there were no slices."""
    assert Gate(slice_chars=slice_chars).redact_text(text) == GATE.redact_text(text)


def test_a_text_of_many_slices_is_left_to_breathe() -> None:
    """Between two slices the caller may let other threads run."""
    breaths: list[int] = []
    text = "some words " * 30_000
    assert GATE.redact_text(text, lambda: breaths.append(1)).value == text
    assert len(breaths) == len(text) // (64 * 1024)


def test_a_key_longer_than_a_slice_goes_whole() -> None:
    """Tails have no bound."""
    text = "a sk-" + "Ab1" * 50_000 + " b"
    assert GATE.redact_text(text).value == "a [REDACTED:secret:1] b"


def test_numbers_tell_secrets_of_a_class_apart() -> None:
    """The same secret has the same number everywhere in a call; numbers that came with the input stay taken."""
    value = ["ann@example.com bob@example.com", {"x": "ann@example.com"}, "[REDACTED:email:4] 203.0.113.1"]
    assert GATE.redact(value).value == [
        "[REDACTED:email:5] [REDACTED:email:6]",
        {"x": "[REDACTED:email:5]"},
        "[REDACTED:email:4] [REDACTED:ip:1]",
    ]


def test_values_under_secret_names_go_whatever_they_are() -> None:
    """Names of secrets, in every spelling; a schema that describes such a field keeps its words."""
    value = {"Api-Key": "hello", "dbPassword": 12345, "Authorization": ["a", "b"], "access.token": "x y"}
    assert set(json.dumps(GATE.redact(value).value).split('"')) >= {f"[REDACTED:secret:{n}]" for n in range(1, 6)}
    schema = {"properties": {"password": {"type": "string", "description": "of the user"}}}
    assert GATE.redact(schema).value == schema
    assert GATE.redact({"name": "X-Api-Key", "value": "hello"}).value["value"] == "[REDACTED:secret:1]"


def test_numbers_that_are_cards_or_phones_go_too() -> None:
    """A JSON number hides no card; a time in nanoseconds is none."""
    value = {"n": 4111111111111111, "phone": 5551234567, "t": 1700000000000000000, "small": 42}
    assert GATE.redact(value).value == {
        "n": "[REDACTED:card:1]", "phone": "[REDACTED:phone:1]", "t": 1700000000000000000, "small": 42,
    }  # fmt: skip


def test_the_allow_list_lifts_the_name_and_the_deny_list_takes_all() -> None:
    """An allowed key's value is read as any other; a denied key's is gone, object or not."""
    gate = Gate(allow_keys=["password"], deny_keys=["Notes"])
    value = {"password": "open ann@example.com", "notes": {"deep": 1}, "Notes": None}
    assert gate.redact(value).value == {
        "password": "open [REDACTED:email:1]", "notes": "[REDACTED:secret:1]", "Notes": "[REDACTED:secret:2]",
    }  # fmt: skip


def test_hooks_add_and_cannot_take_away() -> None:
    """A hook's text goes through the rules; what it changed is counted under its name; keys are read too."""
    hook = Hook("customer", lambda text: text.replace("ACME", "[REDACTED:customer:1]") + " bob@example.com")
    redacted = Gate(hooks=[hook]).redact({"ACME": 1})
    assert redacted.value == {"[REDACTED:customer:1] [REDACTED:email:1]": 1}
    assert redacted.counts == {"customer": 1, "email": 1}


@pytest.mark.parametrize("broken", [lambda _: 1 / 0, lambda _: None], ids=["raises", "returns nothing"])
def test_a_hook_that_fails_lets_nothing_pass(broken: Any) -> None:
    """Fail closed, and without the text in the error."""
    with pytest.raises(RedactionFailed) as raised:
        Gate(hooks=[Hook("customer", broken)]).redact("zanzibar")
    assert "zanzibar" not in str(raised.value)


def test_a_rule_of_ones_own_is_a_finder() -> None:
    """The contract by which a rule is added."""

    def find(window: Window) -> Any:
        return (Span(at, at + 8, "secret") for at in window.hits("CUST-"))

    assert (
        Gate(rules=(*BUILT_IN, Rule("customers", find))).redact_text("is CUST-123 in").value
        == "is [REDACTED:secret:1] in"
    )


def test_what_is_no_json_or_too_deep_fails() -> None:
    """200 levels and no more; objects of a program have no redaction."""
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    assert GATE.redact(deep).value == deep
    for wrong in ([deep], {"x": object()}, {(1, 2): 3}):
        with pytest.raises(RedactionFailed):
            GATE.redact(wrong)


def test_odd_keys_and_surrogates_pass_through() -> None:
    """Keys are written as JSON writes them; a lone surrogate is a character like others."""
    assert GATE.redact({1: "\ud800 ann@example.com", None: 1}).value == {"1": "\ud800 [REDACTED:email:1]", "null": 1}


def test_the_classes_are_those_of_the_contract() -> None:
    """Seven classes, each planted above."""
    assert {name for name, _, _ in PLANTED} == set(CLASSES)


@pytest.mark.parametrize(
    ("data", "media_type", "expected"),
    [
        (b"mail ann@example.com", "text/plain", b"mail [REDACTED:email:1]"),
        (b'{"password":"x y"}', "application/json", b'{"password":"[REDACTED:secret:1]"}'),
        (b'{"a": 1,\n "b": 2}', "application/json", b'{"a": 1,\n "b": 2}'),
        (b'{"pwd":"q r"}\n{"b":1}\n', "application/x-ndjson", b'{"pwd":"[REDACTED:secret:1]"}\n{"b":1}\n'),
        (b'{"e":"ann\\u0040example.com"}', "text/plain", b'{"e":"[REDACTED:email:1]"}'),
        ("ann@example.com".encode("utf-16"), "text/plain", "[REDACTED:email:1]".encode("utf-16")),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "image/png", b"\x89PNG\r\n\x1a\n\x00\xff"),
        (b"ann@example.com", "image/png", b"[REDACTED:email:1]"),
        (b"", "text/plain", b""),
    ],
)
def test_artifacts_are_redacted_as_what_they_are(data: bytes, media_type: str, expected: bytes) -> None:
    """Text, JSON by its values, JSON lines, UTF-16; images as they are. What has nothing in it keeps its bytes."""
    assert redact_bytes(GATE, data, media_type).data == expected


@pytest.mark.parametrize(("data", "kind"), [(b"\xff\xfe\xfd", "image/png"), (b"\x00\xff", "application/octet-stream")])
def test_what_can_be_read_as_nothing_fails(data: bytes, kind: str) -> None:
    """Bytes nobody can read are not kept unread."""
    with pytest.raises(RedactionFailed):
        redact_bytes(GATE, data, kind)
