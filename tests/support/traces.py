"""Events for tests of traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from tests.support.api import Api

Event = dict[str, Any]
PROTOBUF = "application/x-protobuf"


def event(run_id: str, sequence_no: int, event_type: str = "note", **fields: Any) -> Event:
    """An event as a client sends it."""
    return {
        "schema_version": 1,
        "run_id": run_id,
        "sequence_no": sequence_no,
        "event_type": event_type,
        "name": fields.pop("name", event_type),
        "ts": f"2026-03-01T08:{sequence_no // 60 % 60:02d}:{sequence_no % 60:02d}.000000Z",
        **fields,
    }


def run_events(run_id: str, steps: int, *, name: str = "a run") -> list[Event]:
    """A whole run of model calls inside an agent's step: `2 * steps + 4` events."""
    agent = str(UUID(int=UUID(run_id).int ^ 1))
    made = [
        event(run_id, 0, "run.started", name=name, attributes={"tags": ["night"], "service": "tests"}),
        event(run_id, 1, "step.started", step_id=agent, kind="agent", name="agent"),
    ]
    for n in range(steps):
        step = {"step_id": str(UUID(int=UUID(run_id).int ^ (n + 2))), "parent_step_id": agent, "kind": "model"}
        asked = {"gen_ai.request.model": "small", "gen_ai.input.messages": [{"role": "user", "content": f"ask {n}"}]}
        said = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": n, "gen_ai.usage.cost": 0.1}
        made.append(event(run_id, len(made), "step.started", name=f"call {n % 3}", attributes=asked, **step))
        made.append(event(run_id, len(made), "step.completed", name=f"call {n % 3}", attributes=said, **step))
    made.append(event(run_id, len(made), "step.completed", step_id=agent, kind="agent", name="agent"))
    end = {"last_sequence_no": len(made), "status": "completed"}
    return [*made, event(run_id, len(made), "run.completed", attributes=end)]


def new_run() -> str:
    return str(uuid4())


def send(api: Api, *events: Event) -> list[str]:
    """Sends a batch. Returns each event's status, or the code of its rejection."""
    receipts = api.post("/traces/events", {"events": list(events)})["receipts"]
    assert [receipt["index"] for receipt in receipts] == list(range(len(events)))
    return [receipt["code"] or receipt["status"] for receipt in receipts]


def spans(trace_id: UUID, numbers: list[int]) -> bytes:
    """An export of OpenTelemetry: a root, numbered 0, and its children."""
    request = ExportTraceServiceRequest()
    scoped = request.resource_spans.add().scope_spans.add()
    for number in numbers:
        start = 1_790_000_000_000_000_000 + number * 1_000_000
        scoped.spans.add(
            trace_id=trace_id.bytes, span_id=(number + 1).to_bytes(8, "big"), name=f"span {number}",
            parent_span_id=(1).to_bytes(8, "big") if number else b"", start_time_unix_nano=start,
            end_time_unix_nano=start + 1_000_000,
        )  # fmt: skip
    return request.SerializeToString()
