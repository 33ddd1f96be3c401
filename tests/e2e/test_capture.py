"""Programs that send to a running Glia: by OpenTelemetry's own exporter, by OpenInference, by the SDK."""

from __future__ import annotations

import httpx
import pytest

from tests.support.capturing import OPENTELEMETRY, Program, runs
from tests.support.model_server import Answer, ModelServer
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("e2e")

SPANS = """
    with tracer.start_as_current_span("night shift", attributes={"gen_ai.operation.name": "invoke_agent"}):
        for number in range(30):
            with tracer.start_as_current_span(f"search {number}") as span:
                span.set_attribute("gen_ai.operation.name", "execute_tool")
                span.set_attribute("gen_ai.tool.name", "search")
        try:
            with tracer.start_as_current_span("broken"):
                raise KeyError("no such thing")
        except KeyError:
            pass
    provider.shutdown()
"""
OPENINFERENCE = """
    import openai
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=provider)
    client = openai.OpenAI()
    said = client.chat.completions.create(model="small", messages=[{"role": "user", "content": "What is due?"}])
    assert said.choices[0].message.content == "Nothing."
    provider.shutdown()
"""
SDK = """
    import openai
    import glia_sdk as glia

    glia.init()
    client = openai.OpenAI()
    with glia.run("sizes"):
        for size in (1_000, 100_000, 1_000_000, 3_000_000):
            for number in range(3):
                words = f"call {number} " + "some words " * (size // 11)
                client.chat.completions.create(model="small", messages=[{"role": "user", "content": words}])
    assert glia.flush(60)
    stats = glia.stats()
    print(stats)
"""


def test_opentelemetrys_exporter_sends_here_as_it_is(program: Program, http: httpx.Client) -> None:
    """Only its environment is set: a trace is a run, failures and kinds are there."""
    program(OPENTELEMETRY, SPANS)
    (run,) = runs(http)
    assert (run["name"], run["service"], run["step_count"], run["failed_count"]) == ("night shift", "shop", 32, 1)
    assert set(run["kinds"]) == {"agent", "tool"}
    events = http.get(f"/runs/{run['run_id']}/events?limit=200").json()["items"]
    failed = next(event for event in events if event["event_type"] == "step.failed")
    assert failed["attributes"]["error.type"] == "KeyError"


def test_openinferences_openai_calls_arrive(program: Program, http: httpx.Client) -> None:
    """Its own names become the canonical ones: model, messages, what was answered."""
    with ModelServer([Answer("Nothing.")]) as model:
        program(OPENTELEMETRY, OPENINFERENCE, model=model)
    (run,) = runs(http)
    assert (run["kinds"], run["step_count"]) == (["model"], 1)
    events = http.get(f"/runs/{run['run_id']}/events").json()["items"]
    said = next(event["attributes"] for event in events if event["event_type"] == "step.completed")
    assert said["gen_ai.request.model"] == "small"
    assert said["gen_ai.input.messages"] == [{"role": "user", "content": "What is due?"}]
    assert said["gen_ai.output.messages"][0]["content"] == "Nothing."


def test_calls_of_every_size_are_delivered(program: Program, http: httpx.Client) -> None:
    """Asked of the server: each call is a whole step, and each payload that went apart is there, redacted."""
    with ModelServer([Answer("Yes.")]) as model:
        program(SDK, model=model)
    (run,) = until(lambda: [one for one in runs(http) if one["status"] == "completed"])
    assert (run["name"], run["step_count"], run["incomplete_count"], run["health"]) == ("sizes", 12, 0, [])
    events = http.get(f"/runs/{run['run_id']}/events?limit=200").json()["items"]
    refs = [ref for event in events for ref in event["artifact_refs"] or []]
    assert len(refs) >= 6
    for ref in refs:
        path = f"/artifacts/{ref.get('artifact_id') or ref['upload_id']}"
        kept = until(lambda path=path: (a := http.get(path).json())["status"] != "pending" and a)  # type: ignore[misc]
        assert kept["status"] in ("clean", "redacted")
