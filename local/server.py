"""API Gateway and Lambda in one process: `python -m local.server` serves the Chalice app over HTTP on loopback.

Environment: GLIA_PORT (default 8765) or GLIA_LISTEN_FD, an inherited listening socket; GLIA_LOCAL_APP, the module that
holds `app` (default `app`); GLIA_STAGE.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import FrameType
from typing import Any

from local import streaming
from local.context import LocalContext
from local.gateway import (
    GATEWAY_BODY_MAX,
    HANDLER_SECONDS_MAX,
    LAMBDA_PAYLOAD_MAX,
    REQUEST_ID,
    Request,
    Response,
    Route,
    Routes,
    payload_too_large,
    proxy_event,
    refusal,
    response_of,
)
from local.listener import RAW_HEADERS, listener

DEFAULT_PORT = 8765
THREADS = 64
# Streams hold a thread each; beyond this many a client gets its events in parts, as it does on AWS.
STREAMS_MAX = 40
# How often a waiting thread looks whether its client is still there, and a stopping server whether it may go.
LOOK = 0.25
# What the gateway says by itself; the application's answers are in its own log.
OWN_ANSWERS = frozenset({413, 502, 504})

Gone = Callable[[], bool]

log = logging.getLogger("local.server")


@dataclass(frozen=True)
class Limits:
    """API Gateway's and Lambda's bounds: bytes and seconds. Tests lower them."""

    body: int = GATEWAY_BODY_MAX
    payload: int = LAMBDA_PAYLOAD_MAX
    seconds: float = HANDLER_SECONDS_MAX


class Gateway:
    """A WSGI application in front of a Lambda handler.

    Args:
        app: called as `app(event, context)` from many threads; its `routes` and `api.binary_types` are read.
        stage: the event's stage name.
        limits: bounds to enforce.
    """

    def __init__(self, app: Any, stage: str = "local", limits: Limits | None = None) -> None:
        self._app, self._stage, self._limits = app, stage, limits or Limits()
        self._routes = Routes(app.routes)
        self._binary_types = frozenset(kind.lower() for kind in app.api.binary_types)
        # A handler that outlives its 29 s cannot be ended; it keeps its thread, so there are more than requests.
        self._pool = ThreadPoolExecutor(THREADS + THREADS // 2, thread_name_prefix="handler")
        self._streams = threading.Semaphore(STREAMS_MAX)
        self._stopping = False

    def stop(self) -> None:
        """Ends streams; requests already running go on. A signal handler may call it: no lock is taken."""
        self._stopping = True

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        started, request = time.monotonic(), request_of(environ)
        gone = environ.get("waitress.client_disconnected", lambda: False)
        route, response = self._respond(request, gone)
        if route and streaming.is_stream(request, route.resource, response) and self._streams.acquire(blocking=False):
            start_response("200 OK", response.headers)
            return self._stream(request, route, response, gone, started)
        _log_access(request, route, response, started)
        length = ("Content-Length", str(len(response.body)))
        has_body = response.status not in (204, 304)
        start_response(f"{response.status} {response.reason}", [*response.headers, *([length] if has_body else [])])
        return [] if request.method == "HEAD" or not has_body else [response.body]

    def _respond(self, request: Request, gone: Gone) -> tuple[Route | None, Response]:
        route = self._routes.find(request.path)
        if route is None:
            return None, refusal(404, "not_found", "There is nothing at this address.", request)
        methods = self._routes.methods(route.resource)
        if request.method not in methods and not (request.method == "HEAD" and "GET" in methods):
            allow = [("Allow", ", ".join(methods))]
            return route, refusal(
                405, "method_not_allowed", "This address does not answer that method.", request, allow
            )
        if len(request.body) > self._limits.body:
            return route, refusal(413, "too_large", f"A request may have {self._limits.body} bytes.", request)
        if route.resource == streaming.EVENTS_RESOURCE:
            gone = self._or_stopping(gone)
        response = self._invoke(request, route, gone)
        return route, response or self._unheard(request)

    def _unheard(self, request: Request) -> Response:
        """What is logged for a client that left before its answer, or said to one whom a stopping server sends off."""
        if self._stopping:
            return refusal(503, "unavailable", "The server is stopping.", request, [("Retry-After", "2")])
        return refusal(499, "client_gone", "The client left.", request)

    def _invoke(self, request: Request, route: Route, gone: Gone) -> Response | None:
        """One invocation within the limits; None if nobody waits for its answer any more."""
        event = proxy_event(request, route, self._stage, self._binary_types)
        if payload_too_large(event, len(request.body), self._limits.payload):
            return refusal(413, "too_large", f"A request may have {self._limits.payload} bytes as an event.", request)
        future = self._pool.submit(self._app, event, LocalContext("api", self._limits.seconds))
        if not self._awaited(future, gone):
            future.cancel()
            return None if gone() else self._timed_out(request)
        return self._answer(request, route, future)

    def _awaited(self, future: Future[Any], gone: Gone) -> bool:
        """Waits for the handler; False if its time is over or the client is gone."""
        deadline = time.monotonic() + self._limits.seconds
        while not gone():
            left = deadline - time.monotonic()
            if wait([future], timeout=max(0.0, min(LOOK, left))).done:
                return True
            if left <= 0:
                break
        return False

    def _timed_out(self, request: Request) -> Response:
        return refusal(504, "gateway_timeout", f"No answer within {self._limits.seconds:g} s.", request)

    def _answer(self, request: Request, route: Route, future: Future[Any]) -> Response:
        error = future.exception()
        try:
            answer = None if error else future.result()
            response = response_of(answer)
        except (ValueError, TypeError, AttributeError) as unreadable:
            _log_failure(route, error or unreadable)
            return refusal(502, "bad_gateway", "The handler gave no usable answer.", request)
        if payload_too_large(answer, len(response.body), self._limits.payload):
            return refusal(502, "response_too_large", f"An answer may have {self._limits.payload} bytes.", request)
        return response

    def _or_stopping(self, gone: Gone) -> Gone:
        return lambda: gone() or self._stopping

    def _stream(self, request: Request, route: Route, first: Response, gone: Gone, started: float) -> Iterator[bytes]:
        over = self._or_stopping(gone)
        try:
            yield from streaming.parts(request, first, lambda again: self._invoke(again, route, over), over)
        finally:
            self._streams.release()
            _log_access(request, route, first, started)


def request_of(environ: dict[str, Any]) -> Request:
    """The request in a WSGI environment of `local.listener`."""
    return Request(
        method=environ["REQUEST_METHOD"],
        target=environ["REQUEST_URI"],
        headers=environ[RAW_HEADERS],
        body=environ["wsgi.input"].read(),
        source_ip=environ["REMOTE_ADDR"],
    )


def _log_access(request: Request, route: Route | None, response: Response, started: float) -> None:
    """A line for what the gateway itself answered; the application logs its own. Names the resource, not the path: a
    path may hold what a user typed."""
    if route and response.status not in OWN_ANSWERS:
        return
    duration = int((time.monotonic() - started) * 1000)
    resource = route.resource if route else "(unknown)"
    log.info("%s %s %d %d ms %s", request.method, resource, response.status, duration, response.header(REQUEST_ID))


def _log_failure(route: Route, error: BaseException) -> None:
    log.error("handler of %s failed: %s at %s", route.resource, type(error).__name__, where(error))


def where(error: BaseException) -> str:
    """The place an error was raised at. Logged instead of its message, which may quote a user."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "no frame"


def listening_socket(environ: dict[str, str]) -> socket.socket:
    """The socket inherited as GLIA_LISTEN_FD or else a new one on loopback at GLIA_PORT."""
    if "GLIA_LISTEN_FD" in environ:
        return socket.socket(fileno=int(environ["GLIA_LISTEN_FD"]))
    return socket.create_server(("127.0.0.1", int(environ.get("GLIA_PORT") or DEFAULT_PORT)), backlog=1024)


def load_app(environ: dict[str, str]) -> Any:
    """The Chalice object of the module GLIA_LOCAL_APP, by default the project's `app.py`."""
    return importlib.import_module(environ.get("GLIA_LOCAL_APP") or "app").app


def set_up_logs() -> None:
    """Plain lines on stderr; the app's own JSON lines go to stdout beside them."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    logging.getLogger("waitress").setLevel(logging.ERROR)  # it names paths, which may hold what a user typed


def main() -> None:
    """Serves until SIGTERM or SIGINT, then gives running requests five seconds."""
    set_up_logs()
    environ = dict(os.environ)
    gateway = Gateway(load_app(environ), environ.get("GLIA_STAGE") or "local")
    server = listener(gateway, listening_socket(environ), THREADS)

    def stop(number: int, frame: FrameType | None) -> None:
        gateway.stop()
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.run()
    logging.shutdown()
    # A handler that never returns would keep the interpreter from ending.
    os._exit(0)


if __name__ == "__main__":
    main()
