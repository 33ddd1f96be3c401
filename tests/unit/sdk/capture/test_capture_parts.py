"""The parts of capture that can be looked at alone: copies, pacing, encoding, and what a program pays to load it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from glia_sdk.capture.encoding import Encoder
from glia_sdk.capture.ids import new_id
from glia_sdk.capture.intake import Intake
from glia_sdk.capture.pacing import LONGEST_WAY, NAP, STRETCH, Pacer
from glia_sdk.capture.records import Record
from glia_sdk.capture.settings import SigningKey
from glia_sdk.capture.snapshots import snapshot
from glia_wire.redaction import Gate
from glia_wire.signature import call_signature
from hypothesis import given
from hypothesis import strategies as st

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
CAPTURE_ONLY = """
import sys
import glia_sdk as glia
glia.init(url="http://127.0.0.1:9", token="t", spill_folder=sys.argv[1])
with glia.run("r"), glia.tool("t"):
    pass
print(*[name for name in ("pydantic", "rich", "typer", "httpx", "openai", "platformdirs") if name in sys.modules])
"""


class Clock:
    """Time that passes only in naps, and by what is said."""

    def __init__(self) -> None:
        self.now = 0.0
        self.naps: list[float] = []
        self.late = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds + self.late


def pacer(clock: Clock, *, is_hurried: bool = False) -> Pacer:
    return Pacer(lambda: is_hurried, clock=clock, sleep=clock.sleep)


@given(VALUES)
def test_a_snapshot_equals_the_value_and_shares_no_container(value: Any) -> None:
    """The copy of JSON is the same JSON."""
    copied, size = snapshot(value)
    assert copied == value
    assert size >= 0
    if isinstance(value, list | dict) and value:
        value.clear()
        assert copied


def test_a_snapshot_spells_out_what_has_a_plain_form_and_names_the_rest() -> None:
    """Nothing is asked for its `repr`; depth is bounded, so that a circle ends."""

    class Colour(Enum):
        RED = "red"

    @dataclass
    class Point:
        x: int
        path: Path

    class Loud:
        def __repr__(self) -> str:
            raise AssertionError("nobody asks")

    circle: list[Any] = []
    circle.append(circle)
    values = [Colour.RED, Point(1, Path("/a")), Loud(), date(2026, 1, 2), UUID(int=5), (1, {2}), {3: 4}, b"abc"]
    assert snapshot(values)[0] == [
        "red", {"x": 1, "path": "/a"}, f"<{__name__}.{Loud.__qualname__}>", "2026-01-02", str(UUID(int=5)), [1, [2]],
        {"3": 4}, "<3 bytes>",
    ]  # fmt: skip
    assert "<too deep>" in json.dumps(snapshot(circle)[0])


def encoded(attributes: dict[str, Any]) -> dict[str, Any]:
    encoder = Encoder(Gate(), None, lambda: None, lambda _: None)
    weight = sum(len(value) for value in attributes.values() if isinstance(value, str))
    item = encoder.encode(Record(new_id(), None, None, 0, "note", None, "n", 0, attributes, None, weight))
    found: dict[str, Any] = json.loads(item.body)["attributes"]
    for name, value in found.items():
        if isinstance(value, dict) and value.keys() == {"$artifact"}:
            found[name] = json.loads(item.blobs[value["$artifact"]].data)
    return found


@pytest.mark.parametrize("character", ['"', "\\", "\n", "\x00", "\x1f", "é", "\U0001f600", "\u2028"])
def test_long_texts_are_encoded_in_parts_to_the_same_json(character: str) -> None:
    """Whatever stands where one part ends and the next begins."""
    for size in (32 * 1024 - 1, 32 * 1024, 100_000):
        text = "x" * size + character * 3 + "y" * 40_000
        assert encoded({"a": text, "b": [{"c": text}], "d": []}) == {"a": text, "b": [{"c": text}], "d": []}


def test_what_json_cannot_say_does_not_lose_the_event() -> None:
    """Half characters, numbers that are none."""
    assert encoded({"half": "a\ud800b", "none": math.nan}) == {"half": "a?b", "none": "nan"}


def test_a_signed_text_is_escaped_once_and_the_payload_is_redacted_all_the_same() -> None:
    """What was escaped for the signature, before redaction, never stands in for a text that redaction changed."""
    clean, told = "some words. " * 4000, "mail to ann@example.com. " * 2000
    encoder = Encoder(Gate(), SigningKey("k", b"key"), lambda: None, lambda _: None)
    record = Record(new_id(), None, None, 0, "note", None, "n", 0, {"a": clean, "b": told}, [clean, told], 10**5)
    item = encoder.encode(record)
    assert json.loads(item.body)["call_signature"] == call_signature("k", b"key", [clean, told])
    payloads = {blob.role: json.loads(blob.data) for blob in item.blobs}
    attributes = json.loads(item.body)["attributes"] | payloads
    assert attributes == {"a": clean, "b": told.replace("ann@example.com", "[REDACTED:email:1]")}


def test_ids_are_version_7_and_differ() -> None:
    """Ordered by time, and never the same."""
    ids = [UUID(new_id()) for _ in range(1000)]
    assert {one.version for one in ids} == {7}
    assert len(set(ids)) == 1000
    assert ids[0].int >> 80 <= ids[-1].int >> 80


def test_work_is_done_in_stretches_with_naps_between() -> None:
    """No nap before a stretch is over; a longer one after a nap that was kept waiting; none for who is in a hurry."""
    clock = Clock()
    pace = pacer(clock)
    pace.pause()
    assert clock.naps == []
    clock.now += STRETCH * 2
    clock.late = 0.01
    pace.pause()
    clock.now += STRETCH * 2
    pace.pause()
    assert clock.naps == [NAP, NAP * 4]
    hurried = pacer(clock, is_hurried=True)
    clock.now += 1
    hurried.pause()
    assert len(clock.naps) == 2


def test_under_pressure_naps_stay_short_and_no_way_is_made() -> None:
    """Much is left to do: the program still gets its turn after each stretch, but the work does not stop for it."""
    clock = Clock()
    pace = Pacer(lambda: False, lambda: True, clock=clock, sleep=clock.sleep)
    clock.late = 0.01
    for _ in range(4):
        clock.now += STRETCH * 2
        pace.make_way(10.0)
        pace.pause()
    assert clock.naps == [NAP] * 4


def test_work_makes_way_for_a_call_but_not_for_long() -> None:
    """It waits until the call is on its way; calls without end do not stop it."""
    clock = Clock()
    pace = pacer(clock)
    clock.now += STRETCH * 2
    pace.make_way(10.0)
    pace.pause()
    assert clock.naps[0] == pytest.approx(LONGEST_WAY)
    pace.make_way(10.0)
    clock.now += STRETCH * 2
    pace.pause()
    assert max(clock.naps[1:]) < 0.001, "its turn is not over"


def event(weight: int) -> Record:
    return Record("r", "s", None, 0, "step.started", "tool", "t", 0, {"a": "b"}, None, weight)


def test_what_is_worked_on_takes_no_room_from_what_waits() -> None:
    """One event of any size waits behind it; a next one that is too much for the bound goes on without its payload."""
    lost: list[str] = []
    intake = Intake(100, 0.0, lost.append)
    intake.put(event(1000))
    assert intake.get()
    intake.put(event(1000))
    assert intake.is_pressed
    assert lost == []
    intake.put(event(50))
    assert lost == ["memory_full"]
    intake.done()
    large = intake.get()
    assert large
    assert large.weight == 1000
    assert not intake.is_empty


def test_one_large_event_alone_is_no_pressure() -> None:
    """It is worked on at once, but out of the program's way."""
    intake = Intake(100, 0.0, lambda reason: None)
    intake.put(event(1000))
    assert intake.wait(0.0)
    assert intake.get()
    assert not intake.is_pressed
    intake.done()
    assert intake.bytes == 0
    assert intake.is_empty


def test_capture_loads_nothing_heavy(tmp_path: Path) -> None:
    """Recording takes the standard library and glia's own code only; naming the package takes next to nothing."""
    for code, *more in (
        (CAPTURE_ONLY, str(tmp_path)),
        ("import sys, glia_sdk; print(*[m for m in sys.modules if 'glia_sdk.' in m])",),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *more], capture_output=True, text=True, check=False,
            env={"PYTHONPATH": "sdk/src", "GLIA_CONFIG": str(tmp_path / "none.json")},
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")
