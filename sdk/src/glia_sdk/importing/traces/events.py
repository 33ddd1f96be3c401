"""From a run to its events: ids, numbers, order and times, the same at every import."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from glia_wire.canonical import canonical_json, content_hash
from glia_wire.events import (
    NOTE,
    RUN_COMPLETED,
    RUN_STARTED,
    SCHEMA_VERSION,
    STEP_COMPLETED,
    STEP_FAILED,
    STEP_STARTED,
)

from glia_sdk.importing.traces.model import ImportedRun, Step

IMPORTER = "glia-import-trace/1"  # goes up when the same recording would make other events
NAMESPACE = UUID("5a0f2c3e-7a3b-5d8e-9a44-6f5b1d2c8e71")
UNTIMED = datetime(2026, 1, 1, tzinfo=UTC)  # where a recording has no times at all
TICK = timedelta(milliseconds=1)  # between two events whose times are not recorded
LISTED = 200  # unmapped paths that a run names itself

Event = dict[str, Any]


def run_id(format_name: str, run: ImportedRun) -> UUID:
    """By what the source calls the run and what is in it.

    Raises:
        ValueError: it holds something that has no canonical JSON.
    """
    digest = content_hash(canonical_json(run.source))
    return uuid5(
        NAMESPACE, "\n".join((IMPORTER, format_name, run.identity, digest)).encode("utf-8", "replace").decode()
    )


def events(format_name: str, run: ImportedRun) -> Iterator[Event]:
    """The envelopes of a run, not redacted yet.

    Raises:
        ValueError: as `run_id`.
    """
    made = run_id(format_name, run)
    marks = list(_marks(run))
    times, kinds = _times(run, marks)
    head = _start(format_name, run, kinds)
    yield _event(made, 0, RUN_STARTED, run.name, times[0], head)
    number = 0
    for number, ((step, event_type), at) in enumerate(zip(marks, times[1:], strict=False), start=1):
        attributes = step.outputs if event_type in (STEP_COMPLETED, STEP_FAILED) else step.inputs
        yield _of_step(made, number, event_type, step, at, attributes)
    end = {**run.outputs, "last_sequence_no": number + 1, "status": "failed" if run.is_failed else "completed"}
    yield _event(made, number + 1, RUN_COMPLETED, run.name, times[-1], end)


def _start(format_name: str, run: ImportedRun, kinds: str) -> dict[str, Any]:
    told: dict[str, Any] = {**run.attributes, "tags": ["imported", *run.tags]}
    told |= {"framework": run.framework} if run.framework else {}
    told |= {
        "glia.import.format": format_name, "glia.import.format.version": run.version,
        "glia.import.importer": IMPORTER, "glia.import.times": kinds,
    }  # fmt: skip
    if run.unmapped:
        listed = [f"{path}: {count}" for path, count in sorted(run.unmapped.items())]
        told["glia.import.unmapped"] = listed[:LISTED]
        told["glia.import.unmapped.count"] = len(listed)
    return told


Mark = tuple[Step, str]


def _marks(run: ImportedRun) -> Iterator[Mark]:
    """Beginnings and ends of steps, nested; or, where all times are known, in their order."""
    marks = list(_nested(run.steps))
    if not run.is_timed:
        return iter(marks)
    begins: dict[str, datetime] = {}
    moments: list[datetime] = []
    for step, event_type in marks:
        if event_type in (STEP_STARTED, NOTE):
            above = begins.get(step.parent or "")
            at = max(filter(None, (step.started, above)), default=UNTIMED)
            begins[step.key] = at
        else:
            at = max(step.ended or UNTIMED, begins[step.key])
        moments.append(at)
    order = sorted(range(len(marks)), key=lambda place: (moments[place], place))
    return iter([marks[place] for place in order])


def _nested(steps: list[Step]) -> Iterator[Mark]:
    """A step begins, then come those within it, then it ends."""
    children: dict[str | None, list[Step]] = {}
    for step in steps:
        children.setdefault(step.parent, []).append(step)
    waiting: list[Mark] = [(step, "") for step in reversed(children.get(None, []))]
    while waiting:
        step, event_type = waiting.pop()
        if event_type:
            yield step, event_type
        elif step.kind == NOTE:
            yield step, NOTE
        else:
            yield step, STEP_STARTED
            waiting.append((step, STEP_FAILED if step.is_failed else STEP_COMPLETED))
            waiting += [(child, "") for child in reversed(children.get(step.key, []))]


def _times(run: ImportedRun, marks: list[Mark]) -> tuple[list[datetime], str]:
    """A time for each event, those of the run's beginning and end included, and how they came about."""
    known = [at for step in run.steps for at in (step.started, step.ended) if at is not None]
    last = min(known, default=UNTIMED)
    times, begins = [last], dict[str, datetime]()
    recorded = 0
    for step, event_type in marks:
        is_end = event_type in (STEP_COMPLETED, STEP_FAILED)
        at = step.ended if is_end else step.started
        if at is not None:
            recorded += 1
        elif is_end and step.seconds is not None:
            at = begins[step.key] + timedelta(seconds=min(step.seconds, 1e6))
        elif not is_end and step.ended is not None:
            at = min(last + TICK, step.ended)
        else:
            at = last + TICK
        if not is_end:
            begins[step.key] = at
        last = max(last, at)
        times.append(at)
    times.append(last)
    if not recorded:
        return times, "derived"
    return times, "recorded" if recorded == len(marks) else "partly derived"


def _of_step(made: UUID, number: int, event_type: str, step: Step, at: datetime, attributes: dict[str, Any]) -> Event:
    is_note = event_type == NOTE
    about = step.parent if is_note else step.key
    event = _event(made, number, event_type, step.name, at, attributes)
    event["step_id"] = str(uuid5(made, about)) if about else None
    if not is_note:
        event["kind"] = step.kind
        event["parent_step_id"] = str(uuid5(made, step.parent)) if step.parent else None
    return event


def _event(made: UUID, number: int, event_type: str, name: str, at: datetime, attributes: dict[str, Any]) -> Event:
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": str(made),
        "step_id": None,
        "parent_step_id": None,
        "sequence_no": number,
        "event_type": event_type,
        "kind": None,
        "name": name,
        "ts": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z",
        "sequence_source": "client",
        "attributes": attributes,
        "call_signature": None,
    }
