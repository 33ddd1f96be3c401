"""Invariant 12 from outside: secrets planted by every way in are, once all work is done, nowhere in a running Glia."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.capturing import OPENTELEMETRY, Program, runs
from tests.support.databases import rows_with
from tests.support.model_server import Answer, ModelServer
from tests.support.running import Run
from tests.support.traces import event
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("e2e")

# By class: what is planted. It differs in nothing but its class, so whatever is found tells which rule let it pass.
SECRETS = {
    "secret": "sk-proj-Wy7Qk3Rv9Tn2Lx5Bh8Jd4Fm6Pc1Zs0Ga",
    "email": "planted.somebody@example.net",
    "phone": "+49 30 901820 9934",
    "card": "5555 5555 5555 4444",
    "iban": "FR14 2004 1010 0505 0001 3M02 606",
    "ip": "198.51.100.143",
    "path": "/home/plantedsomebody/notes",
}
ALL = " and ".join(SECRETS.values())
NEEDLES = [needle.removeprefix("/home/").removesuffix("/notes") for needle in SECRETS.values()]
SDK = f"""
    import openai
    import glia_sdk as glia

    ALL = {ALL!r}
    glia.init()
    with glia.run(f"run of {{ALL}}", tags=[ALL], attributes={{f"key {{ALL}}": [ALL]}}):
        with glia.tool(f"tool {{ALL}}", input={{f"key {{ALL}}": ALL}}) as step:
            step.output([ALL])
        with glia.agent("large", input="word " * 15_000 + ALL + " word" * 15_000):
            pass
        try:
            with glia.validator("broken"):
                raise ValueError(ALL)
        except ValueError:
            pass
        client = openai.OpenAI()
        asked = [{{"role": "user", "content": ALL}}]
        assert ALL in "".join(
            chunk.choices[0].delta.content or "" for chunk in
            client.chat.completions.create(model="m", messages=asked, stream=True) if chunk.choices
        )
    assert glia.flush(60)
"""
OTLP = f"""
    ALL = {ALL!r}
    with tracer.start_as_current_span(f"span of {{ALL}}", attributes={{f"key {{ALL}}": ALL}}) as span:
        span.set_attribute("input.value", ALL)
        span.add_event(f"event {{ALL}}", {{"said": ALL}})
        span.set_attribute("gen_ai.input.messages", '[{{"role": "user", "content": "' + ALL + '"}}]')
        span.set_status(trace.StatusCode.ERROR, ALL)
    provider.shutdown()
"""


@pytest.fixture
def nowhere(glia: Run, glia_home: Path) -> Iterator[None]:
    """At the end no secret is in a table, nor in any file that Glia has written: objects, queues, logs, the database's
    own files."""
    yield
    url = f"postgresql://postgres@/glia?host={glia_home / 'postgres'}"
    assert rows_with(url, "[REDACTED:secret:"), "the look finds what is there"
    assert [row[:200] for row in rows_with(url, *NEEDLES)] == []
    assert until(lambda: not files_with(glia_home)) or files_with(glia_home) == []


def files_with(folder: Path) -> list[str]:
    """Files in which a secret stands, with the class."""
    found = []
    for file in (path for path in folder.rglob("*") if path.is_file()):
        held = file.read_bytes() if file.exists() else b""
        found += [f"{file}: {name}" for name, needle in zip(SECRETS, NEEDLES, strict=True) if needle.encode() in held]
    return found


def bundle(http: httpx.Client, run_id: str) -> str:
    """Everything that is exported of a run, and the artifacts it names."""
    exported = http.get(f"/runs/{run_id}/export").raise_for_status().text
    names = [
        ref.get("artifact_id") or ref["upload_id"]
        for told in json.loads(exported)["events"]
        for ref in told["artifact_refs"] or []
    ]
    assert all(settled(http, name)["status"] in ("clean", "redacted") for name in names)
    return exported + "".join(http.get(f"/artifacts/{name}/content").raise_for_status().text for name in names)


def settled(http: httpx.Client, artifact_id: str) -> Any:
    return until(lambda: (found := http.get(f"/artifacts/{artifact_id}").json())["status"] != "pending" and found)


def by_import(program: Program) -> None:
    """`glia import-trace` of a dialogue whose every text is planted."""
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": json.dumps({"at": ALL})}}
    said = [
        {"role": "user", "content": ALL},
        {"role": "assistant", "content": ALL, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": ALL},
    ]
    file = program.folder / "dialogue.json"
    file.write_text(json.dumps(said))
    program.command(Path(sys.executable).parent / "glia", "import-trace", file)


def by_upload(http: httpx.Client) -> str:
    """A presigned upload. Returns the artifact's id."""
    raw = json.dumps({"notes": [ALL] * 5000}).encode()
    made = http.post("/artifacts", json={"media_type": "application/json", "bytes": len(raw)}).raise_for_status().json()
    upload = made["upload"]
    sent = httpx.request(upload["method"], upload["url"], headers=upload["headers"], content=raw, trust_env=False)
    sent.raise_for_status()
    return str(made["artifact_id"])


@pytest.mark.usefixtures("nowhere")
def test_invariant_12_a_secret_planted_by_any_way_in_is_nowhere(program: Program, http: httpx.Client) -> None:
    """SDK, streams split within a secret, the API, OTLP, imports, uploads: seven classes of secrets in each."""
    cut = [ALL[at : at + 9] for at in range(0, len(ALL), 9)]
    with ModelServer([Answer(*cut)]) as model:
        program(SDK, model=model)
    program(OPENTELEMETRY, OTLP)
    by_import(program)
    words = {f"key {ALL}": ALL, "tags": list(SECRETS.values())}
    told = event(str(uuid4()), 0, "run.started", name=ALL[:120], attributes=words)
    assert http.post("/traces/events", json={"events": [told]}).json()["counts"]["accepted"] == 1
    kept = settled(http, by_upload(http))
    assert kept["status"] == "redacted"
    assert set(kept["redaction_counts"]) == set(SECRETS)
    found = runs(http)
    assert len(found) == 4
    for run in found:
        exported = bundle(http, run["run_id"])
        assert [needle for needle in NEEDLES if needle in exported] == []
        assert all(f"[REDACTED:{name}:" in exported for name in SECRETS)
