"""What has been explained, as the events of a run: as they would be on the wire, and what they come to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from glia_wire.events import SCHEMA_VERSION

from chalicelib.explaining.models import Explanation, Facts, Step
from chalicelib.traces.models import OWN

LONGEST = 200  # characters of a name
Envelope = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """A step with its place in the run: which events are its first and its last."""

    step: Step
    step_id: UUID
    parent_id: UUID | None
    first: int
    last: int

    @property
    def status(self) -> str:
        return "failed" if self.step.failure_class else "completed"

    @property
    def model(self) -> str | None:
        return self.word("gen_ai.request.model")

    def word(self, name: str) -> str | None:
        said = self.number(name)
        return None if said is None else said[:LONGEST]

    def number(self, name: str) -> Any:
        """What its events say first."""
        said = self.step.asked.get(name)
        return self.step.found.get(name) if said is None else said


def envelopes(told: Explanation) -> tuple[list[Envelope], list[Made]]:
    """The run's events, numbered from 0 on, and its steps in the order of their first events."""
    events = [_event(told, 0, "run.started", told.name, told.started_at, {"service": OWN, **_beginning(told)})]
    made: list[Made] = []
    for step in told.steps:
        _add(told, step, None, events, made)
    last = len(events)
    end = {"last_sequence_no": last, "status": status(told), "error.type": told.failure_class}
    events.append(_event(told, last, "run.completed", told.name, told.ended_at, end))
    return events, sorted(made, key=lambda one: one.first)


def status(told: Explanation) -> str:
    return "failed" if told.failure_class else "completed"


def _beginning(told: Explanation) -> Facts:
    return {**told.about, "tags": sorted(told.tags)} if told.tags else told.about


def _add(told: Explanation, step: Step, parent: UUID | None, events: list[Envelope], made: list[Made]) -> None:
    first = len(events)
    id_ = uuid5(told.run_id, str(first))
    place = {"step_id": str(id_), "parent_step_id": str(parent) if parent else None, "kind": step.kind}
    events.append(_event(told, first, "step.started", step.name, step.started_at, step.asked, place))
    for inner in step.steps:
        _add(told, inner, id_, events, made)
    said = {**step.found, "error.type": step.failure_class}
    ended = "step.failed" if step.failure_class else "step.completed"
    events.append(_event(told, len(events), ended, step.name, step.ended_at, said, place))
    made.append(Made(step, id_, parent, first, len(events) - 1))


def _event(
    told: Explanation, number: int, event_type: str, name: str, at: datetime, facts: Facts,
    place: dict[str, Any] | None = None,
) -> Envelope:  # fmt: skip
    return {
        "schema_version": SCHEMA_VERSION, "run_id": str(told.run_id), "sequence_no": number, "event_type": event_type,
        "name": name[:LONGEST], "ts": at.astimezone(UTC).isoformat(),
        "attributes": {key: value for key, value in facts.items() if value is not None}, **(place or {}),
    }  # fmt: skip
