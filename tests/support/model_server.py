"""A scripted model: a real HTTP server on loopback that speaks OpenAI's chat-completions wire format.

    with ModelServer([HttpError(429, "rate_limit_exceeded", retry_after=2), Answer("Hel", "lo")]) as model:
        ...  # OPENAI_BASE_URL=model.base_url

A script has one step a request; the last one repeats. A step is anything with `play(request, wire)`; `Reply` builds an
answer out of parts (`Text`, `Refused`, `Pause`, `Raw`), streamed or whole as the request asks, and the steps below are
made of it. What a step needs of the connection is in `Wire`.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Protocol, Self

LONGEST_PAUSE = 10.0  # seconds, whatever a script says
PATHS = ("/v1/chat/completions", "/v1/responses", "/v1/embeddings")  # what comes of the last two, their steps say
_SHOWN = re.compile(r'<message id="(\d+)" role="(\w+)" use="(\w+)">\n(.*?)\n</message>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message of the conversation as the extraction prompt shows it."""

    message_id: int
    role: str
    use: str
    content: str


@dataclass(frozen=True)
class ModelRequest:
    """A request as the model got it."""

    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def model(self) -> str:
        return str(self.body["model"])

    @property
    def is_stream(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def messages(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.body["messages"]
        return found

    @cached_property
    def shown(self) -> list[ShownMessage]:
        """The conversation inside an extraction prompt."""
        prompt = self.messages[1]["content"]
        return [ShownMessage(int(number), *rest) for number, *rest in _SHOWN.findall(prompt)]


class Wire:
    """The connection of one request."""

    def __init__(self, handler: BaseHTTPRequestHandler, request: ModelRequest, closing: threading.Event) -> None:
        self._handler = handler
        self._request = request
        self._closing = closing

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        """A whole answer: JSON."""
        payload = json.dumps(body).encode()
        self._head(status, {"Content-Type": "application/json", "Content-Length": str(len(payload)), **(headers or {})})
        self._handler.wfile.write(payload)

    def open_stream(self) -> None:
        self._head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})

    def event(self, data: str) -> None:
        self._chunk(f"data: {data}\n\n".encode())

    def chunk(self, choices: Sequence[dict[str, Any]], **fields: Any) -> None:
        """One chunk object of a stream."""
        self.event(json.dumps({**self._envelope("chat.completion.chunk"), "choices": list(choices), **fields}))

    def completion(self, choice: dict[str, Any], **fields: Any) -> None:
        """A completion that is not streamed."""
        self.answer(200, {**self._envelope("chat.completion"), "choices": [choice], **fields})

    def close_stream(self) -> None:
        """The proper end of a streamed body; without it the connection was lost in the middle."""
        self._chunk(b"")

    def pause(self, seconds: float) -> None:
        """Waits, but not beyond the server's closing."""
        self._closing.wait(min(seconds, LONGEST_PAUSE))

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self._handler.send_response(status)
        for name, value in {**headers, "Connection": "close"}.items():
            self._handler.send_header(name, value)
        self._handler.end_headers()

    def _chunk(self, data: bytes) -> None:
        self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self._handler.wfile.flush()

    def _envelope(self, kind: str) -> dict[str, Any]:
        return {"id": "chatcmpl-1", "object": kind, "created": 1_700_000_000, "model": self._request.model}


class Step(Protocol):
    """What the model does with one request."""

    def play(self, request: ModelRequest, wire: Wire) -> None:
        """Answers, or does not."""


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Raw:
    """The data of one event, as it is; only in streams."""

    data: str


Part = Text | Refused | Pause | Raw


@dataclass(frozen=True, slots=True)
class Usage:
    input_tokens: int = 11
    output_tokens: int = 7

    def on_the_wire(self) -> dict[str, int]:
        total = self.input_tokens + self.output_tokens
        return {"prompt_tokens": self.input_tokens, "completion_tokens": self.output_tokens, "total_tokens": total}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer in parts.

    `end` is `done`, a proper end; `cut`, where the body ends too soon but properly; or `lost`, where the connection
    goes. `finish_reason` and `usage` are told at a proper end only, and only if they are not None.
    """

    parts: tuple[Part, ...]
    finish_reason: str | None = "stop"
    usage: Usage | None = Usage()
    end: Literal["done", "cut", "lost"] = "done"

    def play(self, request: ModelRequest, wire: Wire) -> None:
        if request.is_stream:
            self._stream(wire)
        else:
            self._whole(wire)

    def _stream(self, wire: Wire) -> None:
        parts = list(self.parts)
        while parts and isinstance(parts[0], Pause):
            wire.pause(parts.pop(0).seconds)  # type: ignore[union-attr]  # before the first byte
        wire.open_stream()
        wire.chunk([_delta({"role": "assistant", "content": ""})])
        for part in parts:
            _write(part, wire)
        if self.end == "done":
            self._finish(wire)
        if self.end != "lost":
            wire.close_stream()

    def _finish(self, wire: Wire) -> None:
        if self.finish_reason:
            wire.chunk([_delta({}, self.finish_reason)])
        if self.usage:
            wire.chunk([], usage=self.usage.on_the_wire())
        wire.event("[DONE]")

    def _whole(self, wire: Wire) -> None:
        for part in self.parts:
            if isinstance(part, Pause):
                wire.pause(part.seconds)
        if self.end != "done":
            return
        content = "".join(part.text for part in self.parts if isinstance(part, Text))
        refusal = "".join(part.text for part in self.parts if isinstance(part, Refused))
        message = {"role": "assistant", "content": content or None, "refusal": refusal or None}
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        wire.completion(choice, **({"usage": self.usage.on_the_wire()} if self.usage else {}))


def _delta(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason}


def _write(part: Part, wire: Wire) -> None:
    match part:
        case Text(text):
            wire.chunk([_delta({"content": text})])
        case Refused(text):
            wire.chunk([_delta({"refusal": text})])
        case Pause(seconds):
            wire.pause(seconds)
        case Raw(data):
            wire.event(data)


@dataclass(frozen=True, init=False)
class Answer:
    """Answers with a text, streamed in these pieces."""

    pieces: tuple[str, ...]

    def __init__(self, *pieces: str) -> None:
        object.__setattr__(self, "pieces", pieces)

    def reply(self) -> Reply:
        return Reply(tuple(Text(piece) for piece in self.pieces))

    def play(self, request: ModelRequest, wire: Wire) -> None:
        self.reply().play(request, wire)


@dataclass(frozen=True, slots=True)
class AnswerJson:
    """Answers with the JSON that `build` makes of the request, so that it can quote what it was shown."""

    build: Callable[[ModelRequest], Any]

    def play(self, request: ModelRequest, wire: Wire) -> None:
        Answer(json.dumps(self.build(request))).play(request, wire)


@dataclass(frozen=True, slots=True)
class InvalidJson:
    """Answers with something that is not JSON."""

    text: str = '{"cards": ['

    def play(self, request: ModelRequest, wire: Wire) -> None:
        Answer(self.text).play(request, wire)


@dataclass(frozen=True, slots=True)
class Refusal:
    text: str = "I cannot help with that."

    def play(self, request: ModelRequest, wire: Wire) -> None:
        Reply((Refused(self.text),)).play(request, wire)


@dataclass(frozen=True, slots=True)
class EmptyAnswer:
    def play(self, request: ModelRequest, wire: Wire) -> None:
        Reply(()).play(request, wire)


@dataclass(frozen=True, slots=True)
class HangUp:
    """Goes away in the middle of an answer: with the connection lost, or the body ended as if that were all."""

    pieces: tuple[str, ...] = ()
    end: Literal["cut", "lost"] = "lost"

    def play(self, request: ModelRequest, wire: Wire) -> None:
        replace(Answer(*self.pieces).reply(), end=self.end).play(request, wire)


@dataclass(frozen=True, slots=True)
class Slow:
    """Answers with pauses, in seconds: before the first byte, and between the pieces."""

    pieces: tuple[str, ...]
    before: float = 0.0
    between: float = 0.0

    def play(self, request: ModelRequest, wire: Wire) -> None:
        Reply((Pause(self.before), *self._parts())).play(request, wire)

    def _parts(self) -> Iterator[Part]:
        for number, piece in enumerate(self.pieces):
            if number:
                yield Pause(self.between)
            yield Text(piece)


@dataclass(frozen=True, slots=True)
class HttpError:
    """Answers with an error of the provider's form."""

    status: int
    code: str | None = None
    retry_after: float | None = None
    message: str = "The words of the endpoint, which may quote the prompt."

    def play(self, request: ModelRequest, wire: Wire) -> None:
        headers = {} if self.retry_after is None else {"Retry-After": f"{self.retry_after:g}"}
        error = {"message": self.message, "type": "error", "param": None, "code": self.code}
        wire.answer(self.status, {"error": error}, headers)


class ModelServer:
    """Plays a script; `requests` are those it got, in order."""

    def __init__(self, script: Sequence[Step]) -> None:
        self.requests: list[ModelRequest] = []
        self._script = script
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, request: ModelRequest) -> Step:
        """Records a request and says what is to be done with it."""
        with self._lock:
            self.requests.append(request)
            return self._script[min(len(self.requests), len(self._script)) - 1]

    def play(self, request: ModelRequest, handler: BaseHTTPRequestHandler) -> None:
        self.take(request).play(request, Wire(handler, request, self._closing))


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for the requests, whose pauses end then


def _handler_of(model: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            request = ModelRequest({name.lower(): value for name, value in self.headers.items()}, body)
            self.close_connection = True
            with suppress(ConnectionError):  # the client may leave whenever it likes
                if self.path in PATHS:
                    model.play(request, self)
                else:
                    Wire(self, request, threading.Event()).answer(404, {"error": {"message": "no such path"}})

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    return Handler
