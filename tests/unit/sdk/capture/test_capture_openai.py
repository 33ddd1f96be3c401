"""The `openai` package, recorded as it is: against a scripted model on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import glia_sdk as glia
import openai
import pytest

from tests.support.model_apis import Embeds, Responds
from tests.support.model_server import Answer, HangUp, HttpError, ModelServer, Step
from tests.support.trace_sink import TraceSink

ASKED: list[Any] = [{"role": "user", "content": "how far?"}]


@contextmanager
def clients(*script: Step) -> Iterator[tuple[openai.OpenAI, openai.AsyncOpenAI]]:
    with ModelServer(script) as model, openai.OpenAI(base_url=model.base_url, api_key="k", max_retries=0) as client:
        yield client, openai.AsyncOpenAI(base_url=model.base_url, api_key="k", max_retries=0)


@pytest.fixture
def record(init: Any) -> None:
    init(instrument=("openai",))


def steps(sink: TraceSink) -> tuple[dict[str, Any], dict[str, Any]]:
    """The beginning and the end of the one step there is."""
    assert glia.flush()
    found = [event for event in sink.events if event["event_type"] in ("step.started", "step.completed", "step.failed")]
    started, ended = found
    return started, ended


@pytest.mark.usefixtures("record")
def test_a_chat_call_is_a_model_step(sink: TraceSink) -> None:
    """Request, answer, model and tokens are there under their GenAI names; the answer is what it was."""
    with clients(Answer("forty", "-two")) as (client, _):
        answer = client.chat.completions.create(model="m-1", messages=ASKED, temperature=0.5, max_tokens=9, user="u")
    assert type(answer) is openai.types.chat.ChatCompletion
    assert answer.choices[0].message.content == "forty-two"
    started, ended = steps(sink)
    assert (started["kind"], started["name"]) == ("model", "chat m-1")
    told = started["attributes"]
    assert told["gen_ai.input.messages"] == ASKED
    assert (told["gen_ai.request.model"], told["gen_ai.request.temperature"], told["gen_ai.request.max_tokens"]) == (
        "m-1", 0.5, 9,
    )  # fmt: skip
    assert told["glia.request.parameters"] == {"user": "u"}
    told = ended["attributes"]
    assert told["gen_ai.output.messages"][0]["content"] == "forty-two"
    assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == (11, 7)
    assert (told["gen_ai.response.model"], told["gen_ai.response.finish_reasons"]) == ("m-1", ["stop"])


@pytest.mark.usefixtures("record")
def test_whole_and_streamed_calls_have_one_signature(sink: TraceSink) -> None:
    """How an answer comes does not make it another call; another question does."""
    with clients(Answer("a")) as (client, _):
        client.chat.completions.create(model="m", messages=ASKED)
        list(client.chat.completions.create(model="m", messages=ASKED, stream=True))
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "else"}])
    assert glia.flush()
    whole, streamed, other = (
        {event["call_signature"] for event in sink.events if event["run_id"] == run and event["kind"]} - {None}
        for run in dict.fromkeys(event["run_id"] for event in sink.events)
    )
    assert whole == streamed != other


@pytest.mark.usefixtures("record")
def test_a_stream_passes_as_it_is_and_is_recorded_whole(sink: TraceSink) -> None:
    """Chunks tell time and length only; the text is in the end, once and whole."""
    with clients(Answer("Hello ", "wor", "ld")) as (client, _):
        stream = client.chat.completions.create(model="m", messages=ASKED, stream=True)
        assert type(stream) is openai.Stream
        pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    assert "".join(pieces) == "Hello world"
    _, ended = steps(sink)
    assert ended["attributes"]["gen_ai.output.messages"][0]["content"] == "Hello world"
    assert ended["attributes"]["glia.stream.status"] == "complete"
    assert ended["attributes"]["gen_ai.usage.output_tokens"] == 7
    chunks = [event["attributes"] for event in sink.events if event["event_type"] == "step.chunk"]
    assert sum(sum(one["glia.chunk.characters"]) for one in chunks) == len("Hello world")
    assert {name for one in chunks for name in one} == {"glia.chunk.at_ms", "glia.chunk.characters"}


@pytest.mark.usefixtures("record")
def test_asynchronous_chat_and_streams_are_recorded(sink: TraceSink) -> None:
    """With asyncio as without: calls at the same time, whole and streamed, each in its place."""

    async def main(client: openai.AsyncOpenAI) -> str:
        async def streamed() -> str:
            stream = await client.chat.completions.create(model="m", messages=ASKED, stream=True)
            assert type(stream) is openai.AsyncStream
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

        async with client:
            with glia.run("gathered"):
                texts = await asyncio.gather(streamed(), streamed(), streamed())
                whole = await client.chat.completions.create(model="m", messages=ASKED)
        return "|".join([*texts, whole.choices[0].message.content or ""])

    with clients(Answer("o", "k")) as (_, client):
        assert asyncio.run(main(client)) == "ok|ok|ok|ok"
    assert glia.flush()
    ended = [event["attributes"] for event in sink.events if event["event_type"] == "step.completed"]
    assert [one["gen_ai.output.messages"][0]["content"] for one in ended] == ["ok"] * 4
    assert [event["sequence_no"] for event in sink.events] == list(range(len(sink.events)))


@pytest.mark.usefixtures("record")
def test_responses_are_recorded_whole_and_streamed(sink: TraceSink) -> None:
    """Instructions, input, output and tokens of the responses API; sync, and streamed with asyncio."""

    async def main(client: openai.AsyncOpenAI) -> None:
        async with client:
            stream = await client.responses.create(model="r", input="how far?", stream=True)
            assert [event.type async for event in stream][-1] == "response.completed"

    with clients(Responds(("as far ", "as that"))) as (client, async_client):
        answer = client.responses.create(model="r", input="how far?", instructions="be brief")
        assert answer.output_text == "as far as that"
        asyncio.run(main(async_client))
    assert glia.flush()
    started = [event["attributes"] for event in sink.events if event["event_type"] == "step.started"]
    assert [one["gen_ai.input.messages"] for one in started] == ["how far?"] * 2
    assert started[0]["gen_ai.system_instructions"] == "be brief"
    ended = [event["attributes"] for event in sink.events if event["event_type"] == "step.completed"]
    assert [one["gen_ai.output.messages"][0]["content"][0]["text"] for one in ended] == ["as far as that"] * 2
    assert [one["gen_ai.usage.cache_read.input_tokens"] for one in ended] == [1, 1]


@pytest.mark.usefixtures("record")
def test_embeddings_are_recorded(sink: TraceSink) -> None:
    """Texts, vectors and tokens."""
    with clients(Embeds()) as (client, _):
        answer = client.embeddings.create(model="e", input=["a", "b"], encoding_format="float")
    assert [one.embedding for one in answer.data] == [[0.25, -0.5]] * 2
    started, ended = steps(sink)
    assert started["attributes"]["input.value"] == ["a", "b"]
    assert ended["attributes"]["output.value"] == [[0.25, -0.5]] * 2
    assert ended["attributes"]["gen_ai.embeddings.dimension.count"] == 2
    assert ended["attributes"]["gen_ai.usage.input_tokens"] == 3


@pytest.mark.usefixtures("record")
def test_a_connection_lost_in_a_stream_fails_the_step(sink: TraceSink) -> None:
    """The error reaches the program as it is; what had come is recorded."""
    with clients(HangUp(("half an ",))) as (client, _):
        stream = client.chat.completions.create(model="m", messages=ASKED, stream=True)
        with pytest.raises(openai.APIConnectionError):
            list(stream)
    _, ended = steps(sink)
    assert ended["event_type"] == "step.failed"
    assert ended["attributes"]["error.type"] == "APIConnectionError"
    assert ended["attributes"]["glia.stream.status"] == "broken"
    assert ended["attributes"]["gen_ai.output.messages"][0]["content"] == "half an "


@pytest.mark.usefixtures("record")
def test_a_response_lost_in_its_stream_fails_the_step(sink: TraceSink) -> None:
    """The same for the responses API, with asyncio."""

    async def main(client: openai.AsyncOpenAI) -> None:
        async with client:
            stream = await client.responses.create(model="r", input="?", stream=True)
            with pytest.raises(openai.APIConnectionError):
                async for _ in stream:
                    pass

    with clients(Responds(("some",), is_lost=True)) as (_, client):
        asyncio.run(main(client))
    _, ended = steps(sink)
    assert (ended["event_type"], ended["attributes"]["glia.stream.status"]) == ("step.failed", "broken")
    assert ended["attributes"]["gen_ai.output.messages"][0]["text"] == "some"


@pytest.mark.usefixtures("record")
def test_an_end_without_a_reason_is_incomplete(sink: TraceSink) -> None:
    """A body that ends too soon, but properly, is no error to the package; the step says that it is not whole."""
    with clients(HangUp(("cut",), end="cut")) as (client, _):
        list(client.chat.completions.create(model="m", messages=ASKED, stream=True))
    _, ended = steps(sink)
    assert (ended["event_type"], ended["attributes"]["glia.stream.status"]) == ("step.completed", "incomplete")


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize("how", ["close", "with", "drop"])
def test_reading_no_further_is_recorded(how: str, sink: TraceSink) -> None:
    """Whether a stream is closed, left or just dropped."""
    with clients(Answer("a", "b", "c")) as (client, _):
        stream = client.chat.completions.create(model="m", messages=ASKED, stream=True)
        if how == "with":
            with stream:
                next(stream)
        else:
            next(stream)
            stream.close()
        del stream
    _, ended = steps(sink)
    assert (ended["event_type"], ended["attributes"]["glia.stream.status"]) == ("step.completed", "abandoned")


@pytest.mark.usefixtures("record")
def test_errors_of_the_api_go_on_as_they_are(sink: TraceSink) -> None:
    """The package's own error, and a failed step with its type."""
    with clients(HttpError(429, "rate_limit_exceeded")) as (client, _), pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="m", messages=ASKED)
    _, ended = steps(sink)
    assert (ended["event_type"], ended["attributes"]["error.type"]) == ("step.failed", "RateLimitError")


@pytest.mark.usefixtures("record")
def test_helpers_and_raw_responses_are_recorded_once_and_work(sink: TraceSink) -> None:
    """`stream`, `parse` and `with_raw_response` are each one step, and return what they return."""
    with clients(Answer("he", "y")) as (client, _):
        with client.chat.completions.stream(model="m", messages=ASKED) as stream:
            assert stream.get_final_completion().choices[0].message.content == "hey"
        raw = client.chat.completions.with_raw_response.create(model="m", messages=ASKED)
        assert raw.status_code == 200
        assert raw.parse().choices[0].message.content == "hey"
        parsed = client.chat.completions.parse(model="m", messages=ASKED)
        assert parsed.choices[0].message.content == "hey"
    assert glia.flush()
    ended = [event["attributes"] for event in sink.events if event["event_type"] == "step.completed"]
    assert [one["gen_ai.output.messages"][0]["content"] for one in ended] == ["hey"] * 3


def test_openai_is_recorded_if_it_is_loaded_later(program: Any, sink: TraceSink) -> None:
    """Capture does not load the package itself, and misses no call of it."""
    with ModelServer([Answer("ok")]) as model:
        running = program(
            f"""
            import sys
            import glia_sdk as glia
            glia.init()
            assert "openai" not in sys.modules
            import openai
            client = openai.OpenAI(base_url={model.base_url!r}, api_key="k")
            client.chat.completions.create(model="m", messages=[{{"role": "user", "content": "hi"}}])
            """
        )
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (0, "", "")
    assert [event["name"] for event in sink.events if event["event_type"] == "step.completed"] == ["chat m"]
