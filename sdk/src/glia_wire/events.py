"""The trace event on the wire: its version, its words and its bounds."""

from __future__ import annotations

import hashlib
from typing import Final
from uuid import UUID

SCHEMA_VERSION: Final = 1

RUN_STARTED: Final = "run.started"
RUN_COMPLETED: Final = "run.completed"
STEP_STARTED: Final = "step.started"
STEP_CHUNK: Final = "step.chunk"
STEP_COMPLETED: Final = "step.completed"
STEP_FAILED: Final = "step.failed"
NOTE: Final = "note"
EVENT_TYPES: Final = (RUN_STARTED, RUN_COMPLETED, STEP_STARTED, STEP_CHUNK, STEP_COMPLETED, STEP_FAILED, NOTE)
# What must name a step, and what must not. A note may or may not.
STEP_EVENTS: Final = frozenset({STEP_STARTED, STEP_CHUNK, STEP_COMPLETED, STEP_FAILED})
RUN_EVENTS: Final = frozenset({RUN_STARTED, RUN_COMPLETED})
TERMINAL_EVENTS: Final = frozenset({STEP_COMPLETED, STEP_FAILED})

STEP_KINDS: Final = ("model", "retriever", "tool", "planner", "validator", "safety", "agent")
SEQUENCE_SOURCES: Final = ("client", "derived")

MAX_SEQUENCE: Final = 2**53
MAX_NAME: Final = 200  # characters
INLINE_LIMIT: Final = 64 * 1024  # bytes of one event's attributes as canonical JSON
ARTIFACT_INLINE_LIMIT: Final = 256 * 1024  # bytes of an artifact sent inside its request
BATCH_EVENTS: Final = 1000
BATCH_BYTES: Final = 4 * 1024 * 1024  # of a request body, uncompressed
ARTIFACT_KEY: Final = "$artifact"  # {"$artifact": index} stands for an attribute that was moved out


def idempotency_key(run_id: UUID | str, step_id: UUID | str | None, event_type: str, sequence_no: int) -> str:
    """SHA-256, in hex, of what makes an event the same event: run, step, type and number."""
    parts = (str(run_id), "" if step_id is None else str(step_id), event_type, str(sequence_no))
    return hashlib.sha256("\n".join(parts).lower().encode()).hexdigest()
