"""Glia's own runs: a whole finished run, written inside the transaction of what it explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from glia_wire.events import SCHEMA_VERSION

from chalicelib.adapters.postgres import Transaction
from chalicelib.traces.service import TraceIngestion

SERVICE = "glia"


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """One event of a run of Glia's own. Attributes name messages and outputs by id and hash; they hold no copies."""

    event_type: str
    name: str
    at: datetime
    step_id: UUID | None = None
    parent_step_id: UUID | None = None
    kind: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A finished run. Its start and end are written around its events.

    Args:
        status: `completed` or `failed`.
        events: those of its steps, in order.
    """

    run_id: UUID
    name: str
    started_at: datetime
    ended_at: datetime
    status: str
    events: Sequence[RecordedEvent]
    tags: Sequence[str] = ()
    attributes: dict[str, Any] = field(default_factory=dict)


class TraceRecorder:
    """Writes Glia's own runs."""

    def __init__(self, ingestion: TraceIngestion) -> None:
        self._ingestion = ingestion

    def record(self, tx: Transaction, user_id: UUID, run: RecordedRun) -> UUID:
        """Writes the run in the caller's transaction, in at most eight statements whatever its size. Written twice, it
        is there once.

        Returns:
            Its id, to be kept on the row that it explains.

        Raises:
            ValueError: an event is not one that can be stored.
        """
        receipts = self._ingestion.take(tx, user_id, envelopes(run))
        refused = {receipt.code for receipt in receipts if receipt.status == "rejected"}
        if refused:
            raise ValueError(f"the run cannot be recorded: {', '.join(sorted(map(str, refused)))}")
        return run.run_id


def envelopes(run: RecordedRun) -> list[dict[str, Any]]:
    """The run's events as they are on the wire."""
    last = len(run.events) + 1
    start = {**run.attributes, "service": SERVICE, "tags": list(run.tags)}
    end = {"last_sequence_no": last, "status": run.status}
    everything = [
        RecordedEvent("run.started", run.name, run.started_at, attributes=start),
        *run.events,
        RecordedEvent("run.completed", run.name, run.ended_at, attributes=end),
    ]
    return [_envelope(run.run_id, number, event) for number, event in enumerate(everything)]


def _envelope(run_id: UUID, number: int, event: RecordedEvent) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": str(run_id),
        "sequence_no": number,
        "step_id": event.step_id and str(event.step_id),
        "parent_step_id": event.parent_step_id and str(event.parent_step_id),
        "event_type": event.event_type,
        "kind": event.kind,
        "name": event.name,
        "ts": event.at.astimezone(UTC).isoformat(),
        "attributes": event.attributes,
    }
