"""A stand-in for Glia, for tests of its clients: a real HTTP server on loopback whose every answer is scripted.

It lives under a stage prefix, as behind API Gateway. Each route has its answers, one a request; the last one repeats.
A part of a stream may be a gate (`threading.Event`), which holds it there until somebody opens it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Protocol, Self

PREFIX = "/api"
TOKEN = "glia_only_for_tests"
LONGEST_HOLD = 10.0  # seconds, for gates and for those who wait for a request
TURN = "0190c0de-0000-7000-8000-000000000001"
TOPIC = "0190c0de-0000-7000-8000-000000000002"
RETRY = "retry: 200\n\n"


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as the server got it; `path` without the prefix."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Reply(Protocol):
    def send(self, handler: BaseHTTPRequestHandler) -> None:
        """Answers, or does not."""


@dataclass(frozen=True, slots=True)
class Json:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, handler: BaseHTTPRequestHandler) -> None:
        _whole(handler, self.status, {"Content-Type": "application/json", **self.headers}, json.dumps(self.body))


@dataclass(frozen=True, slots=True)
class Page:
    """What something that is not Glia answers."""

    status: int
    body: str = "<!doctype html><title>Hello</title>"

    def send(self, handler: BaseHTTPRequestHandler) -> None:
        _whole(handler, self.status, {"Content-Type": "text/html", "Location": "/elsewhere"}, self.body)


class Nothing:
    """The connection goes before an answer comes."""

    def send(self, handler: BaseHTTPRequestHandler) -> None:
        """Says nothing."""


@dataclass(frozen=True, slots=True)
class Events:
    """Server-sent events: the text of the stream in parts, and whether it ends properly or the connection is lost."""

    parts: Sequence[str | threading.Event]
    end: Literal["done", "lost"] = "done"

    def send(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.send_header("Connection", "close")
        handler.end_headers()
        for part in self.parts:
            if isinstance(part, threading.Event):
                part.wait(LONGEST_HOLD)
            else:
                data = part.encode()
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        if self.end == "done":
            handler.wfile.write(b"0\r\n\r\n")


@dataclass(frozen=True, slots=True)
class Held:
    """An answer that waits at a gate."""

    gate: threading.Event
    reply: Reply

    def send(self, handler: BaseHTTPRequestHandler) -> None:
        self.gate.wait(LONGEST_HOLD)
        self.reply.send(handler)


@dataclass(frozen=True, slots=True)
class Answering:
    """An answer that depends on the request."""

    answer: Callable[[Seen], Reply]

    def send(self, handler: BaseHTTPRequestHandler) -> None:
        raise AssertionError("the server asks for the answer first")


class History:
    """What `POST /imports` keeps: messages by their source and key, in the order they came."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], dict[str, Any]] = {}
        self.reply = Answering(self.take)

    @property
    def contents(self) -> list[str]:
        return [message["content"] for message in self.kept.values()]

    def take(self, seen: Seen) -> Reply:
        source, messages = seen.body["source"], seen.body["messages"]
        keyed = {(source, message["key"]): message for message in messages}
        new = {key: message for key, message in keyed.items() if key not in self.kept}
        self.kept |= new
        counts = {"imported": len(new), "duplicates": len(messages) - len(new)}
        topics = sorted({f"{source}:{message.get('topic', source)}" for message in messages})
        return Json(200, {**counts, "skipped": [], "topic_ids": topics})


def _whole(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: str) -> None:
    payload = body.encode() if status != 204 else b""
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(payload)), "Connection": "close"}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(payload)


NO_MORE = Json(204)


def event(seq: int, kind: str, **data: Any) -> str:
    """One event of a turn as it stands in a stream."""
    return f"id: {seq}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"


def started(seq: int, attempt: int = 1) -> str:
    return event(seq, "turn.started", attempt=attempt)


def delta(seq: int, text: str) -> str:
    return event(seq, "message.delta", text=text)


def completed(seq: int) -> str:
    return event(seq, "turn.completed", message_id=8, provider="openai", model="m")


def failed(seq: int, kind: str = "auth", message: str = "The endpoint refused the key.") -> str:
    return event(seq, "turn.failed", **{"class": kind, "message": message})


def error(status: int, code: str, message: str = "It cannot be done.", retry_after: int | None = None) -> Json:
    """An error of the contract."""
    told = {"code": code, "message": message, "details": {}, "request_id": "req-1"}
    return Json(status, {"error": told}, {} if retry_after is None else {"Retry-After": str(retry_after)})


def turn(status: str, failure_class: str | None = None) -> Json:
    fields = {"turn_id": TURN, "topic_id": TOPIC, "status": status, "failure_class": failure_class}
    return Json(200, {**fields, "assistant_message_id": None, "a_field_of_next_year": 1})


def page(items: Sequence[dict[str, Any]], next_cursor: str | None = None) -> Json:
    return Json(200, {"items": list(items), "next_cursor": next_cursor})


ACCEPTED = Json(
    202,
    {
        "turn_id": TURN,
        "message_id": 7,
        "topic_id": TOPIC,
        "routing": {"rule": "active_topic", "policy": "v0"},
        "events_url": f"{PREFIX}/turns/{TURN}/events",
    },
)
CONVERSATION = Json(200, {"conversation_id": "conv_1", "active_topic_id": None})
EVENTS = f"/turns/{TURN}/events"
OPEN = ("/health",)
CANCEL = f"/turns/{TURN}/cancel"


class GliaServer:
    """Plays the answers it was given; `seen` are the requests it got, in order. Refuses every token but `TOKEN`."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._routes: dict[tuple[str, str], list[Reply]] = {}
        self._changed = threading.Condition()
        self._gates: list[threading.Event] = []
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{PREFIX}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for gate in self._gates:
            gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def on(self, method: str, path: str, *replies: Reply) -> Self:
        self._routes[method, path] = list(replies)
        return self

    def answering(self, *streams: Reply) -> Self:
        """Takes every message in, and tells these events of its turn."""
        return self.on("POST", "/chat", ACCEPTED).on("GET", EVENTS, *streams, NO_MORE)

    def listing(self, path: str, items: Sequence[dict[str, Any]]) -> Self:
        """Answers with a list, in two pages where all of it is asked for."""
        start = f"{path}{'&' if '?' in path else '?'}limit"
        half = len(items) // 2
        self.on("GET", f"{start}=50", page(items[:half], "more"))
        self.on("GET", f"{start}=200", page(items[:half], "more"))
        return self.on("GET", f"{path}{'&' if '?' in path else '?'}cursor=more&limit=200", page(items[half:]))

    def gate(self) -> threading.Event:
        """A gate that opens at the latest when the server closes."""
        self._gates.append(threading.Event())
        return self._gates[-1]

    def requests(self, method: str, path: str) -> list[Seen]:
        return [seen for seen in self.seen if (seen.method, seen.path) == (method, path)]

    def wait_for(self, method: str, path: str) -> None:
        """Waits until such a request has come."""
        with self._changed:
            came = self._changed.wait_for(lambda: bool(self.requests(method, path)), LONGEST_HOLD)
        assert came, f"no {method} {path} has come"

    def take(self, seen: Seen) -> Reply:
        with self._changed:
            self.seen.append(seen)
            self._changed.notify_all()
            if seen.headers.get("authorization") != f"Bearer {TOKEN}" and seen.path not in OPEN:
                return error(401, "token_invalid", "The token is not valid.")
            replies = self._routes.get((seen.method, seen.path)) or [error(404, "not_found")]
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
            return reply.answer(seen) if isinstance(reply, Answering) else reply


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for the requests


def _handler_of(server: GliaServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_PATCH(self) -> None:
            self._answer()

        def do_DELETE(self) -> None:
            self._answer()

        def _answer(self) -> None:
            self.close_connection = True
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            path = self.path.removeprefix(PREFIX)
            seen = Seen(self.command, path, headers, json.loads(body) if body else None)
            with suppress(ConnectionError):  # the client may leave whenever it likes
                server.take(seen).send(self)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    return Handler
