"""The event envelope as Pydantic models: what the server takes. Needs Pydantic, which only the server has.

The envelope is strict; attributes inside it may grow, and unknown ones are kept.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Required
from uuid import UUID

from glia_wire.events import MAX_SEQUENCE
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from typing_extensions import TypedDict

EventType = Literal[
    "run.started", "run.completed", "step.started", "step.chunk", "step.completed", "step.failed", "note"
]
StepKind = Literal["model", "retriever", "tool", "planner", "validator", "safety", "agent"]
SequenceSource = Literal["client", "derived"]


def _moment(value: Any) -> datetime:
    """RFC 3339, as text, with its zone."""
    if not isinstance(value, str):
        raise ValueError("must be text")
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("must have a zone")
    return moment


Moment = Annotated[datetime, BeforeValidator(_moment)]
Id = Annotated[UUID, Field(strict=False)]  # text in JSON
Whole = Annotated[int, Field(ge=0, le=MAX_SEQUENCE)]
ORDER = "The event's place in its run; no two events of a run share one."
WHEN = "When it happened; RFC 3339 with its zone, kept to the microsecond."


class ArtifactRef(BaseModel):
    """A payload that is kept beside the event: by its artifact, or by the upload that will become one."""

    model_config = ConfigDict(extra="forbid", strict=True)

    artifact_id: Id | None = None
    upload_id: Id | None = None
    role: Annotated[str, Field(min_length=1, max_length=100)]
    media_type: Annotated[str, Field(min_length=1, max_length=100)]
    bytes: Whole


class Redaction(BaseModel):
    """What the sender's own gate found: its rules, and how many of each class."""

    model_config = ConfigDict(extra="forbid", strict=True)

    ruleset: Annotated[str, Field(pattern=r"^[a-z]{1,20}(-[0-9]{1,4})?$")]
    counts: dict[Annotated[str, Field(pattern=r"^[a-z]{1,20}$")], Whole] = Field(default={}, max_length=20)


class Event(TypedDict, total=False):
    """One ordered record of a run."""

    # No model: to make one of each event takes half as long again.
    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]

    schema_version: Required[Literal[1]]
    run_id: Required[Annotated[Id, Field(description="Yours to choose; a run is made by its first event.")]]
    step_id: Annotated[Id | None, Field(description="The step this is an event of; of `step.*` always.")]
    parent_step_id: Annotated[Id | None, Field(description="The step it happened in, which began before it.")]
    sequence_no: Required[Annotated[Whole, Field(description=ORDER)]]
    event_type: Required[EventType]
    kind: StepKind | None
    name: Annotated[str, Field(max_length=200)]
    ts: Required[Annotated[Moment, Field(description=WHEN)]]
    sequence_source: Annotated[SequenceSource, Field(description="`client` if nothing is said.")]
    attributes: Annotated[dict[str, Any], Field(description="OpenTelemetry GenAI names; unknown ones are kept.")]
    artifact_refs: Annotated[list[ArtifactRef], Field(max_length=100)]
    call_signature: Annotated[str, Field(pattern=r"^v1:[A-Za-z0-9_-]{1,64}:[0-9a-f]{64}$")] | None
    redaction: Redaction | None
