"""The worked examples of docs/adapters.md, as they stand there, beside the built-in adapters and used as those are."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from operator import itemgetter
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import glia_sdk as glia
import pytest
from glia_sdk.capture.instruments import table
from glia_sdk.importing.traces.events import events
from glia_sdk.importing.traces.formats import FORMATS
from glia_sdk.importing.traces.reading import Account, runs

from tests.support.trace_sink import TOKEN, TraceSink

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "adapters.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def example(title: str) -> dict[str, Any]:
    """The names that a section's code defines."""
    code = re.search(r"```python\n(.*?)```", section(title), re.DOTALL)
    assert code
    names: dict[str, Any] = {}
    exec(code[1], names)
    return names


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> ModuleType:
    """A package of the name that the test gives, loaded."""
    made = ModuleType(request.param)
    monkeypatch.setitem(sys.modules, request.param, made)
    return made


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[TraceSink]:
    with TraceSink() as started:
        yield started
    glia.shutdown()


def record(sink: TraceSink, tmp_path: Path, **more: Any) -> None:
    glia.init(url=sink.url, token=TOKEN, spill_folder=tmp_path / "spill", **{"instrument": (), **more})


def steps(sink: TraceSink) -> list[tuple[str, str, str, dict[str, Any]]]:
    """(event type, kind, name, attributes) of the events of steps, as they happened: runs that begin in one millisecond
    have ids in no order."""
    assert glia.flush()
    return [
        (event["event_type"], event["kind"], event["name"], event["attributes"])
        for event in sorted(sink.events, key=itemgetter("ts"))
        if event["event_type"].startswith("step.")
    ]


class Client:
    """The provider of the page's example."""

    def generate(self, model: str, prompt: str) -> SimpleNamespace:
        if not prompt:
            raise ValueError("nothing was asked")
        return SimpleNamespace(text=f"{model} says {prompt}", asked=3, said=4)


@pytest.mark.parametrize("package", ["acme_models"], indirect=True)
def test_a_provider(package: ModuleType, sink: TraceSink, tmp_path: Path) -> None:
    """Its calls are model steps, once however often it is applied; answers and errors go on as they are."""
    package.Client = type("Client", (Client,), {"generate": Client.generate})  # type: ignore[attr-defined]
    adapter = example("A provider")["AcmeModels"]()
    record(sink, tmp_path, instrument=(adapter,))
    glia.instrument(adapter)
    assert package.Client().generate("m1", "hello").text == "m1 says hello"
    with pytest.raises(ValueError, match="nothing was asked"):
        package.Client().generate("m1", "")
    told = steps(sink)
    assert [one[:3] for one in told] == [
        ("step.started", "model", "text_completion m1"), ("step.completed", "model", "text_completion m1"),
        ("step.started", "model", "text_completion m1"), ("step.failed", "model", "text_completion m1"),
    ]  # fmt: skip
    assert told[0][3]["gen_ai.request.model"] == "m1"
    assert told[1][3] == {
        "output.value": "m1 says hello",
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 4,
    }
    assert told[3][3]["error.type"] == "ValueError"


def test_an_installed_provider_is_found_by_its_name(
    monkeypatch: pytest.MonkeyPatch, sink: TraceSink, tmp_path: Path
) -> None:
    """An entry point's name does for `init` and for the environment; a name of nobody's fails nothing but itself."""
    applied: list[str] = []
    brought = SimpleNamespace(package="json", apply=lambda: applied.append("json"))
    monkeypatch.setattr(EntryPoint, "load", lambda _: lambda: brought)
    found = EntryPoint("acme", "acme_glia:AcmeModels", table.GROUP)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **asked: [found] if asked["name"] == "acme" else [])
    monkeypatch.setenv("GLIA_INSTRUMENT", "openai, acme")
    record(sink, tmp_path, instrument=None)
    assert applied == ["json"]
    with pytest.raises(table.UnknownInstrument, match="nobody"):
        glia.instrument("nobody")
    with pytest.raises(table.UnknownInstrument):
        record(sink, tmp_path, instrument=("nobody",), fail_mode="closed")
    record(sink, tmp_path, instrument=("nobody",))


@pytest.mark.parametrize("package", ["acme_flow"], indirect=True)
def test_a_framework(package: ModuleType, sink: TraceSink, tmp_path: Path) -> None:
    """What its callbacks tell becomes steps that nest as the framework's nodes do, and fail as they do."""
    package.listeners = []  # type: ignore[attr-defined]
    record(sink, tmp_path, instrument=(example("A framework")["AcmeFlow"](),))
    (listener,) = package.listeners
    flow, search = (SimpleNamespace(id=number, name=name, sort=name) for number, name in enumerate(("flow", "search")))
    listener.node_began(flow, {"goal": "find"})
    listener.node_began(search, "q")
    listener.node_ended(search, ["a"])
    listener.node_failed(flow, RuntimeError("no luck"))
    told = steps(sink)
    assert [one[:3] for one in told] == [
        ("step.started", "agent", "flow"), ("step.started", "retriever", "search"),
        ("step.completed", "retriever", "search"), ("step.failed", "agent", "flow"),
    ]  # fmt: skip
    assert (told[1][3]["input.value"], told[2][3]["output.value"]) == ("q", ["a"])
    inner = next(one for one in sink.events if one["name"] == "search")
    assert inner["parent_step_id"] == next(one for one in sink.events if one["kind"] == "agent")["step_id"]


def test_a_redaction_rule(sink: TraceSink, tmp_path: Path) -> None:
    """It finds what it is for besides what the built-in rules find, and nothing of it leaves the process."""
    record(sink, tmp_path, rules=(example("A redaction rule")["CUSTOMERS"],))
    with glia.tool("look", input="CUST-12345678 and CUST-1234 of ana@example.com"):
        pass
    told = steps(sink)[0][3]["gen_ai.tool.call.arguments"]
    assert told == "[REDACTED:secret:1] and CUST-1234 of [REDACTED:email:1]"


def test_an_import_format(tmp_path: Path) -> None:
    """In the table beside the others, on the recording that the page shows."""
    shown = re.search(r'`(\{"errand".*?\})`', section("An import format"))
    assert shown
    value = json.loads(shown[1])
    value["calls"][0] |= {"at": "2026-02-03T04:05:06Z", "mood": "calm"}
    file = tmp_path / "errand.json"
    file.write_text(json.dumps(value))
    account = Account(file)
    (run,) = runs(account, formats=(*FORMATS, example("An import format")["Errands"]()))
    made = list(events("errands", run))
    types = ["run.started", "step.started", "step.started", "step.completed", "step.completed", "run.completed"]
    assert [one["event_type"] for one in made] == types
    assert made[2]["ts"] == "2026-02-03T04:05:06.000000Z"
    assert made[3]["attributes"]["gen_ai.usage.output_tokens"] == 9
    assert account.unmapped == {"calls[].mood": 1}
