"""The Lambda Runtime API on a loopback port: what a function's process asks for work, and where it answers.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PREFIX = "/2018-06-01/runtime/"


@dataclass(frozen=True)
class Invocation:
    """One event for the function. `deadline` is in seconds since the epoch."""

    request_id: str
    arn: str
    trace_id: str
    payload: bytes
    deadline: float


@dataclass(frozen=True)
class Answer:
    """What came of an invocation, or of the start (`request_id` empty)."""

    request_id: str
    payload: bytes
    is_error: bool


class RuntimeApi:
    """Serves one function process. `ready` is set when it asks for its first event, or says that it cannot start."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.failure: Answer | None = None
        self.answers: queue.Queue[Answer] = queue.Queue()
        self._waiting: queue.Queue[Invocation | None] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def put(self, invocation: Invocation) -> None:
        self._waiting.put(invocation)

    def next(self) -> Invocation | None:
        """Waits for an event; None when the process shall end."""
        self.ready.set()
        return self._waiting.get()

    def answered(self, answer: Answer) -> None:
        if answer.request_id:
            self.answers.put(answer)
        else:
            self.failure = answer
            self.ready.set()

    def close(self) -> None:
        self._waiting.put(None)
        self._server.shutdown()
        self._server.server_close()


def _handler(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            invocation = api.next()
            if invocation is None:
                self.close_connection = True
                return
            self.send_response(200)
            for name, value in _headers(invocation).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(invocation.payload)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            _, _, rest = self.path.partition(PREFIX)
            kind, *parts = rest.split("/")  # invocation/{id}/response, invocation/{id}/error, init/error
            api.answered(Answer(parts[0] if kind == "invocation" else "", body, parts[-1] == "error"))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing: the function's own lines are enough."""

    return Handler


def _headers(invocation: Invocation) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "Content-Length": str(len(invocation.payload)),
        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
        "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
        "Lambda-Runtime-Trace-Id": invocation.trace_id,
        "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
    }


def remaining(invocation: Invocation) -> float:
    """Seconds the function has left."""
    return max(0.0, invocation.deadline - time.time())
