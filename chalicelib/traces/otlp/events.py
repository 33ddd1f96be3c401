"""Spans as trace events: a span is a step, a trace is a run. Ids are derived, so that a resend is recognised. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from glia_wire.events import MAX_NAME, SCHEMA_VERSION

from chalicelib.traces.otlp import mapping
from chalicelib.traces.otlp.spans import Span

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def run_id(span: Span) -> UUID:
    """A trace id is as long as a UUID."""
    return UUID(bytes=span.trace_id)


def step_id(span_id: bytes) -> UUID:
    return UUID(bytes=bytes(8) + span_id)


def moment(nanoseconds: int) -> str:
    """RFC 3339, to the microsecond.

    Raises:
        OverflowError: beyond the year 9999.
    """
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{_second(seconds)}.{rest // 1000:06d}+00:00" if rest >= 1000 else f"{_second(seconds)}+00:00"


@lru_cache(maxsize=1024)  # spans of one trace begin and end in the same seconds
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:-6]


def _id(data: bytes) -> str:
    """A UUID's text, of its 16 bytes."""
    digits = data.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def of_span(span: Span) -> Iterator[dict[str, Any]]:
    """The start, what happened within it, and the end: envelopes without numbers."""
    attributes = mapping.canonical(span.attributes)
    left = mapping.with_events(attributes, span.events)
    if span.is_error:
        attributes.setdefault("error.type", "error")
        if span.message:
            attributes.setdefault("error.message", span.message)
    frame = _frame(span, mapping.kind_of(attributes))
    yield {**frame, "event_type": "step.started", "ts": moment(span.start_ns), "attributes": {}}
    for at, name, said in left:
        yield {**frame, "event_type": "note", "name": name[:MAX_NAME], "ts": moment(at), "attributes": said}
    ended = "step.failed" if span.is_error else "step.completed"
    yield {**frame, "event_type": ended, "ts": moment(span.end_ns), "attributes": attributes}


def _frame(span: Span, kind: str | None) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": _id(span.trace_id),
        "step_id": _id(bytes(8) + span.span_id),
        "parent_step_id": _id(bytes(8) + span.parent_id) if span.parent_id else None,
        "kind": kind,
        "name": span.name[:MAX_NAME],
        "sequence_source": "derived",
    }


def of_run(root: Span) -> dict[str, Any]:
    """`run.started`, made of the first span that is known; a later one with no parent names the run."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": _id(root.trace_id),
        "step_id": None,
        "parent_step_id": None,
        "event_type": "run.started",
        "kind": None,
        "name": root.name[:MAX_NAME],
        "ts": moment(root.start_ns),
        "sequence_source": "derived",
        "attributes": {
            "service": str(root.resource.get("service.name") or "")[:MAX_NAME],
            "framework": root.scope[:MAX_NAME],
            "resource": root.resource,
            "mapping": mapping.MAPPING_VERSION,
        },
    }
