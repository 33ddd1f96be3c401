"""What OpenTelemetry's spans mean: kinds, names old and new, messages, and the events made of a span."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from chalicelib.traces.errors import UnreadableBody
from chalicelib.traces.otlp import events, mapping
from chalicelib.traces.otlp.spans import Malformed, Span, read_json, read_protobuf

TRACE, ONE, TWO = bytes(range(16)), b"\x01" * 8, b"\x02" * 8
AT = 1_700_000_000_000_000_123


def span(attributes: dict[str, Any] | None = None, **fields: Any) -> Span:
    given: dict[str, Any] = {
        "trace_id": TRACE, "span_id": ONE, "parent_id": None, "name": "call", "start_ns": AT, "end_ns": AT + 5_000_000,
        "is_error": False, "message": "", "attributes": attributes or {}, "events": [], "resource": {}, "scope": "s",
    }  # fmt: skip
    return Span(**{**given, **fields})


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"gen_ai.operation.name": "chat"}, "model"),
        ({"gen_ai.operation.name": "execute_tool"}, "tool"),
        ({"gen_ai.operation.name": "invoke_agent"}, "agent"),
        ({"openinference.span.kind": "RETRIEVER"}, "retriever"),
        ({"openinference.span.kind": "GUARDRAIL"}, "safety"),
        ({"openinference.span.kind": "EVALUATOR"}, "validator"),
        ({"openinference.span.kind": "PROMPT"}, "planner"),
        ({"llm.model_name": "m"}, "model"),
        ({"gen_ai.tool.name": "search"}, "tool"),
        ({"http.method": "GET"}, None),
    ],
)
def test_the_kind_of_a_step(attributes: dict[str, Any], kind: str | None) -> None:
    """By operation, by OpenInference's kind, else by what is named; nothing is guessed."""
    assert mapping.kind_of(mapping.canonical(attributes)) == kind


@pytest.mark.parametrize("canonical", mapping.SYNONYMS)
def test_older_names_are_understood_and_the_canonical_one_wins(canonical: str) -> None:
    """Every name of the table."""
    for other in mapping.SYNONYMS[canonical]:
        assert mapping.canonical({other: "7"})[canonical] in ("7", 7)
        assert mapping.canonical({other: "7", canonical: "8"})[canonical] in ("8", 8)


def test_numbered_names_become_lists() -> None:
    """OpenInference's messages with tool calls, and the older `gen_ai.prompt.N`."""
    said = mapping.canonical(
        {
            "llm.input_messages.1.message.role": "user",
            "llm.input_messages.1.message.content": "b",
            "llm.input_messages.0.message.role": "system",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "search",
            "gen_ai.completion.0.content": "not taken: the other is there",
            "gen_ai.prompt.x": "no number",
        }
    )
    assert said["gen_ai.input.messages"] == [{"role": "system"}, {"role": "user", "content": "b"}]
    assert said["gen_ai.output.messages"] == [{"tool_calls": [{"function": {"name": "search"}}]}]


def test_json_text_is_read_where_a_value_is_meant() -> None:
    """And left alone where it is no JSON, or no such attribute."""
    said = mapping.canonical({"gen_ai.input.messages": '[{"role": "user"}]', "input.value": "[1]", "tool.output": "[1"})
    assert said == {"gen_ai.input.messages": [{"role": "user"}], "input.value": "[1]", "gen_ai.tool.call.result": "[1"}


def test_a_span_is_a_step_and_what_happened_within_it_are_notes() -> None:
    """Notes and the end; messages and exceptions that older conventions tell by events are attributes of the end."""
    made = list(
        events.of_span(
            span(
                {"gen_ai.system": "openai", "gen_ai.request.model": "m"},
                parent_id=TWO, is_error=True, message="no",
                events=[
                    (AT + 1, "gen_ai.user.message", {"content": "hi", "gen_ai.system": "openai"}),
                    (AT + 2, "cache.miss", {"key": "k"}),
                    (AT + 3, "exception", {"exception.type": "E", "exception.message": "m"}),
                ],
            )
        )
    )  # fmt: skip
    assert [one.event_type for one in made] == ["note", "step.failed"]
    assert made[0].name == "cache.miss"
    said = made[1].attributes
    assert said["gen_ai.input.messages"] == [{"role": "user", "content": "hi"}]
    assert (said["error.type"], said["error.message"], said["gen_ai.provider.name"]) == ("E", "m", "openai")
    assert {one.kind for one in made} == {"model"}
    assert made[0].parent_step_id == UUID("00000000-0000-0000-0202-020202020202")
    assert made[0].ts == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def request() -> ExportTraceServiceRequest:
    made = ExportTraceServiceRequest()
    group = made.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "shop"
    scoped = group.scope_spans.add()
    scoped.scope.name = "scope"
    one = scoped.spans.add(trace_id=TRACE, span_id=ONE, name="a", start_time_unix_nano=AT, end_time_unix_nano=AT + 1)
    listed = one.attributes.add(key="list").value.array_value.values
    listed.add().int_value = 3
    listed.add().bool_value = True
    one.attributes.add(key="map").value.kvlist_value.values.add(key="k").value.double_value = 0.5
    one.attributes.add(key="raw").value.bytes_value = b"\x00\xff"
    one.events.add(name="e", time_unix_nano=AT).attributes.add(key="x").value.string_value = "y"
    return made


def in_json() -> bytes:
    """The same in OTLP's JSON, in which ids are hex."""
    value: dict[str, Any] = {
        "traceId": TRACE.hex(), "spanId": ONE.hex(), "name": "a", "startTimeUnixNano": str(AT),
        "endTimeUnixNano": AT + 1,
        "attributes": [
            {"key": "list", "value": {"arrayValue": {"values": [{"intValue": "3"}, {"boolValue": True}]}}},
            {"key": "map", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"doubleValue": 0.5}}]}}},
            {"key": "raw", "value": {"bytesValue": "AP8="}},
        ],
        "events": [
            {"name": "e", "timeUnixNano": AT, "attributes": [{"key": "x", "value": {"stringValue": "y"}}]},
        ],
    }  # fmt: skip
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    scoped = {"scope": {"name": "scope"}, "spans": [value]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scoped]}]}).encode()


def test_protobuf_and_json_say_the_same() -> None:
    """Ids, times, values of all types, events, resource and scope."""
    (one,) = read_protobuf(request().SerializeToString())
    assert isinstance(one, Span)
    assert one.attributes == {"list": [3, True], "map": {"k": 0.5}, "raw": "AP8="}
    assert list(read_json(in_json())) == [one]


def test_a_bad_span_costs_itself_only() -> None:
    """Ids of another length, no time at all; its neighbour is read."""
    made = request()
    spans = made.resource_spans[0].scope_spans[0].spans
    spans.add(trace_id=TRACE[:5], span_id=ONE, start_time_unix_nano=AT)
    spans.add(trace_id=TRACE, span_id=bytes(8), start_time_unix_nano=AT)
    spans.add(trace_id=TRACE, span_id=TWO)
    read = list(read_protobuf(made.SerializeToString()))
    assert [one.code for one in read if isinstance(one, Malformed)] == [
        "trace_id_invalid", "span_id_invalid", "ts_invalid",
    ]  # fmt: skip
    assert isinstance(read[0], Span)


@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"[1]", b'{"resourceSpans": 3}', b"{", b"[" * 100_000])
def test_a_body_that_is_none_is_refused(body: bytes) -> None:
    """In both forms, by its code."""
    with pytest.raises(UnreadableBody):
        list(read_json(body))
    if body.startswith(b"\xff"):
        with pytest.raises(UnreadableBody):
            list(read_protobuf(body))
