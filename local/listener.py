"""The HTTP server under the gateway: waitress, with raw headers kept and its own refusals in the error contract."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Callable
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, get_header_lines
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher, WSGITask

from local.gateway import REQUEST_ID, Headers

RAW_HEADERS = "glia.headers"
# API Gateway's bound of request line and headers together.
HEADER_MAX = 10_240
# Larger bodies than the gateway's limit are read up to here, because a client that is still sending when the
# connection closes sees a broken pipe instead of the 413.
READ_MAX = 64 * 1024 * 1024
CODES = {400: "bad_request", 413: "too_large", 431: "headers_too_large", 501: "not_implemented"}


class RawParser(HTTPRequestParser):  # type: ignore[misc]  # waitress ships no types
    """Keeps names as sent and repeated headers apart; waitress folds both away."""

    raw_headers: Headers = []  # noqa: RUF012 - replaced, never changed

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        lines = [line.decode("latin-1").partition(":") for line in get_header_lines(header_plus)[1:]]
        self.raw_headers = [(name, value.strip()) for name, _, value in lines if "_" not in name]


class RawTask(WSGITask):  # type: ignore[misc]
    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[RAW_HEADERS] = self.request.raw_headers
        return environ


class ContractErrorTask(ErrorTask):  # type: ignore[misc]
    """What waitress refuses before the gateway sees it."""

    def execute(self) -> None:
        refused = self.request.error
        request_id = str(uuid.uuid4())
        code = CODES.get(refused.code, "internal")
        error = {"code": code, "message": f"{refused.reason}.", "details": {}, "request_id": request_id}
        body = json.dumps({"error": error}).encode()
        self.status = f"{refused.code} {refused.reason}"
        self.response_headers += [("Content-Type", "application/json"), (REQUEST_ID, request_id)]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Channel(HTTPChannel):  # type: ignore[misc]
    parser_class = RawParser
    task_class = RawTask
    error_task_class = ContractErrorTask


class Listener(TcpWSGIServer):  # type: ignore[misc]
    channel_class = Channel


def listener(application: Callable[..., Any], listening: socket.socket, threads: int) -> Listener:
    """A server on a bound socket; `run()` serves until SystemExit is raised in its thread, `close()` stops it.

    Parts of a body are sent as soon as they are written, and a client that closes is noticed while its request runs.
    """
    adjustments = Adjustments(
        sockets=[listening],
        threads=threads,
        channel_request_lookahead=1,
        connection_limit=1000,
        max_request_header_size=HEADER_MAX,
        max_request_body_size=READ_MAX,
        asyncore_use_poll=True,
        ident="glia",
    )
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(threads)
    address = (listening.family, listening.type, listening.proto, listening.getsockname())
    return Listener(
        application,
        {},
        True,
        listening,
        dispatcher=dispatcher,
        adj=adjustments,
        bind_socket=False,
        sockinfo=address,
    )
