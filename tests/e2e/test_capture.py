"""Programs that send to a running Glia: by OpenTelemetry's own exporter, by OpenInference, by the SDK."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.model_server import Answer, ModelServer
from tests.support.running import ROOT, Run

pytestmark = pytest.mark.xdist_group("e2e")
PATIENCE = 60.0

OPENTELEMETRY = """
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer("tests")
"""
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

Program = Callable[..., str]


@pytest.fixture
def program(glia: Run, http: httpx.Client, tmp_path: Path) -> Program:
    """Runs a Python program whose environment says where Glia and the model are. Returns what it printed."""

    def run(*parts: str, model: ModelServer | None = None) -> str:
        token = http.headers["Authorization"]
        environ = {
            "PATH": os.defpath, "HOME": str(tmp_path), "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk' / 'src'}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": glia.url, "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization={token}",
            "OTEL_SERVICE_NAME": "shop", "OPENAI_API_KEY": "sk-none",
            "OPENAI_BASE_URL": model.base_url if model else "", "GLIA_URL": glia.url,
            "GLIA_TOKEN": token.removeprefix("Bearer "), "GLIA_CONFIG": str(tmp_path / "config.json"),
            "GLIA_SPILL": str(tmp_path / "spill"),
        }  # fmt: skip
        text = "".join(textwrap.dedent(part) for part in parts)
        done = subprocess.run(
            [sys.executable, "-c", text], env=environ, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "rror" not in done.stderr, done.stderr
        return done.stdout

    return run


def soon(find: Callable[[], Any]) -> Any:
    """What is found within a minute: what is uploaded is redacted in the background."""
    deadline = time.monotonic() + PATIENCE
    while not (found := find()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def runs(http: httpx.Client) -> list[dict[str, Any]]:
    return list(http.get("/runs").raise_for_status().json()["items"])


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
    (run,) = soon(lambda: [one for one in runs(http) if one["status"] == "completed"])
    assert (run["name"], run["step_count"], run["incomplete_count"], run["health"]) == ("sizes", 12, 0, [])
    events = http.get(f"/runs/{run['run_id']}/events?limit=200").json()["items"]
    refs = [ref for event in events for ref in event["artifact_refs"] or []]
    assert len(refs) >= 6
    for ref in refs:
        path = f"/artifacts/{ref.get('artifact_id') or ref['upload_id']}"
        kept = soon(lambda path=path: (a := http.get(path).json())["status"] != "pending" and a)  # type: ignore[misc]
        assert kept["status"] in ("clean", "redacted")
