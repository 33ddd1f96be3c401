"""API Gateway's mapping, both ways, without a server."""

import base64
from typing import Any

import pytest

from local.gateway import Request, Routes, payload_too_large, proxy_event, refusal, response_of

TABLE = {"/": ["GET"], "/topics/{topic_id}": ["GET", "PATCH"], "/topics/recent": ["GET"], "/a/{b}/c/{d}": ["POST"]}


def request(target: str = "/", body: bytes = b"", method: str = "GET", **headers: str) -> Request:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(method, target, pairs, body, "127.0.0.1")


def event(made: Request) -> dict[str, Any]:
    route = Routes(TABLE).find(made.path)
    assert route
    return proxy_event(made, route, "local")


@pytest.mark.parametrize(
    ("path", "resource", "parameters"),
    [
        ("/", "/", {}),
        ("/topics/recent", "/topics/recent", {}),
        ("/topics/7", "/topics/{topic_id}", {"topic_id": "7"}),
        ("/topics/7/", "/topics/{topic_id}", {"topic_id": "7"}),
        ("/topics/a%2Fb%20c", "/topics/{topic_id}", {"topic_id": "a%2Fb%20c"}),
        ("/a/1/c/2", "/a/{b}/c/{d}", {"b": "1", "d": "2"}),
    ],
)
def test_a_path_finds_its_resource_and_parameters_stay_encoded(
    path: str, resource: str, parameters: dict[str, str]
) -> None:
    found = Routes(TABLE).find(path)
    assert found
    assert (found.resource, found.parameters) == (resource, parameters)


@pytest.mark.parametrize("path", ["/topics", "/topics//", "//topics/7", "/a//c/2", "/topics/7/more", "/Topics/7"])
def test_a_path_that_is_no_route_is_not_found(path: str) -> None:
    assert Routes(TABLE).find(path) is None


def test_a_query_is_decoded_with_all_values_and_empty_ones() -> None:
    """As in API Gateway: names without a value are there, repeated ones are all there, the single map has the last."""
    made = event(request("/?a=1&a=%C3%A4+x&flag&b=#fragment"))
    assert made["multiValueQueryStringParameters"] == {"a": ["1", "ä x"], "flag": [""], "b": [""]}
    assert made["queryStringParameters"] == {"a": "ä x", "flag": "", "b": ""}
    assert event(request("/"))["multiValueQueryStringParameters"] is None


def test_repeated_headers_are_kept_apart() -> None:
    made = event(Request("GET", "/", [("X-A", "1"), ("x-a", "2"), ("Host", "h")], b"", "127.0.0.1"))
    assert made["multiValueHeaders"] == {"X-A": ["1", "2"], "Host": ["h"]}
    assert made["headers"] == {"X-A": "2", "Host": "h"}


def test_the_request_context_names_resource_caller_and_stage() -> None:
    context = event(request("/topics/7?x=1", User_Agent="me"))["requestContext"]
    assert context["resourcePath"] == "/topics/{topic_id}"
    assert context["identity"] == {"sourceIp": "127.0.0.1", "userAgent": "me"}
    assert (context["stage"], context["httpMethod"], context["path"]) == ("local", "GET", "/topics/7")
    assert len(context["requestId"]) == 36


def test_a_text_body_passes_as_text_and_other_bytes_as_base64() -> None:
    text = event(request("/a/1/c/2", "héllo\x00".encode(), "POST", Content_Type="application/json"))
    assert (text["body"], text["isBase64Encoded"]) == ("héllo\x00", False)
    other = event(request("/a/1/c/2", b"\xff\xfe", "POST", Content_Type="application/json"))
    assert (base64.b64decode(other["body"]), other["isBase64Encoded"]) == (b"\xff\xfe", True)
    empty = event(request("/a/1/c/2", b"", "POST"))
    assert (empty["body"], empty["isBase64Encoded"]) == (None, False)


def test_a_registered_binary_type_is_always_base64() -> None:
    made = request("/a/1/c/2", b"abc", "POST", Content_Type="Image/PNG; q=1")
    route = Routes(TABLE).find(made.path)
    assert route
    assert proxy_event(made, route, "local", {"image/png"})["isBase64Encoded"]


def test_head_is_asked_as_get() -> None:
    assert event(request("/", method="HEAD"))["httpMethod"] == "GET"


@pytest.mark.parametrize("target", ["http://localhost:1/topics/7?x", "/topics/7?x"])
def test_an_absolute_target_has_the_same_path(target: str) -> None:
    assert request(target).path == "/topics/7"


def test_raw_bytes_in_a_path_are_encoded() -> None:
    assert request("/topics/\xc3\xa4").path == "/topics/%C3%A4"


def test_an_answer_becomes_a_response_with_all_its_headers() -> None:
    answer = {
        "statusCode": 201,
        "headers": {"Content-Type": "text/plain", "Content-Length": "99", "Connection": "close", "X": "a\nb"},
        "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]},
        "body": "ä",
    }
    response = response_of(answer)
    assert response.status == 201
    assert response.body == "ä".encode()
    cookies = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
    assert response.headers == [("Content-Type", "text/plain"), ("X", "a b"), *cookies]


def test_a_base64_answer_is_decoded_and_an_untyped_one_is_json() -> None:
    response = response_of({"statusCode": 200, "body": "AP8=", "isBase64Encoded": True})
    assert response.body == b"\x00\xff"
    assert response.header("content-type") == "application/json"


@pytest.mark.parametrize(
    "answer", [None, "text", {}, {"statusCode": "x"}, {"statusCode": 99}, {"statusCode": 200, "body": {"a": 1}}]
)
def test_what_is_no_proxy_answer_is_refused(answer: Any) -> None:
    with pytest.raises(ValueError, match=r"no proxy answer|not text|invalid literal"):
        response_of(answer)


def test_a_payload_counts_as_json() -> None:
    """A body of control characters is six times as long as JSON, and Lambda counts that."""
    event_of = {"body": "\x00" * 1_100_000}
    assert payload_too_large(event_of, 1_100_000)
    assert not payload_too_large({"body": "x" * 6_000_000}, 6_000_000)
    assert payload_too_large({"body": "x" * 6_300_000}, 6_300_000)


def test_a_refusal_keeps_the_error_contract_and_a_fit_request_id() -> None:
    fit = refusal(404, "not_found", "No.", request(X_Request_Id="abc-1"))
    assert fit.header("X-Request-Id") == "abc-1"
    assert b'"request_id": "abc-1"' in fit.body
    unfit = refusal(404, "not_found", "No.", request(X_Request_Id="<script>"))
    assert "<" not in unfit.header("X-Request-Id")
