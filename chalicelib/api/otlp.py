"""`/v1/traces`: OpenTelemetry's own way in, OTLP over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalice.app import Response
from pydantic import Field

from chalicelib.api.answers import View
from chalicelib.api.requests import Body
from chalicelib.api.resource import Call, Resource
from chalicelib.errors import TooLarge
from chalicelib.traces.bodies import BODY_BYTES, inflate
from chalicelib.traces.errors import UnreadableBody
from chalicelib.traces.otlp.spans import read_json, read_protobuf

if TYPE_CHECKING:
    from chalicelib.traces.otlp.service import Taken

resource = Resource("otlp", "traces")
JSON, PROTOBUF = "application/json", "application/x-protobuf"


class ResourceSpansBody(Body):
    """An `ExportTraceServiceRequest`, as JSON or protobuf."""

    resourceSpans: list[dict[str, Any]] = Field(default=[])  # noqa: N815 - OpenTelemetry's name


class PartialSuccess(View):
    rejectedSpans: int  # noqa: N815
    errorMessage: str  # noqa: N815


class ExportView(View):
    """An `ExportTraceServiceResponse`; empty where all spans are kept."""

    partialSuccess: PartialSuccess | None = None  # noqa: N815


@resource.post("/v1/traces", body=ResourceSpansBody, answers={200: ExportView}, media=(JSON, PROTOBUF))
def post_spans(call: Call) -> Response:
    """Take OpenTelemetry spans in.

    For any OTLP/HTTP exporter: set `OTEL_EXPORTER_OTLP_ENDPOINT` to this address and put an API key into
    `OTEL_EXPORTER_OTLP_HEADERS`. A trace becomes a run, a span a step; a span sent again changes nothing. Names follow
    the semantic conventions for generative AI, older ones and OpenInference's are understood, others are kept. Up to
    6 MB a body, gzip or not. Spans that cannot be kept are counted, with their codes, in `partialSuccess`.
    """
    headers = call.request.headers
    is_protobuf = (headers.get("content-type") or "").partition(";")[0].strip().lower() == PROTOBUF
    data = _data(call.raw_body, (headers.get("content-encoding") or "").strip().lower())
    spans = list(read_protobuf(data) if is_protobuf else read_json(data))
    with call.services.db.user(call.user_id) as tx:
        taken = call.services.spans.take(tx, call.user_id, spans)
    return _protobuf(taken) if is_protobuf else _json(taken)


def _data(raw: bytes, encoding: str) -> bytes:
    """
    Raises:
        TooLarge, BrokenCompression, InflatedTooLarge, UnreadableBody
    """
    if len(raw) > BODY_BYTES:
        raise TooLarge("The body is larger than 6 MB.")
    if encoding not in ("", "identity", "gzip"):
        raise UnreadableBody()
    return inflate(raw) if encoding == "gzip" else raw


def _json(taken: Taken) -> Response:
    answer: dict[str, Any] = {}
    if taken.rejected:
        answer = {"partialSuccess": {"rejectedSpans": taken.rejected.total(), "errorMessage": taken.message}}
    return Response(json.dumps(answer), {"Content-Type": JSON}, 200)


def _protobuf(taken: Taken) -> Response:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    answer = ExportTraceServiceResponse()
    if taken.rejected:
        answer.partial_success.rejected_spans = taken.rejected.total()
        answer.partial_success.error_message = taken.message
    return Response(answer.SerializeToString(), {"Content-Type": PROTOBUF}, 200)
