"""A real HTTP server on loopback that speaks the ingestion API: it takes events and artifacts, and keeps them.

    with TraceSink() as sink:
        ...  # GLIA_URL=sink.url
        sink.events, sink.artifacts

It can be told to be `down` (it accepts no connection), to answer with a status, to be slow, or to go away in the middle
of an answer. Run as a program it serves until stdin ends, and prints its address: `python -m tests.support.trace_sink`.
"""

from __future__ import annotations

import base64
import gzip
import json
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

TOKEN = "glia-test-token"


@dataclass
class Mood:
    """How requests are answered. A status other than 200 takes nothing in.

    Attributes:
        delay: seconds before an answer.
        is_half_closing: takes everything in, then closes the connection in the middle of its answer.
        times: requests the mood lasts; None for good.
    """

    status: int = 200
    delay: float = 0.0
    retry_after: str | None = None
    is_half_closing: bool = False
    times: int | None = None


class TraceSink:
    """
    Attributes:
        batches: events of each request that was taken in.
        bodies: everything that arrived, as it arrived (inflated), to look for what should not have.
        artifacts: content by upload id.
    """

    def __init__(self, port: int = 0) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.bodies: list[bytes] = []
        self.artifacts: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.mood = Mood()
        self._seen: set[tuple[str, int]] = set()
        self._lock = threading.Condition()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", port), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Distinct events, by run and sequence number."""
        with self._lock:
            found = {(one["run_id"], one["sequence_no"]): one for batch in self.batches for one in batch}
        return [found[key] for key in sorted(found)]

    def wait(self, is_there: Callable[[TraceSink], bool], seconds: float = 20.0) -> None:
        """Waits until something is so."""
        with self._lock:
            assert self._lock.wait_for(lambda: is_there(self), seconds), "it did not arrive"

    def content(self, event: dict[str, Any], name: str) -> Any:
        """An attribute of an event, wherever it is."""
        value = event["attributes"].get(name)
        if isinstance(value, dict) and value.keys() == {"$artifact"}:
            return json.loads(self.artifacts[event["artifact_refs"][value["$artifact"]]["upload_id"]])
        return value

    def answer(self, path: str, body: bytes) -> Any:
        with self._lock:
            self.bodies.append(body)
            try:
                if path == "/traces/events":
                    return self._take(json.loads(body)["events"])
                if path == "/artifacts":
                    return self._presign(json.loads(body))
                self.artifacts[path.removeprefix("/uploads/")] = body
                return {}
            finally:
                self._lock.notify_all()

    def next_mood(self, path: str) -> Mood:
        with self._lock:
            self.requests.append(path)
            mood = self.mood
            if mood.times is not None:
                mood.times -= 1
                if mood.times <= 0:
                    self.mood = Mood()
            return mood

    def pause(self, seconds: float) -> None:
        self._closing.wait(seconds)

    def _take(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        receipts = []
        for index, event in enumerate(events):
            key = (event["run_id"], event["sequence_no"])
            status = "duplicate" if key in self._seen else "accepted"
            self._seen.add(key)
            receipts.append({"index": index, "run_id": key[0], "sequence_no": key[1], "status": status})
        self.batches.append(events)
        return {"receipts": receipts, "counts": {}}

    def _presign(self, asked: dict[str, Any]) -> dict[str, Any]:
        upload_id = str(uuid4())
        told: dict[str, Any] = {"artifact_id": None, "upload_id": upload_id, "upload": None, "status": "pending"}
        if "content" in asked:
            self.artifacts[upload_id] = _content(asked)
            return told
        address = f"{self.url}/uploads/{upload_id}"
        return told | {"upload": {"url": address, "method": "PUT", "headers": {"Content-Type": asked["media_type"]}}}


def _content(asked: dict[str, Any]) -> bytes:
    """Content is text, unless its media type is no text's."""
    if asked["media_type"].startswith(("text/", "application/json")):
        return str(asked["content"]).encode()
    return base64.b64decode(asked["content"])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True


def _handler_of(sink: TraceSink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            mood = sink.next_mood(self.path)
            if mood.delay:
                sink.pause(mood.delay)
            is_known = self.path.startswith("/uploads/") or self.headers.get("Authorization") == f"Bearer {TOKEN}"
            status = mood.status if is_known else 401
            answer = {}
            if status == 200:
                body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
                answer = sink.answer(self.path, body)
            with suppress(ConnectionError):
                self._reply(status, json.dumps(answer).encode(), mood)

        def do_PUT(self) -> None:
            self.do_POST()

        def _reply(self, status: int, payload: bytes, mood: Mood) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            if mood.retry_after is not None:
                self.send_header("Retry-After", mood.retry_after)
            self.end_headers()
            self.wfile.write(payload[: len(payload) // 2] if mood.is_half_closing else payload)
            self.wfile.flush()
            self.close_connection = self.close_connection or mood.is_half_closing

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    return Handler


def main(delay: float) -> None:
    with TraceSink() as sink:
        sink.mood = Mood(delay=delay)
        print(sink.url, flush=True)
        sys.stdin.read()
        print(json.dumps({"events": len(sink.events), "artifacts": len(sink.artifacts)}), flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0)
