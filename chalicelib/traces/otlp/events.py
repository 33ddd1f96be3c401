"""Spans as trace events: a span is a step, a trace is a run. Ids are derived, so that a resend is recognised. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

from glia_wire.events import MAX_NAME

from chalicelib.traces.models import Made
from chalicelib.traces.otlp import mapping
from chalicelib.traces.otlp.spans import Span


@lru_cache(maxsize=1024)  # a body's spans are of few traces
def run_id(trace_id: bytes) -> UUID:
    """A trace id is as long as a UUID."""
    return UUID(bytes=trace_id)


@lru_cache(maxsize=4096)  # a parent comes with each of its children
def step_id(span_id: bytes) -> UUID:
    return UUID(int=int.from_bytes(span_id))


def moment(nanoseconds: int) -> datetime:
    """To the microsecond, as long as a float holds those since 1970: until 2112."""
    return datetime.fromtimestamp(nanoseconds // 1000 / 10**6, UTC)


def of_span(span: Span) -> Iterator[Made]:
    """What happened within it, and the end. The start says nothing that the end does not, but when it was."""
    attributes = mapping.canonical(span.attributes)
    left = mapping.with_events(attributes, span.events) if span.events else ()
    if span.is_error:
        attributes.setdefault("error.type", "error")
        if span.message:
            attributes.setdefault("error.message", span.message)
    run, step = run_id(span.trace_id), step_id(span.span_id)
    parent = step_id(span.parent_id) if span.parent_id else None
    kind, name = mapping.kind_of(attributes), span.name[:MAX_NAME]
    for at, what, said in left:
        yield Made(run, "note", step, parent, kind, what[:MAX_NAME], moment(at), said)
    ended = "step.failed" if span.is_error else "step.completed"
    yield Made(run, ended, step, parent, kind, name, moment(span.end_ns), attributes)


def of_run(root: Span) -> Made:
    """`run.started`, made of the first span that is known; a later one with no parent names the run."""
    words = {
        "service": str(root.resource.get("service.name") or "")[:MAX_NAME],
        "framework": root.scope[:MAX_NAME],
        "resource": root.resource,
        "mapping": mapping.MAPPING_VERSION,
    }
    began = moment(root.start_ns)
    return Made(run_id(root.trace_id), "run.started", None, None, None, root.name[:MAX_NAME], began, words)
