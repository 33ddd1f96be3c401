"""API Gateway's part: an HTTP request as a Lambda proxy event, a proxy answer as an HTTP response. Pure functions."""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

Headers = list[tuple[str, str]]

GATEWAY_BODY_MAX = 10 * 1024 * 1024
LAMBDA_PAYLOAD_MAX = 6 * 1024 * 1024
HANDLER_SECONDS_MAX = 29.0

REQUEST_ID = "X-Request-Id"
# JSON may write a character of one byte as six (\u0000), and the event around a body has its own size.
JSON_GROWTH, ENVELOPE = 6, 64 * 1024
# What concerns one connection only, and the length that the server computes itself.
NOT_FORWARDED = frozenset(
    {"connection", "content-length", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailers"}
    | {"transfer-encoding", "upgrade"}
)


@dataclass(frozen=True)
class Request:
    """One HTTP request as it arrived. `target` is the raw request target; header names keep their case and repeat."""

    method: str
    target: str
    headers: Headers
    body: bytes
    source_ip: str

    @property
    def path(self) -> str:
        """The path as sent, still percent-encoded; other bytes than ASCII are percent-encoded here."""
        path = (
            re.split("[?#]", self.target, maxsplit=1)[0] if self.target.startswith("/") else urlsplit(self.target).path
        )
        return quote(path.encode("latin-1"), safe="/%!$&'()*+,;=:@-._~[]") or "/"

    @property
    def query(self) -> dict[str, list[str]] | None:
        """Decoded parameters, each with all its values; None without any, as API Gateway has it."""
        text = self.target.partition("#")[0].partition("?")[2]
        return parse_qs(text, keep_blank_values=True) or None

    def header(self, name: str) -> str | None:
        """The last value of a header, names compared without case."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return values[-1] if values else None


@dataclass(frozen=True)
class Response:
    """An HTTP response ready to be sent."""

    status: int
    headers: Headers
    body: bytes

    @property
    def reason(self) -> str:
        return HTTPStatus(self.status).phrase if self.status in HTTPStatus._value2member_map_ else "Unknown"

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


@dataclass(frozen=True)
class Route:
    """A matched resource: its path template and the captured parameters, still percent-encoded."""

    resource: str
    parameters: dict[str, str]


class Routes:
    """A Chalice route table, asked by concrete path. A fixed segment wins over a parameter."""

    def __init__(self, table: Mapping[str, Iterable[str]]) -> None:
        self._methods = {resource: sorted(methods) for resource, methods in table.items()}
        self._order = sorted(self._methods, key=lambda resource: [part.startswith("{") for part in resource.split("/")])

    def find(self, path: str) -> Route | None:
        """The route of a raw path; a slash at its end makes no difference, as in API Gateway."""
        parts = (path.rstrip("/") or "/").split("/")
        for resource in self._order:
            captured = _capture(resource.split("/"), parts)
            if captured is not None:
                return Route(resource, captured)
        return None

    def methods(self, resource: str) -> list[str]:
        return self._methods[resource]


def _capture(template: list[str], parts: list[str]) -> dict[str, str] | None:
    if len(template) != len(parts):
        return None
    captured = {}
    for expected, part in zip(template, parts, strict=True):
        if expected.startswith("{") and expected.endswith("}"):
            if not part:
                return None
            captured[expected[1:-1]] = part
        elif expected != unquote(part):
            return None
    return captured


def proxy_event(request: Request, route: Route, stage: str, binary_types: Iterable[str] = ()) -> dict[str, Any]:
    """The REST proxy event of a request. HEAD is asked as GET.

    A body that is not UTF-8, or whose type is one of `binary_types`, is passed as base64.
    """
    multi_headers = _by_name(request.headers)
    query = request.query
    body, encoded = _body_text(request, binary_types)
    method = "GET" if request.method == "HEAD" else request.method
    return {
        "resource": route.resource,
        "path": request.path,
        "httpMethod": method,
        "headers": {name: values[-1] for name, values in multi_headers.items()},
        "multiValueHeaders": multi_headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} if query else None,
        "multiValueQueryStringParameters": query,
        "pathParameters": route.parameters or None,
        "stageVariables": None,
        "requestContext": _request_context(request, route, method, stage),
        "body": body,
        "isBase64Encoded": encoded,
    }


def _by_name(headers: Headers) -> dict[str, list[str]]:
    """All values of each header, under the spelling it came with first."""
    spelling: dict[str, str] = {}
    grouped: dict[str, list[str]] = {}
    for name, value in headers:
        grouped.setdefault(spelling.setdefault(name.lower(), name), []).append(value)
    return grouped


def _request_context(request: Request, route: Route, method: str, stage: str) -> dict[str, Any]:
    now = time.time()
    return {
        "accountId": "000000000000",
        "apiId": "local",
        "resourceId": route.resource,
        "resourcePath": route.resource,
        "httpMethod": method,
        "path": request.path,
        "stage": stage,
        "protocol": "HTTP/1.1",
        "requestId": str(uuid.uuid4()),
        "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(now * 1000),
        "domainName": request.header("host") or "",
        "identity": {"sourceIp": request.source_ip, "userAgent": request.header("user-agent")},
    }


def _body_text(request: Request, binary_types: Iterable[str]) -> tuple[str | None, bool]:
    if not request.body:
        return None, False
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if kind not in binary_types:
        try:
            return request.body.decode("utf-8"), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode("ascii"), True


def payload_too_large(payload: Any, body_length: int, limit: int = LAMBDA_PAYLOAD_MAX) -> bool:
    """Whether a Lambda payload is over `limit` bytes as JSON; serialized only where its body might take it there."""
    if body_length * JSON_GROWTH + ENVELOPE < limit:
        return False
    return len(json.dumps(payload, ensure_ascii=False, default=str).encode("utf-8", "replace")) > limit


def response_of(answer: Any) -> Response:
    """The HTTP response of a Lambda proxy answer.

    Raises:
        ValueError: the answer is not one; API Gateway answers 502.
    """
    if not isinstance(answer, dict) or not 200 <= int(answer.get("statusCode", 0)) <= 599:
        raise ValueError("no proxy answer")
    body = answer.get("body") or ""
    if not isinstance(body, str | bytes):
        raise ValueError("the body is not text")
    if answer.get("isBase64Encoded"):
        content = base64.b64decode(body)
    else:
        content = body.encode() if isinstance(body, str) else body
    return Response(int(answer["statusCode"]), _answer_headers(answer), content)


def _answer_headers(answer: dict[str, Any]) -> Headers:
    """Single and multiple headers together; where both name one, the multiple ones hold all of its values.

    API Gateway calls an answer without a type JSON.
    """
    multiple = answer.get("multiValueHeaders") or {}
    named = {name.lower() for name in multiple}
    pairs = [(name, value) for name, value in (answer.get("headers") or {}).items() if name.lower() not in named]
    pairs += [(name, value) for name, values in multiple.items() for value in values]
    if not any(name.lower() == "content-type" for name, _ in pairs):
        pairs.append(("Content-Type", "application/json"))
    return [(name, _header_text(value)) for name, value in pairs if name.lower() not in NOT_FORWARDED]


def _header_text(value: Any) -> str:
    return re.sub(r"[\r\n]+", " ", str(value)).encode("latin-1", "replace").decode("latin-1")


def refusal(status: int, code: str, message: str, request: Request, extra: Headers | None = None) -> Response:
    """An error of the gateway itself, in the contract's shape, under the caller's request id if it sent a fit one."""
    request_id = request.header(REQUEST_ID) or ""
    if not re.fullmatch(r"[\w.:-]{1,128}", request_id, re.ASCII):
        request_id = str(uuid.uuid4())
    error = {"code": code, "message": message, "details": {}, "request_id": request_id}
    headers = [("Content-Type", "application/json"), (REQUEST_ID, request_id), *(extra or [])]
    return Response(status, headers, json.dumps({"error": error}).encode())
