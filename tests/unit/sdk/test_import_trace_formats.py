"""What each format's recordings become: steps, contents, times, and the list of what has no place."""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from glia_sdk.importing.errors import NotImportable
from glia_sdk.importing.traces.encoding import INLINE, encode
from glia_sdk.importing.traces.events import UNTIMED, events
from glia_sdk.importing.traces.fields import Fields
from glia_sdk.importing.traces.formats import FORMATS, named, recognised
from glia_sdk.importing.traces.model import Converted, ImportedRun, Refused, Step
from glia_sdk.importing.traces.reading import DEEPEST, Account, converted, runs
from glia_wire.events import EVENT_TYPES, STEP_KINDS
from glia_wire.redaction import Gate
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import RECORDINGS, dialogue
from tests.unit.wire.planted import PLANTED

Event = dict[str, Any]
EVERY = pytest.mark.parametrize("name", RECORDINGS)


def imported(name: str, value: Any) -> list[ImportedRun]:
    found = named(name)
    assert found is not None
    return [one for one in found.convert(value) if isinstance(one, ImportedRun)]


def refused(name: str, value: Any) -> list[Refused]:
    found = named(name)
    assert found is not None
    return [one for one in found.convert(value) if isinstance(one, Refused)]


def all_events(name: str, value: Any) -> list[list[Event]]:
    return [list(events(name, run)) for run in imported(name, value)]


def steps(name: str, value: Any, kind: str) -> list[Step]:
    return [step for step in imported(name, value)[0].steps if step.kind == kind]


def account(path: Path, text: str | bytes, asked: str = "auto") -> tuple[Account, list[ImportedRun]]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    made = Account(path)
    return made, list(runs(made, asked))


def test_every_format_has_a_recording() -> None:
    """A format that is added is tested as the others are."""
    assert {one.name for one in FORMATS} == set(RECORDINGS)


@EVERY
def test_a_recording_is_recognised_by_what_is_in_it(name: str) -> None:
    """Each format knows its own recordings, and no earlier one takes them."""
    found = recognised(RECORDINGS[name]("x"))
    assert found is not None
    assert found.name == name


@EVERY
def test_events_are_as_the_contract_has_them(name: str) -> None:
    """Numbers from 0 without a gap, parents before children, every step with one beginning and one end."""
    for made in all_events(name, RECORDINGS[name]("x")):
        assert [one["sequence_no"] for one in made] == list(range(len(made)))
        assert (made[0]["event_type"], made[-1]["event_type"]) == ("run.started", "run.completed")
        assert made[-1]["attributes"]["last_sequence_no"] == len(made) - 1
        begun: set[str] = set()
        ended: Counter[str] = Counter()
        for one in made:
            assert one["event_type"] in EVENT_TYPES
            assert one["kind"] is None or one["kind"] in STEP_KINDS
            assert one["call_signature"] is None
            assert one["parent_step_id"] is None or one["parent_step_id"] in begun
            if one["event_type"] == "step.started":
                assert one["step_id"] not in begun
                begun.add(one["step_id"])
            elif one["step_id"] is not None:
                assert one["step_id"] in begun
                ended[one["step_id"]] += one["event_type"] != "note"
        assert begun == {step for step, count in ended.items() if count == 1}


@EVERY
def test_importing_twice_makes_the_same(name: str) -> None:
    """Ids, numbers, times and contents come of the recording alone, whatever the order of its keys."""
    value = RECORDINGS[name]("x")
    gate = Gate()
    first, again = ([encode(one, gate).body for made in all_events(name, each) for one in made]
                    for each in (value, json.loads(json.dumps(value))))  # fmt: skip
    assert first == again
    ids = {made[0]["run_id"] for made in all_events(name, value)}
    assert ids.isdisjoint(made[0]["run_id"] for made in all_events(name, RECORDINGS[name]("other")))


@EVERY
@pytest.mark.parametrize(("around", "secret"), [(around, secret) for _, around, secret in PLANTED[:30:3]])
def test_what_is_secret_leaves_redacted(name: str, around: str, secret: str) -> None:
    """A secret in any field of a recording is in nothing that is sent."""
    planted = around.format(secret)
    for made in all_events(name, RECORDINGS[name](planted)):
        for one in made:
            item = encode(one, Gate())
            sent = b"".join([item.body, *(blob.data for blob in item.blobs)]).decode()
            assert secret not in sent
            assert json.dumps(secret)[1:-1] not in sent


@EVERY
def test_the_run_says_where_it_is_from(name: str) -> None:
    """Format, its version, the importer's own, and how times came about."""
    for made in all_events(name, RECORDINGS[name]("x")):
        told = made[0]["attributes"]
        assert told["glia.import.format"] == name
        assert told["glia.import.format.version"]
        assert told["glia.import.importer"].startswith("glia-import-trace/")
        assert told["glia.import.times"] in ("recorded", "partly derived", "derived")


@EVERY
def test_nothing_is_dropped_in_silence(name: str) -> None:
    """A field that no format knows is in the list of the unmapped, with its path."""
    value = RECORDINGS[name]("")
    whole = value[0] if isinstance(value, list) else value
    whole["unheard_of"] = {"a": 1}
    found = named(name)
    assert found is not None
    counts: Counter[str] = sum((_unmapped(one) for one in found.convert(value)), Counter())
    assert any(path.endswith("unheard_of") and count == 1 for path, count in counts.items()), counts


def _unmapped(one: Converted) -> Counter[str]:
    if isinstance(one, Refused):
        return Counter()
    return one.unmapped if isinstance(one, ImportedRun) else one.counts


def test_a_dialogue_is_model_calls_and_tool_calls() -> None:
    """Each call with what it was given; results go to their calls; a failed one is failed; contents are whole."""
    run = imported("tool-calling-messages", dialogue())[0]
    assert [step.kind for step in run.steps] == ["agent", "model", "tool", "tool", "model"]
    first, second = (step for step in run.steps if step.kind == "model")
    assert first.inputs["gen_ai.input.messages"] == dialogue()[:2]
    assert second.inputs["gen_ai.input.messages"] == dialogue()[:5]
    assert second.outputs["gen_ai.output.messages"] == [dialogue()[5]]
    found, asked = (step for step in run.steps if step.kind == "tool")
    assert found.inputs["gen_ai.tool.call.arguments"] == {"what": "kettle"}
    assert (found.outputs["gen_ai.tool.call.result"], found.is_failed) == ("on the stove ", False)
    assert asked.is_failed
    assert run.steps[0].outputs["gen_ai.output.messages"] == [dialogue()[6]]


def test_runs_without_times_get_derived_ones() -> None:
    """They begin at a fixed moment, go on in order, and the run says that they are derived."""
    made = all_events("tool-calling-messages", dialogue())[0]
    times = [one["ts"] for one in made]
    assert times[0] == f"{UNTIMED:%Y-%m-%dT%H:%M:%S.%f}Z"
    assert times == sorted(times)
    assert made[0]["attributes"]["glia.import.times"] == "derived"


def test_tau_keeps_trials_apart() -> None:
    """A run a trial, with its reward."""
    found = imported("tool-calling-messages", RECORDINGS["tool-calling-messages"](""))
    assert [run.name for run in found] == ["task 0, trial 1", "task 0, trial 2"]
    assert found[0].outputs["tau_bench.reward"] == 1.0
    assert found[0].unmapped == {"[].info.mood": 1}


def test_mini_swe_agent_tells_commands_costs_and_return_codes() -> None:
    """Commands are read out of answers; one that returned an error is failed; usage and cost are the model's."""
    value = RECORDINGS["mini-swe-agent"]("")
    (listed,) = steps("mini-swe-agent", value, "tool")[:1]
    assert listed.inputs["gen_ai.tool.call.arguments"] == {"command": "ls /none"}
    assert (listed.is_failed, listed.outputs["process.exit.code"]) == (True, 2)
    asked = steps("mini-swe-agent", value, "model")[0]
    usage = {key: one for key, one in asked.outputs.items() if key.startswith("gen_ai.usage.")}
    assert usage == {"gen_ai.usage.input_tokens": 11, "gen_ai.usage.output_tokens": 7, "gen_ai.usage.cost": 0.25}
    assert "info.config.environment" in imported("mini-swe-agent", value)[0].unmapped


def test_swe_agent_finds_the_dialogue_of_each_action() -> None:
    """Demonstrations are given to the model, and are not actions; how long an action took is kept."""
    value = RECORDINGS["swe-agent"]("")
    first, second = steps("swe-agent", value, "model")
    assert first.inputs["gen_ai.input.messages"] == value["history"][:3]
    assert second.inputs["gen_ai.input.messages"] == value["history"][:5]
    bash, shell = steps("swe-agent", value, "tool")
    assert (bash.name, bash.seconds, shell.name) == ("bash", 1.5, "shell")
    assert bash.outputs["gen_ai.tool.call.result"] == "kettle.py "


def test_openhands_joins_actions_and_observations() -> None:
    """One model call an answer, however many events name it; an action ends with its observation."""
    value = RECORDINGS["openhands"]("")
    asked, spoken = steps("openhands", value, "model")
    assert asked.outputs["gen_ai.usage.input_tokens"] == 5
    assert spoken.outputs["gen_ai.output.messages"][0]["content"] == "There it is. "
    (ran,) = steps("openhands", value, "tool")
    assert (ran.inputs["gen_ai.tool.call.arguments"], ran.is_failed) == ({"command": "ls"}, True)
    assert ran.started is not None
    assert ran.ended is not None
    assert (ran.ended - ran.started).total_seconds() == 1
    assert [step.name for step in steps("openhands", value, "note")] == ["message", "agent_state_changed"]


def test_atif_joins_results_by_their_call() -> None:
    """Results in any order go to the call they name; metrics are the model call's."""
    value = RECORDINGS["atif"]("")
    found, asked = steps("atif", value, "tool")
    assert (found.outputs["gen_ai.tool.call.result"], asked.outputs["gen_ai.tool.call.result"]) == ("stove ", "Ann")
    assert steps("atif", value, "model")[0].outputs["gen_ai.usage.cost"] == 0.5
    assert imported("atif", value)[0].unmapped == {"steps[].metrics.logprobs": 1}
    assert refused("atif", {**value, "schema_version": "ATIF-v9"})[0].place == "schema_version"


def test_inspect_is_a_run_a_sample() -> None:
    """References to attachments are replaced by what they stand for; spans nest; failed tools are failed."""
    value = RECORDINGS["inspect"]("")
    with_events, without = imported("inspect", value)
    asked = next(step for step in with_events.steps if step.kind == "model")
    assert asked.inputs["gen_ai.input.messages"] == [{"role": "user", "content": "Is it? "}]
    assert asked.parent == next(step.key for step in with_events.steps if step.name == "generate")
    assert next(step for step in with_events.steps if step.kind == "tool").is_failed
    said = next(step for step in without.steps if step.kind == "model")
    assert said.outputs["gen_ai.usage.output_tokens"] == 2


def test_what_happens_within_a_tool_of_inspect_stands_under_it() -> None:
    """A tool may call a model, which is its own step."""
    value = RECORDINGS["inspect"]("")
    model, tool = value["samples"][0]["events"][1:3]
    tool["events"] = [{**model, "span_id": None}]
    found = imported("inspect", value)[0].steps
    called = next(step for step in found if step.kind == "tool")
    assert [step.kind for step in found if step.parent == called.key] == ["model"]


def test_members_of_lists_that_are_no_objects_are_listed() -> None:
    """They have no place, and are not passed over."""
    fields = Fields({"a": [{"b": 1}, "odd", None, 7], "c": ["x"], "d": {"e": ""}, "f": {"g": {"h": 0}}})
    fields.parts("a")[0].take("b")
    fields.parts("c")
    fields.part("f").part("g")
    assert fields.unmapped() == {"a[]": 2, "c": 1, "d": 1, "f.g.h": 1}


def test_langfuse_keeps_kinds_parents_times_usage_and_cost() -> None:
    """Observations in any order become a tree in the order of their times."""
    value = RECORDINGS["langfuse"]("")
    run = imported("langfuse", value)[0]
    kinds = ["agent", "model", "tool", "retriever", "validator", "safety", "model", "agent", None]
    assert [step.kind for step in run.steps] == kinds
    asked = run.steps[1]
    assert asked.inputs["gen_ai.input.messages"] == [{"role": "user", "content": "Where? "}]
    assert (asked.inputs["gen_ai.request.model"], asked.inputs["gen_ai.request.temperature"]) == ("small-1", 0.5)
    assert (asked.outputs["gen_ai.usage.input_tokens"], asked.outputs["gen_ai.usage.cost"]) == (8, 0.125)
    made = all_events("langfuse", value)[0]
    times = [one["ts"] for one in made]
    assert times == sorted(times)
    assert made[0]["attributes"]["glia.import.times"] == "recorded"
    assert next(one for one in made if one["event_type"] == "step.failed")["attributes"]["error.message"] == "broken "


def test_parents_in_a_circle_are_refused() -> None:
    """Such a trace has no beginning."""
    value = RECORDINGS["langfuse"]("")
    value["observations"][-1]["parentObservationId"] = "o1"
    assert [one.reason for one in refused("langfuse", value)] == ["parents in a circle"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("a: yaml", "not JSON"),
        ("interactions:\n- request: x\n", "HTTP exchanges in YAML"),
        ('{"a": ', "damaged JSON"),
        ('{"a": 1}\n{"b": ', "neither JSON nor JSON lines"),
        (b"\xff\xfe{", "not UTF-8 text"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "nested deeper"),
        ('{"$schema": "x"}', "a JSON schema"),
        ('{"$defs": {}, "type": "array"}', "a JSON schema"),
        ('{"some": "thing"}', "no recording in a known format: an object with some"),
        ("[]", "no recording in a known format"),
        ('{"schema_version": "ATIF-v1.4", "steps": 7}', "there are none"),
        ('{"messages": [{}], "trajectory_format": "mini-swe-agent-1"}', "a message has no role"),
        ('{"trace": {}, "observations": [{}]}', "one has no id"),
        ('{"trajectory": [1], "environment": "x"}', "an entry is no object"),
        ('{"eval": {}, "version": 2, "status": "x", "samples": []}', "there are none"),
        ('[{"source": "agent", "action": "run", "tool_call_metadata": {"model_response": {"choices": 5}}}]', "not as"),
        ('[{"traj": [{"role": "user", "content": "x"}]}, {"traj": 1}]', "there is no list of messages"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(text: str | bytes, reason: str, tmp_path: Path) -> None:
    """Never an exception, and never nothing."""
    made, _ = account(tmp_path / "file.json", text)
    assert [one.reason for one in made.refused if reason in one.reason]


def test_lines_of_json_are_a_list_and_odd_numbers_are_texts(tmp_path: Path) -> None:
    """JSON lines hold an element a line; NaN, which some tools write, is kept as its name."""
    lines = "\n".join(json.dumps(one) for one in RECORDINGS["tool-calling-messages"]("")).replace(
        '"reward": 1.0', '"reward": NaN'
    )
    made, found = account(tmp_path / "runs.jsonl", lines)
    assert (len(found), made.format) == (2, "tool-calling-messages")
    assert [encode(one, Gate()) for run in found for one in events(str(made.format), run)]


@EVERY
@given(seed=st.integers(0, 2**32))
def test_damaged_recordings_are_converted_or_refused(name: str, seed: int) -> None:
    """Whatever stands in place of some values, the file is read to its end, and what is made of it is valid."""
    value = RECORDINGS[name]("x")
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 4)):
        _damage(value, rng)
    made, gate = Account(Path("damaged.json")), Gate()
    for run in _runs_of(made, name, value):
        numbers = [encode(one, gate).sequence_no for one in events(name, run)]
        assert numbers == list(range(len(numbers)))


def _runs_of(made: Account, name: str, value: Any) -> list[ImportedRun]:
    found = named(name)
    assert found is not None
    made.format = name
    with suppress(NotImportable):
        return list(converted(made, found, value))
    return []


def _damage(value: Any, rng: random.Random) -> None:
    while True:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        if not keys:
            return
        key = rng.choice(list(keys))
        if rng.random() < 0.3 or not isinstance(value[key], dict | list):
            value[key] = rng.choice([None, 7, -1.5, True, "odd", [], {}, [[]], {"a": {}}, 1e300])
            return
        value = value[key]


def test_what_is_too_large_for_an_event_goes_as_an_artifact() -> None:
    """The largest values first, whole; however wide their characters become."""
    said = dialogue()
    said[1]["content"] = "é" * (INLINE // 4)
    made = [encode(one, Gate()) for one in all_events("tool-calling-messages", said)[0]]
    assert any(item.blobs for item in made)
    assert all(len(json.dumps(json.loads(item.body))) <= 1024 * 1024 for item in made)
    moved = next(item for item in made if item.blobs)
    assert json.loads(moved.blobs[0].data)[1] == said[1]
    assert json.loads(moved.body)["attributes"]["gen_ai.input.messages"] == {"$artifact": 0}
