"""Traces: taking events in, looking at runs, writing Glia's own."""

from __future__ import annotations

from glia_wire.redaction import Gate

from chalicelib.traces.recording.recorder import TraceRecorder
from chalicelib.traces.runs.service import RunService
from chalicelib.traces.service import TraceIngestion
from chalicelib.wiring.outside import Outside


def ingestion(outside: Outside) -> TraceIngestion:
    settings = outside.settings
    return TraceIngestion(
        outside.db, outside.system_db, Gate(), outside.new_id, outside.clock, outside.crash_points,
        late_window=settings.late_window, run_idle=settings.run_idle,
    )  # fmt: skip


def runs(outside: Outside) -> RunService:
    return RunService(outside.db, Gate())


def recorder(outside: Outside) -> TraceRecorder:
    return TraceRecorder(ingestion(outside), Gate(), late=outside.settings.late_window)
