"""How runs, steps and events are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from glia_wire.events import idempotency_key
from pydantic import Field

from chalicelib.api.answers import Timestamp, View
from chalicelib.traces.contents import Bodies, join, named
from chalicelib.traces.models import Gap
from chalicelib.traces.runs.models import Event, Run

if TYPE_CHECKING:
    from chalicelib.traces.runs.service import StepDetail

RunStatus = Literal["running", "completed", "failed", "partial"]
INPUTS = (
    "gen_ai.input.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.tool.call.arguments",
    "input.value",
)
OUTPUTS = ("gen_ai.output.messages", "gen_ai.tool.call.result", "output.value")


class RunView(View):
    run_id: UUID
    status: RunStatus = Field(description="`partial`: closed with something missing.")
    name: str | None
    service: str | None
    framework: str | None
    tags: list[str]
    parent_run_id: UUID | None
    parent_step_id: UUID | None
    sequence_source: Literal["client", "derived"]
    health: list[str] = Field(description="What is to be known before relying on it; empty: nothing.")
    event_count: int
    step_count: int = Field(description="Visible ones.")
    incomplete_count: int
    failed_count: int
    input_tokens: int
    output_tokens: int
    cost: float
    models: list[str]
    kinds: list[str]
    next_sequence_no: int = Field(description="The lowest gap; what lies beyond is held.")
    last_sequence_no: int | None = Field(description="Of the last event, once the run has said so.")
    held_count: int = Field(description="Events that wait for a gap to fill.")
    started_at: Timestamp | None
    ended_at: Timestamp | None
    received_at: Timestamp
    closes_at: Timestamp = Field(description="When it closes if nothing more is heard.")
    closed_at: Timestamp | None
    privacy_override: str | None = Field(description="Why it may be exported though it is a privacy risk.")
    privacy_overridden_at: Timestamp | None


class RunPage(View):
    items: list[RunView]
    next_cursor: str | None


class GapView(View):
    first: int
    last: int


class GapsView(View):
    """Missing sequence numbers, in stretches, both ends included."""

    run_id: UUID
    status: RunStatus
    next_sequence_no: int
    last_sequence_no: int | None
    gaps: list[GapView]

    @classmethod
    def of(cls, run: Run, gaps: Sequence[Gap]) -> GapsView:
        return cls(
            run_id=run.run_id, status=run.status, next_sequence_no=run.next_sequence_no,
            last_sequence_no=run.last_sequence_no, gaps=[GapView(first=gap.first, last=gap.last) for gap in gaps],
        )  # fmt: skip


class TraceEventView(View):
    sequence_no: int
    event_type: str
    step_id: UUID | None
    parent_step_id: UUID | None
    kind: str | None
    name: str
    ts: Timestamp
    received_at: Timestamp
    sequence_source: str
    attributes: dict[str, Any]
    artifact_refs: list[dict[str, Any]]
    call_signature: str | None
    redaction: dict[str, Any]
    idempotency_key: str = Field(description="SHA-256 of run, step, type and number.")


class TraceEventPage(View):
    items: list[TraceEventView]
    next_cursor: str | None


class StepView(View):
    step_id: UUID
    parent_step_id: UUID | None
    kind: str | None
    name: str
    status: Literal["incomplete", "completed", "failed"]
    first_sequence_no: int
    started_sequence_no: int | None
    ended_sequence_no: int | None
    started_at: Timestamp | None
    ended_at: Timestamp | None
    first_chunk_at: Timestamp | None
    chunk_count: int
    model: str | None
    tool: str | None
    error_type: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None


class StepDetailView(StepView):
    """A step with what went in and what came out."""

    inputs: dict[str, Any]
    outputs: dict[str, Any]
    attributes: dict[str, Any] = Field(description="The rest of what its first and its terminal event say.")
    artifact_refs: list[dict[str, Any]]
    call_signature: str | None


class TimelineView(View):
    """Steps, or rows of them, in columns; words are said once and numbered."""

    run: RunView
    level: int = Field(description="0: every step; n: 4 to the n steps are one bucket.")
    bucket: int = Field(description="Steps of a bucket.")
    first: int = Field(description="Position of the first step shown.")
    count: int = Field(description="Steps shown, or added up.")
    names: list[str]
    kinds: list[str]
    models: list[str]
    statuses: list[str]
    columns: dict[str, list[int | float | None]] = Field(
        description="Times are microseconds: `start` and `end` since the run's start, `duration` from the step's own."
    )


class BundleView(View):
    """A part of a run as it is exported: `next_cursor` has the next one."""

    format: Literal["glia-trace-bundle"] = "glia-trace-bundle"
    version: Literal[1] = 1
    run: RunView
    events: list[TraceEventView]
    contents: dict[str, Any] = Field(description="By hash; what `$contents` and `$content` of the events name.")
    next_cursor: str | None


class OverrideView(View):
    run: RunView


def run_view(run: Run) -> RunView:
    held = 0 if run.is_closed else max(run.event_count - run.next_sequence_no, 0)
    shown = {name: getattr(run, name) for name in RunView.model_fields if name not in ("held_count", "cost")}
    return RunView(**shown, held_count=held, cost=float(run.cost))


def event_view(run_id: UUID, event: Event, bodies: Bodies, *, by_name: bool = False) -> TraceEventView:
    """
    Args:
        by_name: contents are left out, their hashes stand for them.
    """
    attributes = named(event.attributes, event.contents) if by_name else join(event.attributes, event.contents, bodies)
    shown = event._asdict() | {
        "attributes": attributes,
        "artifact_refs": event.artifact_refs or [],
        "idempotency_key": idempotency_key(run_id, event.step_id, event.event_type, event.sequence_no),
    }
    return TraceEventView.model_validate({name: shown[name] for name in TraceEventView.model_fields})


def step_view(detail: StepDetail) -> StepDetailView:
    merged: dict[str, Any] = {}
    refs: list[dict[str, Any]] = []
    signature = None
    for event in detail.events:
        merged |= _moved(join(event.attributes, event.contents, detail.bodies), len(refs))
        refs += event.artifact_refs or []
        signature = signature or event.call_signature
    return StepDetailView(
        **detail.step._asdict() | {"cost": None if detail.step.cost is None else float(detail.step.cost)},
        inputs={name: merged[name] for name in INPUTS if name in merged},
        outputs={name: merged[name] for name in OUTPUTS if name in merged},
        attributes={name: value for name, value in merged.items() if name not in INPUTS + OUTPUTS},
        artifact_refs=refs,
        call_signature=signature,
    )


def _moved(attributes: dict[str, Any], by: int) -> dict[str, Any]:
    """Artifacts' places, counted on from the events before."""
    return {
        name: {"$artifact": value["$artifact"] + by}
        if isinstance(value, dict) and set(value) == {"$artifact"}
        else value
        for name, value in attributes.items()
    }


def contents_view(bodies: Bodies) -> dict[str, Any]:
    return {found.hex: body for found, body in bodies.items()}
