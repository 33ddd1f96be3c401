"""A secret planted anywhere in a program leaves it nowhere."""

from __future__ import annotations

from typing import Any

import glia_sdk as glia
import openai
import pytest

from tests.support.model_apis import Embeds, Responds
from tests.support.model_server import Answer, HangUp, ModelServer
from tests.support.trace_sink import TOKEN, TraceSink

SECRETS = {
    "secret": "sk-proj-Zq8vT3mLw0Rk5XyB7nHc2JdF9sGpA4eU",
    "email": "jane.roe.planted@example.org",
    "phone": "+49 30 901820 4711",
    "card": "4012 8888 8888 1881",
    "iban": "DE89 3704 0044 0532 0130 00",
    "ip": "203.0.113.77",
    "path": "/home/janeplanted/notes",
}


def planted(text: str) -> Any:
    return {f"key {text}": [f"say {text} twice", {"deep": [f"x {text}"]}]}


@pytest.mark.parametrize("secret_class", SECRETS)
def test_a_secret_in_any_field_reaches_the_server_nowhere(secret_class: str, init: Any, sink: TraceSink) -> None:
    """Names, tags, keys, inputs, outputs, attributes, errors, and payloads that go as artifacts."""
    secret = SECRETS[secret_class]
    init()

    @glia.retriever
    def fail(question: Any) -> None:
        raise ValueError(f"not found: {secret}")

    with glia.run(f"run {secret}", tags=[f"tag {secret}"], attributes=planted(secret)):
        with glia.tool(f"tool {secret}", input=planted(secret), attributes=planted(secret)) as step:
            step.set(**{f"attribute {secret}": secret})
            step.output(planted(secret))
        with glia.agent("large", input=f"{'word ' * 30_000}{secret}{' word' * 100_000}") as step:
            step.output(["pad " * 30_000, planted(secret)])
        with pytest.raises(ValueError, match="not found"):
            fail(planted(secret))
    assert glia.flush(30)
    assert len(sink.artifacts) == 2
    found = [body for body in [*sink.bodies, *sink.artifacts.values()] if secret.encode() in body]
    assert found == []
    assert any(f"[REDACTED:{secret_class}:".encode() in body for body in sink.bodies)


@pytest.mark.parametrize("secret_class", SECRETS)
def test_a_secret_in_a_stream_reaches_the_server_in_no_part(secret_class: str, init: Any, sink: TraceSink) -> None:
    """Split over two chunks, in a stream that ends well and one that is cut off, in chat and responses alike."""
    secret = SECRETS[secret_class]
    middle = len(secret) // 2
    pieces = ("it is ", secret[:middle], secret[middle:], " indeed")
    asked: Any = [{"role": "user", "content": f"remember {secret} please"}]
    init(instrument=("openai",))
    with (
        ModelServer([Answer(*pieces), HangUp(pieces), Responds(pieces), Embeds()]) as model,
        openai.OpenAI(base_url=model.base_url, api_key=SECRETS["secret"], max_retries=0) as client,
    ):
        list(client.chat.completions.create(model="m", messages=asked, stream=True))
        with pytest.raises(openai.APIConnectionError):
            list(client.chat.completions.create(model="m", messages=asked, stream=True))
        list(client.responses.create(model="m", input=asked, stream=True))
        client.embeddings.create(model="m", input=[f"remember {secret} please"])
    assert glia.flush(30)
    assert sum(event["event_type"] == "step.completed" for event in sink.events) == 3
    parts = (secret, secret[:middle], secret[middle:])
    everything = b"".join(sink.bodies)
    assert [part for part in parts if len(part) > 8 and part.encode() in everything] == []


def test_what_waits_on_disk_holds_no_secret(init: Any, spill: Any) -> None:
    """Redaction comes before the disk."""
    init(url="http://127.0.0.1:9", token=TOKEN, flush_interval=0.0)
    with glia.run("down"):
        for secret in SECRETS.values():
            with glia.tool("t", input=planted(secret)):
                pass
    glia.shutdown()
    held = b"".join(path.read_bytes() for path in spill.rglob("*.spill"))
    assert b"[REDACTED:card:" in held
    assert [secret for secret in SECRETS.values() if secret.encode() in held] == []


def test_hooks_and_key_lists_add_to_the_rules(init: Any, sink: TraceSink) -> None:
    """A hook of the program's own, and fields that always go."""
    init(hooks=[lambda text: text.replace("Project Falcon", "a project")], deny_keys=["patient"])
    with glia.run("r"), glia.tool("t", input={"patient": "Ann", "note": "Project Falcon"}):
        pass
    assert glia.flush()
    everything = b"".join(sink.bodies)
    assert b"Falcon" not in everything
    assert b"Ann" not in everything
