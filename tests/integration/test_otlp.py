"""OpenTelemetry's spans, taken in over `/v1/traces`."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from chalicelib import wiring
from chalicelib.settings import Settings
from chalicelib.traces.otlp.spans import read_protobuf
from tests.support.api import Api
from tests.support.crashing import Crash
from tests.support.queue import RecordingQueue

AT = 1_790_000_000_000_000_000
PROTOBUF = "application/x-protobuf"


class Trace:
    """A trace of `count` spans: the first is the root, every other one's parent is a span before it."""

    def __init__(self, count: int, secret: str = "") -> None:
        self.trace_id = uuid4()
        self.count = count
        self.secret = secret

    @property
    def path(self) -> str:
        return f"/runs/{self.trace_id}"

    def body(self, numbers: list[int]) -> bytes:
        request = ExportTraceServiceRequest()
        group = request.resource_spans.add()
        group.resource.attributes.add(key="service.name").value.string_value = "shop"
        scoped = group.scope_spans.add()
        for number in numbers:
            span = scoped.spans.add(
                trace_id=self.trace_id.bytes, span_id=(number + 1).to_bytes(8, "big"), name=f"span {number}",
                start_time_unix_nano=AT + number * 1_000_000, end_time_unix_nano=AT + (2 * self.count - number) * 10**6,
            )  # fmt: skip
            if number:
                span.parent_span_id = ((number - 1) // 3 + 1).to_bytes(8, "big")
            span.attributes.add(key="gen_ai.operation.name").value.string_value = (
                "chat" if number % 2 else "invoke_agent"
            )
            span.attributes.add(key="llm.token_count.prompt").value.int_value = 10
            span.attributes.add(key="input.value").value.string_value = f"question {number} {self.secret}"
        return request.SerializeToString()


def post(api: Api, body: bytes, media: str = PROTOBUF, **headers: str) -> Any:
    return api.request("POST", "/v1/traces", raw=body, headers={"Content-Type": media, **headers})


def sent(api: Api, body: bytes) -> ExportTraceServiceResponse:
    response = post(api, body)
    assert response.status_code == 200, response.body
    assert response.headers["Content-Type"] == PROTOBUF
    return ExportTraceServiceResponse.FromString(response.body)


def test_a_trace_is_a_run_and_its_spans_are_steps(api: Api) -> None:
    """Visible at once, named by its root, with kinds, parents, tokens and what was said."""
    trace = Trace(7)
    assert not sent(api, trace.body(list(range(7)))).HasField("partial_success")
    run = api.get(trace.path)
    assert (run["name"], run["service"], run["step_count"], run["input_tokens"]) == ("span 0", "shop", 7, 70)
    assert run["status"] == "running"
    assert set(run["kinds"]) == {"agent", "model"}
    step = api.get(f"{trace.path}/steps/{UUID(int=3)}")
    assert "question 2" in json.dumps(step)
    assert api.get("/runs?kind=model")["items"][0]["run_id"] == str(trace.trace_id)


def test_what_is_sent_again_changes_nothing(api: Api) -> None:
    """In other bodies, in another order, by four senders at once: the same run."""
    trace = Trace(40)
    chance = random.Random(7)
    bodies = []
    for _ in range(4):
        numbers = chance.sample(range(40), 40)
        bodies += [trace.body(numbers[at : at + 10]) for at in range(0, 40, 10)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda body: sent(api, body), bodies))
    assert not any(answer.HasField("partial_success") for answer in answers)
    run = api.get(trace.path)
    assert (run["step_count"], run["incomplete_count"], run["name"]) == (40, 0, "span 0")
    assert api.get(f"/traces{trace.path}/gaps")["gaps"] == []


def test_numbers_are_given_by_start_and_span_when_the_trace_ends(api: Api, superuser: Callable[..., None]) -> None:
    """Whatever order the spans came in; then the run is completed, and another span of it is refused by its code."""
    trace = Trace(9)
    for number in random.Random(3).sample(range(9), 9):
        sent(api, trace.body([number]))
    superuser("UPDATE trace_runs SET closes_at = now() - interval '1 second' WHERE run_id = %s", trace.trace_id)
    api.services.traces.close_due()
    run = api.get(trace.path)
    assert (run["status"], run["health"]) == ("completed", [])
    events = api.get(f"{trace.path}/events?limit=200")["items"]
    assert [event["sequence_no"] for event in events] == list(range(20))
    starts = [event["step_id"] for event in events if event["event_type"] == "step.started"]
    assert starts == [str(UUID(int=number + 1)) for number in range(9)]
    assert (events[0]["event_type"], events[-1]["event_type"]) == ("run.started", "run.completed")
    assert not sent(api, trace.body([4])).HasField("partial_success")
    late = Trace(12)
    late.trace_id = trace.trace_id
    answer = sent(api, late.body([11])).partial_success
    assert (answer.rejected_spans, answer.error_message) == (1, "run_closed: 1")


def test_a_trace_whose_time_is_over_ends_as_ever_though_a_late_span_comes_with_anothers(
    api: Api, superuser: Callable[..., None]
) -> None:
    """Between its end and the sweep the span is refused, and the trace still gets its numbers for good."""
    ended, other = Trace(4), Trace(2)
    sent(api, ended.body([0, 2, 1]))
    superuser("UPDATE trace_runs SET closes_at = now() - interval '1 second' WHERE run_id = %s", ended.trace_id)
    refused = sent(api, _joined([ended.body([3]), other.body([0, 1])])).partial_success
    assert (refused.rejected_spans, refused.error_message) == (1, "run_closed: 1")
    assert api.get(ended.path)["status"] == "running"
    api.services.traces.close_due()
    assert api.get(ended.path)["status"] == "completed"
    events = api.get(f"{ended.path}/events")["items"]
    assert [event["name"] for event in events if event["event_type"] == "step.started"] == [
        "span 0",
        "span 1",
        "span 2",
    ]
    assert api.get(other.path)["step_count"] == 2


def test_json_and_gzip_are_read_too(api: Api) -> None:
    """And a span that is none costs itself only."""
    trace_id = uuid4()
    good = {
        "traceId": trace_id.hex, "spanId": "00000000000000aa", "name": "a", "startTimeUnixNano": str(AT),
        "endTimeUnixNano": str(AT + 1),
    }  # fmt: skip
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [good, {**good, "spanId": "zz"}]}]}]}
    response = post(api, gzip.compress(json.dumps(body).encode()), "application/json", **{"Content-Encoding": "gzip"})
    assert json.loads(response.body) == {"partialSuccess": {"rejectedSpans": 1, "errorMessage": "not_a_span: 1"}}
    assert api.get(f"/runs/{trace_id}")["step_count"] == 1
    packed = gzip.compress(Trace(2).body([0, 1]))
    assert post(api, packed, **{"Content-Encoding": "gzip"}).status_code == 200


def test_a_span_is_kept_whole_or_not_at_all(api: Api) -> None:
    """One with 2 MB of text is counted, its neighbours are there; sent again without that text, it is there, too."""
    trace = Trace(3)
    request = ExportTraceServiceRequest.FromString(trace.body([0, 1, 2]))
    spans = request.resource_spans[0].scope_spans[0].spans
    spans[1].attributes.add(key="output.value").value.string_value = "x" * 2_000_000
    answer = sent(api, request.SerializeToString()).partial_success
    assert (answer.rejected_spans, answer.error_message) == (1, "event_too_large: 1")
    run = api.get(trace.path)
    assert (run["step_count"], run["incomplete_count"], run["event_count"]) == (2, 0, 5)
    assert not sent(api, trace.body([0, 1, 2])).HasField("partial_success")
    assert api.get(trace.path)["step_count"] == 3


def said(**value: Any) -> dict[str, Any]:
    """A span in OTLP's JSON with one attribute."""
    times = {"startTimeUnixNano": str(AT), "endTimeUnixNano": str(AT + 1)}
    return {"spanId": uuid4().hex[:16], "name": "a", **times, "attributes": [{"key": "x", "value": value}]}


def test_what_cannot_be_kept_of_spans_is_refused_or_replaced(api: Api) -> None:
    """Times out of range, numbers that are none, and what is too deep, by their codes; NUL and lone surrogates."""
    trace_id = uuid4()
    deep: Any = "x"
    for _ in range(70):
        deep = {"arrayValue": {"values": [deep]}} if deep != "x" else {"stringValue": "x"}
    spans = [
        said(stringValue="kept \x00 and \ud800") | {"name": "n\x00"},
        said(doubleValue="NaN"),
        said(stringValue="NaN \\u0000"),
        said(**deep),
        said(stringValue="x") | {"startTimeUnixNano": "9" * 40},
        said(stringValue="x") | {"startTimeUnixNano": "1"},
        said(stringValue="x") | {"events": [{"name": "e", "timeUnixNano": "9" * 40}]},
    ]
    spans = [span | {"traceId": trace_id.hex} for span in spans]
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
    answer = json.loads(post(api, body, "application/json").body)["partialSuccess"]
    codes = "not_a_span: 1, number_out_of_range: 1, too_deep: 1, ts_invalid: 1, ts_out_of_range: 1"
    assert answer == {"rejectedSpans": 5, "errorMessage": codes}
    run = api.get(f"/runs/{trace_id}")
    assert (run["step_count"], run["incomplete_count"], run["health"]) == (2, 0, ["characters_replaced"])
    events = api.get(f"/runs/{trace_id}/events")["items"]
    assert sorted(event["name"] for event in events if event["step_id"]) == ["a", "a", "n\ufffd", "n\ufffd"]
    assert {"kept \ufffd and \ufffd\ufffd\ufffd", "NaN \\u0000"} == {
        event["attributes"]["x"] for event in events if event["event_type"] == "step.completed"
    }


def test_a_secret_in_a_span_is_kept_nowhere(api: Api, superuser_rows: Callable[[str], list[Any]]) -> None:
    """The gate is the same as for every other way in."""
    sent(api, Trace(2, "AKIAIOSFODNN7EXAMPLE and eve@example.org").body([0, 1]))
    assert superuser_rows("AKIAIOSFODNN7EXAMPLE") == []
    assert superuser_rows("eve@example.org") == []


@pytest.mark.parametrize(
    ("body", "media", "encoding", "status"),
    [
        (b"\xff\xff", PROTOBUF, "", 400),
        (b"{", "application/json", "", 400),
        (b'{"resourceSpans": 1}', "application/json", "", 400),
        (b"x", "text/plain", "", 415),
        (b"\x1f\x8b broken", PROTOBUF, "gzip", 400),
        (gzip.compress(bytes(80 * 1024 * 1024), mtime=0), PROTOBUF, "gzip", 413),
        (b"x", PROTOBUF, "br", 400),
    ],
    ids=["not protobuf", "not JSON", "another JSON", "another type", "broken gzip", "a zip bomb", "another encoding"],
)
def test_bodies_that_cannot_be_read_are_refused(api: Api, body: bytes, media: str, encoding: str, status: int) -> None:
    """With a code, and nothing is kept."""
    headers = {"Content-Encoding": encoding} if encoding else {}
    response = post(api, body, media, **headers)
    assert response.status_code == status, response.body
    assert json.loads(response.body)["error"]["code"]


def test_the_number_of_statements_does_not_grow_with_the_spans(
    api: Api, settings: Settings, queue: RecordingQueue, home: Path
) -> None:
    """Two hundred spans take what two take."""
    counts, statements = list[int](), list[str]()
    counted = wiring.build(settings, queue=queue, observe=statements.append)
    wiring.use(counted)
    sent(api, Trace(1).body([0]))
    for count in (2, 200):
        statements.clear()
        sent(api, Trace(count).body(list(range(count))))
        counts.append(len(statements))
    counted.close()
    assert counts[0] == counts[1] <= 16


def test_a_large_body_is_taken_in_parts_and_whole(api: Api, settings: Settings, queue: RecordingQueue) -> None:
    """Of several traces, some spans there already: all or nothing, each once, in at most three times the statements."""
    traces = [Trace(450) for _ in range(3)]
    statements: list[str] = []
    counted = wiring.build(settings, queue=queue, observe=statements.append)
    wiring.use(counted)
    sent(api, traces[1].body(list(range(200, 260))))
    statements.clear()
    sent(api, _joined(trace.body(list(range(450))) for trace in traces))
    assert len(statements) <= 3 * 12
    assert [api.get(trace.path)["step_count"] for trace in traces] == 3 * [450]
    assert all(api.get(f"/traces{trace.path}/gaps")["gaps"] == [] for trace in traces)
    counted.close()


def test_a_body_of_which_a_part_fails_leaves_nothing(api: Api, settings: Settings, queue: RecordingQueue) -> None:
    """The worker dies while a later part is stored: no span of the body is there, and it can be sent again."""
    trace, reached = Trace(1000), list[str]()

    def die_late(name: str) -> None:
        reached.append(name)
        if len(reached) == 3:
            raise Crash

    dying = wiring.build(settings, queue=queue, crash_points=die_late)
    spans = list(read_protobuf(trace.body(list(range(1000)))))
    with pytest.raises(Crash), dying.db.user(api.user_id) as tx:
        dying.spans.take(tx, api.user_id, spans)
    dying.close()
    assert api.request("GET", trace.path).status_code == 404
    assert not sent(api, trace.body(list(range(1000)))).HasField("partial_success")
    assert api.get(trace.path)["step_count"] == 1000


def _joined(bodies: Iterable[bytes]) -> bytes:
    request = ExportTraceServiceRequest()
    for body in bodies:
        request.MergeFrom(ExportTraceServiceRequest.FromString(body))
    return request.SerializeToString()
