"""Bad input gets the error contract, its stable code, and writes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.api import endpoints
from tests.support.api import Api


def refused(
    api: Api,
    status: int,
    code: str,
    method: str,
    path: str,
    raw: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Any:
    response = api.request(method, path, raw=raw, headers=headers)
    body = json.loads(response.body)
    assert (response.status_code, body["error"]["code"]) == (status, code), body
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "details", "request_id"}
    assert response.headers["X-Request-Id"] == body["error"]["request_id"]
    return body["error"]


BODIES: list[tuple[bytes, int, str]] = [
    (b"", 422, "invalid"),
    (b"hello", 400, "body_not_json"),
    (b"[]", 422, "invalid"),
    (b"null", 422, "invalid"),
    (b"{}", 422, "invalid"),
    (b'{"message": 5}', 422, "invalid"),
    (b'{"message": null}', 422, "invalid"),
    (b'{"message": ["x"]}', 422, "invalid"),
    (b'{"message": "x", "mood": "good"}', 422, "invalid"),
    (b'{"message": "x", "topic_id": "no"}', 422, "invalid"),
    (b'{"message": "x", "topic_id": 7}', 422, "invalid"),
    (b'{"message": "x", "client_message_id": ""}', 422, "invalid"),
    (b'{"message": ""}', 422, "message_blank"),
    (b'{"message": " \\n\\t\\u00a0 "}', 422, "message_blank"),
    (b'{"message": "a\\u0000b"}', 422, "invalid"),
    (b'{"message": "a\\ud800b"}', 422, "invalid"),
    (b'{"message": "\xff\xfe"}', 400, "body_not_json"),
    (b'{"message": "x"', 400, "body_not_json"),
    (b"[" * 100_000, 400, "body_not_json"),
    (json.dumps({"message": "x" * 100_001}).encode(), 413, "message_too_long"),
    (json.dumps({"message": "🙂" * 100_001}).encode(), 413, "message_too_long"),
    (b'{"message": "' + b"x" * 6_500_000 + b'"}', 413, "too_large"),
]


@pytest.mark.parametrize(("body", "status", "code"), BODIES, ids=range(len(BODIES)))
def test_a_bad_body_is_refused_and_nothing_is_written(api: Api, body: bytes, status: int, code: str) -> None:
    """Every malformed or invalid body of POST /chat has its status and code, and leaves no message and no job."""
    refused(api, status, code, "POST", "/chat", body)
    assert api.get("/conversation/messages")["items"] == []
    assert api.get("/topics")["items"] == []
    assert api.queue.take() == []


def test_the_longest_message_is_taken(api: Api) -> None:
    """100,000 code points are allowed, counted as code points."""
    text = "🙂" * 100_000
    api.chat(text)
    assert api.get("/conversation/messages")["items"][0]["content"] == text


def test_an_error_never_repeats_what_was_sent(api: Api) -> None:
    """Details name the field and the problem, not the value."""
    error = refused(api, 422, "invalid", "POST", "/chat", b'{"message": {"secret": "hunter2"}}')
    assert error["details"]["fields"][0]["field"] == "message"
    assert "hunter2" not in json.dumps(error)


QUERIES = [
    ("/topics?limit=0", 422, "invalid"),
    ("/topics?limit=201", 422, "invalid"),
    ("/topics?limit=ten", 422, "invalid"),
    ("/topics?colour=red", 422, "invalid"),
    ("/topics?limit=5&limit=6", 422, "invalid"),
    ("/topics?status=gone", 422, "invalid"),
    ("/topics?cursor=%21%21", 400, "cursor_invalid"),
    ("/topics?cursor=", 400, "cursor_invalid"),
    ("/topics?cursor=bWVzc2FnZXM6NQ", 400, "cursor_invalid"),
    ("/conversation/messages?cursor=bWVzc2FnZXM6LTU", 400, "cursor_invalid"),
    ("/conversation/messages?cursor=bWVzc2FnZXM6OTk5OTk5OTk5OTk5OTk5OTk5OTk5", 400, "cursor_invalid"),
    ("/conversation/messages?topic_id=abc", 422, "invalid"),
    ("/extract-runs?status=fine", 422, "invalid"),
    ("/turns/nope", 404, "turn_not_found"),
    ("/topics/nope", 404, "topic_not_found"),
    ("/topics/%00", 404, "topic_not_found"),
    ("/cards/t%3A1%3A2", 404, "card_not_found"),
    ("/cards/%00", 404, "card_not_found"),
    ("/cards/%ff%fe", 404, "card_not_found"),
    ("/jobs/1", 404, "not_found"),
    ("/extract-runs/1", 404, "extract_run_not_found"),
    ("/conversations/conv_1/messages", 404, "conversation_not_found"),
]


@pytest.mark.parametrize(("path", "status", "code"), QUERIES)
def test_bad_queries_cursors_and_ids_have_their_codes(api: Api, path: str, status: int, code: str) -> None:
    """Unknown, repeated and out-of-range parameters, foreign cursors, ids that cannot be."""
    refused(api, status, code, "GET", path)


def test_a_bad_query_is_refused_even_where_there_is_nothing_to_ask_for(api: Api) -> None:
    """The older routes of a conversation without an active topic, too."""
    conversation_id = api.get("/conversation")["conversation_id"]
    for what in ("messages", "cards"):
        path = f"/conversations/{conversation_id}/{what}"
        assert api.get(path)["items"] == []
        assert api.get(f"{path}?colour=red", 422)["error"]["code"] == "invalid"


def test_message_ids_that_cannot_be_are_404(api: Api) -> None:
    """Message ids are numbers; others name nothing."""
    for bad in ("abc", "-1", "1.5", "99999999999999999999", "%20", "١"):
        refused(api, 404, "message_not_found", "DELETE", f"/messages/{bad}")


def test_wrong_method_media_type_and_event_id(api: Api) -> None:
    """Chalice's own errors are rewritten into the contract."""
    assert refused(api, 405, "method_not_allowed", "PUT", "/chat")
    refused(api, 415, "unsupported_media_type", "POST", "/chat", b"message=hi", {"Content-Type": "text/plain"})
    turn_id = api.chat("hi")["turn_id"]
    for bad in ("x", "-1", "1e3", "9999999999"):
        refused(api, 400, "last_event_id_invalid", "GET", f"/turns/{turn_id}/events", headers={"Last-Event-ID": bad})
    refused(api, 422, "invalid", "GET", f"/turns/{turn_id}/events?after=-1")
    refused(api, 422, "invalid", "GET", f"/turns/{turn_id}/events?hold=60")


def test_bad_idempotency_keys_are_refused(api: Api) -> None:
    """A key is 1 to 200 visible ASCII characters."""
    for key in ("", "x" * 201, "ключ", "a\tb"):
        refused(api, 400, "idempotency_key_invalid", "POST", "/topics", b"{}", {"Idempotency-Key": key})
    assert api.get("/topics")["items"] == []


def test_a_request_id_of_the_client_is_kept_if_it_can_be(api: Api) -> None:
    """X-Request-Id goes in and comes out; one that is not fit for a log is replaced."""
    assert api.request("GET", "/topics", headers={"X-Request-Id": "abc-1.2_3"}).headers["X-Request-Id"] == "abc-1.2_3"
    for bad in ("a b", 'x"y', "x" * 129, ""):
        assert api.request("GET", "/topics", headers={"X-Request-Id": bad}).headers["X-Request-Id"] != bad


def test_only_the_open_routes_are_open(api: Api) -> None:
    """Without credentials everything but health and the documentation is 401."""
    is_open = set()
    for endpoint in endpoints():
        path = endpoint.path.replace("{", "").replace("}", "")
        response = api.request(endpoint.method, path, headers={"Authorization": ""})
        if response.status_code == 401:
            assert response.json_body["error"]["code"] == "credentials_missing"
            assert response.headers["WWW-Authenticate"] == "Bearer"
        else:
            is_open.add(endpoint.path)
    assert is_open == {"/health", "/openapi.json", "/docs", "/redoc", "/docs/{asset}"}
