"""Calls of the `openai` package as model steps: chat, responses and embeddings, whole or streamed, sync or async.

All of the package's methods, helpers and clients send their requests through one method of the client; that one is
wrapped. What it returns is the same object of the same type.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

from glia_sdk.capture import session
from glia_sdk.capture.errors import CaptureFailed
from glia_sdk.capture.instruments import openai_events as events
from glia_sdk.capture.instruments.openai_streams import watch_async_stream, watch_stream
from glia_sdk.capture.records import EVERYTHING, Deferred
from glia_sdk.capture.snapshots import snapshot
from glia_sdk.capture.steps import Step

MARK = "_is_captured_by_glia"


class OpenAI:
    """The instrument of the package."""

    package = "openai"

    def apply(self) -> None:
        """Wraps the clients of the package; once, however often it is called."""
        import openai

        for client, wrapped in ((openai.OpenAI, _request), (openai.AsyncOpenAI, _async_request)):
            original = client.request
            if not hasattr(original, MARK):
                replaced = wrapped(original)
                setattr(replaced, MARK, True)
                client.request = replaced  # type: ignore[method-assign, assignment, unused-ignore]


def _request(original: Any) -> Any:
    @functools.wraps(original)
    def request(self: Any, cast_to: Any, options: Any, *args: Any, **kwargs: Any) -> Any:
        call = _begun(self, options)
        if call is None:
            return original(self, cast_to, options, *args, **kwargs)
        try:
            result = original(self, cast_to, options, *args, **kwargs)
        except BaseException as error:
            call.step.fail(error)
            raise
        session.guarded(call.answered, result)
        return result

    return request


def _async_request(original: Any) -> Any:
    @functools.wraps(original)
    async def request(self: Any, cast_to: Any, options: Any, *args: Any, **kwargs: Any) -> Any:
        call = _begun(self, options)
        if call is None:
            return await original(self, cast_to, options, *args, **kwargs)
        try:
            result = await original(self, cast_to, options, *args, **kwargs)
        except BaseException as error:
            call.step.fail(error)
            raise
        session.guarded(call.answered, result)
        return result

    return request


class _Call:
    """A request under way, and what to read its answer with."""

    __slots__ = ("api", "step")

    def __init__(self, api: events.Api, step: Step) -> None:
        self.api = api
        self.step = step

    def answered(self, result: Any) -> None:
        """Ends the step with an answer, or leaves that to the stream which is the answer."""
        package = sys.modules["openai"]
        if isinstance(result, package.BaseModel):
            self.step.complete(*self.api.answer(result))
        elif isinstance(result, package.Stream):
            watch_stream(result, self.step, self.api.collector())
        elif isinstance(result, package.AsyncStream):
            watch_async_stream(result, self.step, self.api.collector())
        else:
            self.step.complete(events.raw_answer(self.api, result))


def _begun(client: Any, options: Any) -> _Call | None:
    """The step of a request, or None if it is none of a model's or nothing is recorded."""
    try:
        recorder = session.recorder()
        if recorder is None or options.method != "post":
            return None
        api = events.APIS.get(options.url)
        body = options.json_data
        if api is None or not isinstance(body, dict):
            return None
        extra = options.extra_json
        copied, weight = snapshot({**body, **extra} if extra else body)
        recorder.make_way(weight)
        url = options.url
        told = {EVERYTHING: Deferred(lambda: events.request_attributes(api, copied, client))}
        step = Step("model", f"{api.operation} {copied.get('model')}")
        return _Call(api, step.begin(told, Deferred(lambda: events.signed(url, copied)), weight))
    except CaptureFailed:
        raise
    except Exception as error:  # noqa: BLE001  # the program goes on
        session.give_up(error)
        return None
