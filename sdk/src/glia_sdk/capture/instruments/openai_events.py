"""What requests and answers of OpenAI's API are called in events: the attribute names of OpenTelemetry's GenAI."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from glia_sdk.capture.records import EVERYTHING, Deferred
from glia_sdk.capture.snapshots import snapshot

Attributes = dict[str, Any]
STREAM_STATUS = "glia.stream.status"
COMPLETE, INCOMPLETE = "complete", "incomplete"
_TRANSPORT = frozenset({"stream", "stream_options"})  # how an answer comes, not what is asked
_NAMED = {
    "model": "gen_ai.request.model",
    "messages": "gen_ai.input.messages",
    "instructions": "gen_ai.system_instructions",
    "tools": "gen_ai.tool.definitions",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "stop": "gen_ai.request.stop_sequences",
    "n": "gen_ai.request.choice.count",
    "encoding_format": "gen_ai.request.encoding_formats",
}


class Collector(Protocol):
    """Puts the answer together that a stream brings in pieces."""

    is_finished: bool

    def add(self, event: Any) -> int:
        """Takes a piece; tells how many characters of text it brought."""

    def answer(self) -> tuple[Attributes, int]:
        """What came so far, as attributes, and about how many bytes."""


@dataclass(frozen=True)
class Api:
    """One of the API's requests.

    Attributes:
        answer: a whole answer as attributes, and about how many bytes that is.
        read: the same of the answer's JSON.
        collector: makes what reads its streams.
    """

    operation: str
    type: str
    answer: Callable[[Any], tuple[Attributes, int]]
    read: Callable[[Any], Attributes]
    collector: Callable[[], Collector]


def signed(url: str, body: Attributes) -> Any:
    """What a call's signature is made of: the request without how its answer is to come."""
    return {"url": url, "body": {name: value for name, value in body.items() if name not in _TRANSPORT}}


def request_attributes(api: Api, body: Attributes, client: Any) -> Attributes:
    told: Attributes = {"gen_ai.operation.name": api.operation, "gen_ai.provider.name": "openai"}
    told |= {"openai.api.type": api.type, "server.address": client.base_url.host}
    rest = {}
    for name, value in body.items():
        if name in _NAMED:
            told[_NAMED[name]] = value
        elif name == "input":
            told["input.value" if api.operation == "embeddings" else "gen_ai.input.messages"] = value
        else:
            rest[name] = value
    if rest:
        told["glia.request.parameters"] = rest
    return told


def raw_answer(api: Api, response: Any) -> Attributes:
    """The answer of `with_raw_response`, if it was read already: what streams through is not looked at."""
    http = response.http_response
    told: Attributes = {"http.response.status_code": http.status_code}
    if not http.is_stream_consumed or not isinstance(getattr(http, "_content", None), bytes):
        return told | {STREAM_STATUS: "unread"}
    content: bytes = http.content
    return told | {EVERYTHING: Deferred(lambda: _read(api, content))}


def _read(api: Api, content: bytes) -> Attributes:
    try:
        return api.read(json.loads(content))
    except (ValueError, LookupError, TypeError, AttributeError):
        return {"output.value": content.decode("utf-8", "replace")}


def usage(told: Any) -> Attributes:
    """Tokens, under whichever names the API counts them."""
    if not isinstance(told, dict):
        return {}
    cached = (told.get("prompt_tokens_details") or told.get("input_tokens_details") or {}).get("cached_tokens")
    return {
        "gen_ai.usage.input_tokens": told.get("prompt_tokens", told.get("input_tokens")),
        "gen_ai.usage.output_tokens": told.get("completion_tokens", told.get("output_tokens")),
        "gen_ai.usage.cache_read.input_tokens": cached,
    }


def set_only(attributes: Attributes) -> Attributes:
    return {name: value for name, value in attributes.items() if value is not None}


def chat_attributes(body: Attributes) -> Attributes:
    choices = body.get("choices") or []
    messages = [{**choice["message"], "finish_reason": choice.get("finish_reason")} for choice in choices]
    return set_only(
        {
            "gen_ai.response.id": body.get("id"),
            "gen_ai.response.model": body.get("model"),
            "gen_ai.response.finish_reasons": [choice.get("finish_reason") for choice in choices],
            "gen_ai.output.messages": [set_only(message) for message in messages],
            **usage(body.get("usage")),
        }
    )


def response_attributes(body: Attributes) -> Attributes:
    return set_only(
        {
            "gen_ai.response.id": body.get("id"),
            "gen_ai.response.model": body.get("model"),
            "gen_ai.response.finish_reasons": [body["status"]] if body.get("status") else None,
            "gen_ai.output.messages": body.get("output"),
            "openai.response.error": body.get("error"),
            **usage(body.get("usage")),
        }
    )


def embedding_attributes(body: Attributes) -> Attributes:
    vectors = [one["embedding"] for one in body.get("data") or []]
    first = vectors[0] if vectors else None
    return set_only(
        {
            "gen_ai.response.model": body.get("model"),
            "gen_ai.embeddings.dimension.count": len(first) if isinstance(first, list) else None,
            "output.value": vectors,
            **usage(body.get("usage")),
        }
    )


def _whole(read: Callable[[Attributes], Attributes]) -> Callable[[Any], tuple[Attributes, int]]:
    def answer(result: Any) -> tuple[Attributes, int]:
        text = result.model_dump_json(warnings=False)  # nothing else copies as fast
        return {EVERYTHING: Deferred(lambda: read(json.loads(text)))}, len(text)

    return answer


def _embedded(result: Any) -> tuple[Attributes, int]:
    """Of vectors only the lists are kept, not copies: nobody changes one."""
    data = [{"embedding": one.embedding} for one in result.data]
    used = result.usage.model_dump(warnings=False) if result.usage else None
    body = {"model": result.model, "data": data, "usage": used}
    return {EVERYTHING: Deferred(lambda: embedding_attributes(body))}, sum(32 * len(one["embedding"]) for one in data)


class ChatCollector:
    """Chunks of a chat completion."""

    def __init__(self) -> None:
        self.is_finished = False
        self._told: Attributes = {}
        self._choices: dict[int, Attributes] = {}
        self._size = 0

    def add(self, event: Any) -> int:
        length = 0
        self._told |= {"id": event.id, "model": event.model}
        if event.usage is not None:
            self._told["usage"] = event.usage.model_dump(warnings=False)
        for choice in event.choices or ():
            kept = self._choices.setdefault(choice.index, {"texts": {}, "tools": {}, "finish_reason": None})
            if choice.finish_reason:
                kept["finish_reason"] = choice.finish_reason
                self.is_finished = True
            length += self._delta(kept, choice.delta)
        self._size += length
        return length

    @staticmethod
    def _delta(kept: Attributes, delta: Any) -> int:
        length = 0
        for name, value in (("content", delta.content), ("refusal", delta.refusal), *(delta.model_extra or {}).items()):
            if isinstance(value, str) and value:
                kept["texts"].setdefault(name, []).append(value)
                length += len(value)
        for call in delta.tool_calls or ():
            tool = kept["tools"].setdefault(call.index, {"id": None, "name": None, "arguments": []})
            tool["id"] = call.id or tool["id"]
            if call.function is not None:
                tool["name"] = call.function.name or tool["name"]
                tool["arguments"].append(call.function.arguments or "")
                length += len(call.function.arguments or "")
        return length

    def answer(self) -> tuple[Attributes, int]:
        choices = [
            {"message": _message(kept), "finish_reason": kept["finish_reason"]}
            for _, kept in sorted(self._choices.items())
        ]
        return chat_attributes({**self._told, "choices": choices}), self._size


def _message(kept: Attributes) -> Attributes:
    message: Attributes = {"role": "assistant", **{name: "".join(texts) for name, texts in kept["texts"].items()}}
    calls = [
        {
            "id": tool["id"],
            "type": "function",
            "function": {"name": tool["name"], "arguments": "".join(tool["arguments"])},
        }
        for _, tool in sorted(kept["tools"].items())
    ]
    return message | ({"tool_calls": calls} if calls else {})


class ResponseCollector:
    """Events of a response. The last one holds it whole; the deltas count only if it does not come."""

    def __init__(self) -> None:
        self.is_finished = False
        self._begun: Attributes = {}
        self._texts: dict[tuple[str, str], list[str]] = {}
        self._whole: tuple[Attributes, int] | None = None
        self._size = 0

    def add(self, event: Any) -> int:
        name = event.type
        if name in ("response.completed", "response.incomplete", "response.failed"):
            self._whole = snapshot(event.response.model_dump(warnings=False))
            self.is_finished = name != "response.incomplete"
        elif name == "response.created":
            self._begun = {"id": event.response.id, "model": event.response.model}
        delta = getattr(event, "delta", None)
        if not isinstance(delta, str):
            return 0
        self._texts.setdefault((name, str(getattr(event, "item_id", ""))), []).append(delta)
        self._size += len(delta)
        return len(delta)

    def answer(self) -> tuple[Attributes, int]:
        if self._whole is not None:
            return response_attributes(self._whole[0]), self._whole[1]
        output = [
            {"id": item, "type": name.removesuffix(".delta"), "text": "".join(texts)}
            for (name, item), texts in self._texts.items()
        ]
        return response_attributes({**self._begun, "output": output}), self._size


APIS = {
    "/chat/completions": Api("chat", "chat_completions", _whole(chat_attributes), chat_attributes, ChatCollector),
    "/responses": Api("chat", "responses", _whole(response_attributes), response_attributes, ResponseCollector),
    "/embeddings": Api("embeddings", "embeddings", _embedded, embedding_attributes, ChatCollector),
}
