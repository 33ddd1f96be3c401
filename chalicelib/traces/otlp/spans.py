"""OTLP/HTTP bodies, protobuf and JSON, as plain spans. Pure; the protobuf library is loaded when first needed."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.traces.errors import UnreadableBody

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan

MAX_DEPTH = 40  # of an attribute's value
TIMES = range(2**64)  # nanoseconds, as protobuf holds them
ERROR = 2  # a status code
NO_TRACE, NO_SPAN = bytes(16), bytes(8)
NO_PARENT = (b"", NO_SPAN)


class Span(NamedTuple):
    """A span as it was sent. Times are nanoseconds since 1970; `resource` is shared by the spans of one process.

    Args:
        is_error: its status says that it failed.
        events: (nanoseconds, name, attributes) of each.
    """

    trace_id: bytes
    span_id: bytes
    parent_id: bytes | None
    name: str
    start_ns: int
    end_ns: int
    is_error: bool
    message: str
    attributes: dict[str, Any]
    events: list[tuple[int, str, dict[str, Any]]]
    resource: dict[str, Any]
    scope: str


class Malformed(Exception):
    """A span that is none: its ids are not 16 and 8 bytes, or its times are not in order. `code` says which."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def read_protobuf(data: bytes) -> Iterator[Span | Malformed]:
    """
    Raises:
        UnreadableBody: it is no ExportTraceServiceRequest.
    """
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    try:
        request = ExportTraceServiceRequest.FromString(data)
    except DecodeError:
        raise UnreadableBody() from None
    for group in request.resource_spans:
        resource = _pairs(group.resource.attributes)
        for scoped in group.scope_spans:
            scope = scoped.scope.name
            for span in scoped.spans:
                status = span.status
                yield _checked(
                    span.trace_id, span.span_id, span.parent_span_id, span.name, span.start_time_unix_nano,
                    span.end_time_unix_nano, status.code == ERROR, status.message, _pairs(span.attributes),
                    _events(span) if len(span.events) else [], resource, scope,
                )  # fmt: skip


def _events(span: SentSpan) -> list[tuple[int, str, dict[str, Any]]]:
    return [(event.time_unix_nano, event.name, _pairs(event.attributes)) for event in span.events]


def _pairs(pairs: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    pair: KeyValue
    for pair in pairs:
        value = pair.value
        # Most values are text or a number, and asking for the kind of one costs as much as reading it.
        found[pair.key] = value.string_value or value.int_value or _value(value)
    return found


def _value(value: AnyValue, depth: int = 0) -> Any:
    kind = value.WhichOneof("value")
    if kind is None or depth > MAX_DEPTH:
        return None
    if kind == "array_value":
        return [_value(item, depth + 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _value(pair.value, depth + 1) for pair in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind)


def read_json(data: bytes) -> Iterator[Span | Malformed]:
    """OTLP's JSON: ids in hex, 64-bit numbers as text or numbers, enumerations as numbers.

    Raises:
        UnreadableBody
    """
    try:
        body = json.loads(data)
        groups = list(_json_spans(body))
    except (ValueError, RecursionError, TypeError, AttributeError):
        raise UnreadableBody() from None
    yield from groups


def _json_spans(body: Any) -> Iterator[Span | Malformed]:
    for group in body.get("resourceSpans") or []:
        resource = _json_pairs((group.get("resource") or {}).get("attributes"))
        for scoped in group.get("scopeSpans") or group.get("instrumentationLibrarySpans") or []:
            scope = str((scoped.get("scope") or {}).get("name") or "")
            for span in scoped.get("spans") or []:
                yield _json_span(span, resource, scope)


def _json_span(span: dict[str, Any], resource: dict[str, Any], scope: str) -> Span | Malformed:
    status = span.get("status") or {}
    try:
        return _checked(
            bytes.fromhex(span.get("traceId") or ""), bytes.fromhex(span.get("spanId") or ""),
            bytes.fromhex(span.get("parentSpanId") or ""), str(span.get("name") or ""),
            int(span.get("startTimeUnixNano") or 0), int(span.get("endTimeUnixNano") or 0),
            status.get("code") in (ERROR, "STATUS_CODE_ERROR"), str(status.get("message") or ""),
            _json_pairs(span.get("attributes")),
            [_json_event(event) for event in span.get("events") or []], resource, scope,
        )  # fmt: skip
    except (ValueError, TypeError, AttributeError, binascii.Error):
        return Malformed("not_a_span")


def _json_event(event: dict[str, Any]) -> tuple[int, str, dict[str, Any]]:
    """
    Raises:
        ValueError
    """
    at = int(event.get("timeUnixNano") or 0)
    if at not in TIMES:
        raise ValueError("no time")
    return at, str(event.get("name") or ""), _json_pairs(event.get("attributes"))


def _json_pairs(pairs: Any) -> dict[str, Any]:
    return {str(pair["key"]): _json_value(pair.get("value")) for pair in pairs or [] if "key" in pair}


def _json_value(value: Any) -> Any:
    if not isinstance(value, dict) or not value:
        return None
    kind, inner = next(iter(value.items()))
    if kind == "arrayValue":
        return [_json_value(item) for item in inner.get("values") or []]
    if kind == "kvlistValue":
        return _json_pairs(inner.get("values"))
    if kind == "intValue":
        return int(inner)
    if kind == "doubleValue":
        return float(inner)
    return inner


def _checked(
    trace_id: bytes, span_id: bytes, parent_id: bytes, name: str, start_ns: int, end_ns: int, is_error: bool,
    message: str, attributes: dict[str, Any], events: list[tuple[int, str, dict[str, Any]]],
    resource: dict[str, Any], scope: str,
) -> Span | Malformed:  # fmt: skip
    if len(trace_id) != 16 or trace_id == NO_TRACE:
        return Malformed("trace_id_invalid")
    if len(span_id) != 8 or span_id == NO_SPAN:
        return Malformed("span_id_invalid")
    if start_ns <= 0 or start_ns not in TIMES or end_ns not in TIMES:
        return Malformed("ts_invalid")
    parent = None if parent_id in NO_PARENT or parent_id == span_id else parent_id
    return Span(
        trace_id, span_id, parent, name, start_ns, max(end_ns, start_ns), is_error, message, attributes, events,
        resource, scope,
    )  # fmt: skip
