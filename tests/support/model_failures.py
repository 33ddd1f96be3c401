"""Every way a model can fail, as a script of the model server and what must come of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.model_server import (
    Answer,
    AnswerJson,
    EmptyAnswer,
    HangUp,
    HttpError,
    InvalidJson,
    ModelRequest,
    Pause,
    Raw,
    Refusal,
    Reply,
    Step,
    Text,
    Usage,
    Wire,
)

TRIES = 3
TIMEOUT = "0.4"


@dataclass(frozen=True, slots=True)
class Case:
    """A failure, and its class and number of requests when answering a turn and when extracting; None is success."""

    name: str
    step: Step
    turn: str | None
    turn_requests: int
    extract: str | None
    extract_requests: int
    waits: float | None = None  # seconds that every wait must be; None: jittered


@dataclass(frozen=True, slots=True)
class Unless:
    """Refuses an argument with status 400, as a compatible server does that does not know it."""

    argument: str
    step: Step
    value: Callable[[Any], bool] = lambda value: value is not None

    def play(self, request: ModelRequest, wire: Wire) -> None:
        if self.value(request.body.get(self.argument)):
            HttpError(400, message=f"Unsupported parameter: {self.argument}").play(request, wire)
        else:
            self.step.play(request, wire)


def quoting(request: ModelRequest) -> Any:
    """One card that quotes the first message that may be quoted."""
    message = next(m for m in request.shown if m.use == "evidence") if request.shown else None
    evidence = {"message_id": message.message_id, "quote": message.content} if message else {}
    card = {"kind": "decision", "title": "A decision", "body": "Something was decided.", "confidence": 0.9}
    return {"cards": [{**card, "evidence": [evidence]}] if message else []}


class Good:
    """Answers turns with a text and extractions with a card, in any dialect."""

    def __init__(self, fence: bool = False) -> None:
        self.fence = fence

    def play(self, request: ModelRequest, wire: Wire) -> None:
        if request.is_stream:
            Answer("A good ", "answer.").play(request, wire)
        elif self.fence:
            Answer(f"```json\n{json.dumps(_last_shown(request))}\n```").play(request, wire)
        else:
            Answer(json.dumps(_last_shown(request))).play(request, wire)


def _last_shown(request: ModelRequest) -> Any:
    """As `quoting`, wherever in the prompt the conversation stands."""
    conversation = next(n for n, message in enumerate(request.messages) if "<message id=" in message["content"])
    return quoting(ModelRequest(request.headers, {**request.body, "messages": request.messages[conversation - 1 :]}))


def invented(request: ModelRequest) -> Any:
    cards = quoting(request)["cards"]
    for card in cards:
        card["evidence"][0]["quote"] = "words that nobody said"
    return {"cards": cards}


def _is_schema(value: Any) -> bool:
    return bool(value) and value.get("type") == "json_schema"


STREAM_ERROR = json.dumps({"error": {"message": "overloaded", "type": "server_error", "code": None}})
SAME = '{"choices": [{"index": 0, "delta": {"content": "ha"}, "finish_reason": null}]}'
PASSING = (TRIES, TRIES)

CASES = [
    Case("401 unauthorized", HttpError(401, "invalid_api_key"), "auth", 1, "auth", 1),
    Case("403 forbidden", HttpError(403), "auth", 1, "auth", 1),
    Case("429 without Retry-After", HttpError(429, "rate_limit_exceeded"), "rate_limit", 3, "rate_limit", 3),
    Case("429 with Retry-After", HttpError(429, "x", retry_after=7), "rate_limit", 3, "rate_limit", 3, waits=7),
    Case("429, Retry-After 900", HttpError(429, "x", retry_after=900), "rate_limit", 3, "rate_limit", 3, waits=20),
    Case("429 insufficient quota", HttpError(429, "insufficient_quota"), "quota", 1, "quota", 1),
    Case("402 payment required", HttpError(402), "quota", 1, "quota", 1),
    Case("400 over-long context", HttpError(400, "context_length_exceeded"), "context_length", 1, "context_length", 1),
    Case("400 content filter", HttpError(400, "content_filter"), "refusal", 1, "refusal", 1),
    Case("404 unknown model", HttpError(404, "model_not_found"), "schema", 1, "schema", 1),
    Case("500 server error", HttpError(500), "server", 3, "server", 3),
    Case("503 with Retry-After", HttpError(503, retry_after=2), "server", 3, "server", 3, waits=2),
    Case("time-out before the first byte", Reply((Pause(3.0), Text("late"))), "timeout", 3, "timeout", 3),
    Case("time-out during the stream", Reply((Text("some"), Pause(3.0), Text("late"))), "timeout", 3, "timeout", 3),
    Case("hang-up at once", HangUp(), "network", 3, "network", 3),
    Case("hang-up mid-stream", HangUp(("some ", "words")), "network", 3, "network", 3),
    Case("end without a finish", HangUp(("some ",), end="cut"), "network", 3, "network", 3),
    Case("error object inside the stream", Reply((Text("some"), Raw(STREAM_ERROR))), "server", 3, "schema", 2),
    Case("garbled event inside the stream", Reply((Text("some"), Raw("{not json"))), "server", 3, "schema", 2),
    Case("invalid JSON", InvalidJson(), None, 1, "schema", 2),
    Case("schema violation", AnswerJson(lambda _: {"cards": [{"kind": "gossip"}]}), None, 1, "schema", 2),
    Case("refusal", Refusal(), "refusal", 1, "refusal", 1),
    Case("finish by content filter", Reply((Text("so"),), finish_reason="content_filter"), "refusal", 1, "refusal", 1),
    Case("empty answer", EmptyAnswer(), "server", 3, "schema", 2),
    Case("slow drip", Reply((Text("a "), Pause(0.1), Text("b "), Pause(0.1), Text("c"))), None, 1, "schema", 2),
    Case("duplicate chunks", Reply((Raw(SAME), Raw(SAME), Text("!"))), None, 1, "schema", 2),
    Case("no usage in the stream", Reply((Text("hi"),), usage=None), None, 1, "schema", 2),
    Case("another finish reason", Reply((Text("hi"),), finish_reason="eos_token", usage=Usage()), None, 1, "schema", 2),
    Case("no structured output", Unless("response_format", Good(), _is_schema), None, 1, None, 2),
    Case("no response_format at all", Unless("response_format", Good(fence=True)), None, 1, None, 3),
    Case("no stream_options", Unless("stream_options", Good()), None, 2, None, 1),
    Case("no max_completion_tokens", Unless("max_completion_tokens", Good()), None, 2, None, 2),
]
