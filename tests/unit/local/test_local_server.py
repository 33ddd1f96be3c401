"""The gateway on a real socket: limits, refusals, bodies, streams and clients that leave."""

import http.client
import importlib
import json
import logging
import socket
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from local.server import Gateway, Limits
from tests.support.waiting import until

Serve = Callable[[Any], int]


@pytest.fixture
def port(serve: Serve) -> int:
    """The toy Chalice app with limits that a test can reach."""
    toy = importlib.import_module("local_toy_app")
    return serve(Gateway(toy.app, limits=Limits(body=20_000, payload=15_000, seconds=0.5)))


def ask(port: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, names)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def code(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, str]:
    """Status and code of a refusal, after checking that it keeps the contract."""
    status, headers, body = answer
    error = json.loads(body)["error"]
    assert set(error) == {"code", "message", "details", "request_id"}
    assert headers["x-request-id"] == error["request_id"]
    assert headers["content-type"] == "application/json"
    assert b"Traceback" not in body
    return status, error["code"]


def raw(port: int, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        received = b""
        while piece := connection.recv(65_536):
            received += piece
        return received


def test_a_request_reaches_the_app_as_api_gateway_sends_it(port: int) -> None:
    status, _, body = ask(port, "GET", "/echo/a%2Fb/%C3%A4?x=1&x=2&flag")
    answer = json.loads(body)
    assert status == 200
    assert (answer["first"], answer["second"]) == ("a%2Fb", "%C3%A4")
    assert answer["event"]["multiValueQueryStringParameters"] == {"x": ["1", "2"], "flag": [""]}


def test_repeated_headers_arrive_apart_over_the_wire(port: int) -> None:
    sent = b"GET /echo/a/b HTTP/1.1\r\nHost: x\r\nX-Twice: 1\r\nx-twice: 2\r\nConnection: close\r\n\r\n"
    assert b'"X-Twice":["1","2"]' in raw(port, sent)


def test_a_client_may_wait_for_100_continue(port: int) -> None:
    head = b"POST /echo/a/b HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head + b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(b"abc")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_a_chunked_body_is_read_whole(port: int) -> None:
    status, _, body = ask(port, "POST", "/echo/a/b", iter([b"one", b"two"]), Content_Type="text/plain")
    assert (status, json.loads(body)["event"]["body"]) == (200, "onetwo")


def test_head_has_the_headers_of_get_and_no_body(port: int) -> None:
    status, headers, body = ask(port, "HEAD", "/sized?bytes=11")
    assert (status, headers["content-length"], body) == (200, "11", b"")


def test_an_answer_without_content_has_no_body_and_keeps_its_headers(port: int) -> None:
    status, headers, body = ask(port, "GET", "/several")
    assert (status, body, headers["x-request-id"]) == (204, b"", "given")
    assert headers["set-cookie"] in {"a=1", "b=2"}


def test_binary_answers_arrive_as_bytes(port: int) -> None:
    assert ask(port, "GET", "/bytes", Accept="application/octet-stream")[2] == b"\x00\xff"


def test_unknown_addresses_and_methods_are_refused_by_contract(port: int) -> None:
    assert code(ask(port, "GET", "/nothing/here")) == (404, "not_found")
    wrong = ask(port, "DELETE", "/echo/a/b")
    assert code(wrong) == (405, "method_not_allowed")
    assert wrong[1]["allow"] == "GET, POST"
    assert ask(port, "HEAD", "/work")[0] == 405


def test_a_body_over_the_gateways_limit_is_413(port: int) -> None:
    assert code(ask(port, "POST", "/echo/a/b", b"x" * 20_001, Content_Type="text/plain")) == (413, "too_large")


def test_a_body_that_makes_too_large_an_event_is_413(port: int) -> None:
    assert code(ask(port, "POST", "/echo/a/b", b"x" * 16_000, Content_Type="text/plain")) == (413, "too_large")


def test_an_answer_over_lambdas_limit_is_502(port: int) -> None:
    assert code(ask(port, "GET", "/sized?bytes=16000")) == (502, "response_too_large")


def test_a_handler_that_takes_too_long_is_504(port: int) -> None:
    started = time.monotonic()
    assert code(ask(port, "GET", "/slow?seconds=3")) == (504, "gateway_timeout")
    assert time.monotonic() - started < 2


def test_headers_over_the_gateways_limit_are_431(port: int) -> None:
    assert code(ask(port, "GET", "/health", X_Long="x" * 11_000)) == (431, "headers_too_large")


def test_broken_http_is_400_by_contract(port: int) -> None:
    answer = raw(port, b"GET / HTTP/1.1\r\nContent-Length: 1, 2\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")
    assert b'"code": "bad_request"' in answer


class Handler(SimpleNamespace):
    """The least that the gateway asks of an app."""

    def __init__(self, answer: Callable[[dict[str, Any]], Any]) -> None:
        table = {"/turns/{turn_id}/events": ["GET"], "/any": ["GET"]}
        super().__init__(routes=table, api=SimpleNamespace(binary_types=[]), answer=answer)

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        return self.answer(event)


def failing(event: dict[str, Any]) -> Any:
    raise SystemExit("secret")


@pytest.mark.parametrize("answer", [failing, lambda event: {"statusCode": "?"}, lambda event: None])
def test_a_handler_without_a_usable_answer_is_502_and_its_message_stays_unsaid(
    serve: Serve, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    port = serve(Gateway(Handler(answer)))
    with caplog.at_level(logging.INFO):
        assert code(ask(port, "GET", "/any?private=words")) == (502, "bad_gateway")
    assert "secret" not in caplog.text
    assert "words" not in caplog.text
    assert "GET /any 502" in caplog.text


def read_events(port: int, turn: str, **headers: str) -> list[float]:
    """Seconds at which the lines `data:` arrived, from the moment of asking."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", f"/turns/{turn}/events", headers={n.replace("_", "-"): v for n, v in headers.items()})
    answer = connection.getresponse()
    assert answer.getheader("content-length") is None
    started, times = time.monotonic(), []
    for line in answer:
        if line.startswith(b"data:"):
            times.append(time.monotonic() - started)
    connection.close()
    return times


def test_events_arrive_one_by_one_while_they_happen(port: int) -> None:
    """Four events 0.2 s apart, each through an invocation of its own, over one response."""
    times = read_events(port, "1", X_Pace="0.2")
    assert len(times) == 4
    assert times[0] < 0.15
    assert times[-1] > 0.5


def test_a_stream_resumes_after_the_last_event_and_ends_with_204(port: int) -> None:
    assert len(read_events(port, "1", Last_Event_ID="3")) == 1
    assert ask(port, "GET", "/turns/1/events", Last_Event_ID="4")[0] == 204


def test_a_client_that_leaves_frees_its_thread(serve: Serve) -> None:
    """More clients than threads open a stream of a turn in which nothing happens, and go; the next one is served."""
    toy = importlib.import_module("local_toy_app")
    port = serve(Gateway(toy.app))
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"GET /turns/quiet/events HTTP/1.1\r\nHost: x\r\n\r\n")
    assert ask(port, "GET", "/sized?bytes=1")[0] == 200


def test_a_client_that_leaves_a_slow_handler_frees_its_thread(serve: Serve) -> None:
    released = threading.Event()
    waiting = threading.Semaphore(0)

    def hold(event: dict[str, Any]) -> Any:
        if event["resource"] != "/any":
            waiting.release()
            released.wait(20)
        return {"statusCode": 200, "body": ""}

    port = serve(Gateway(Handler(hold)))
    for _ in range(8):  # as many as the server has threads
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"GET /turns/1/events HTTP/1.1\r\nHost: x\r\n\r\n")
            assert waiting.acquire(timeout=10)
    assert ask(port, "GET", "/any")[0] == 200
    released.set()


def test_streams_end_when_the_server_stops(serve: Serve) -> None:
    gateway = Gateway(importlib.import_module("local_toy_app").app)
    port = serve(gateway)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET /turns/quiet/events HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in connection.recv(1000)
        gateway.stop()
        until(lambda: connection.recv(1000) == b"", 5)
