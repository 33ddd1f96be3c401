"""Asking for runs: lists, timelines, steps, events, gaps, bundles; overriding a privacy risk; erasing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from glia_wire.redaction import Gate

from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.traces.contents import Bodies
from chalicelib.traces.errors import NoPrivacyRisk, PrivacyRisk, TraceRunNotFound, TraceStepNotFound
from chalicelib.traces.models import Gap
from chalicelib.traces.runs import store, timeline
from chalicelib.traces.runs.models import Event, Filter, Page, Run, Step
from chalicelib.traces.runs.timeline import Window

PRIVACY_RISK = "privacy_risk"
ROOM = 3 * 1024 * 1024  # bytes of one page's events, contents included
MAX_GAPS = 1000


@dataclass(frozen=True, slots=True)
class StepDetail:
    """A step with its first and its terminal event, and what their placeholders stand for."""

    step: Step
    events: list[Event]
    bodies: Bodies


class RunService:
    """
    Args:
        gate: redacts what users write about runs.
    """

    def __init__(self, db: Database, gate: Gate) -> None:
        self._db = db
        self._gate = gate

    def runs(self, user_id: UUID, wanted: Filter, before: tuple[datetime, UUID] | None, limit: int) -> list[Run]:
        """The last received first."""
        with self._db.user(user_id) as tx:
            return store.list_runs(tx, user_id, wanted, before, limit)

    def get(self, user_id: UUID, run_id: UUID) -> Run:
        with self._db.user(user_id) as tx:
            return _found(store.get(tx, user_id, run_id))

    def now(self, tx: Transaction, user_id: UUID, run_id: UUID) -> Run:
        """The run as it stands in a transaction of the caller's.

        Raises:
            TraceRunNotFound
        """
        return _found(store.get(tx, user_id, run_id))

    def gaps(self, user_id: UUID, run_id: UUID) -> tuple[Run, list[Gap]]:
        """The run, and its missing sequence numbers, the lowest first, at most `MAX_GAPS` stretches."""
        with self._db.user(user_id) as tx:
            run = _found(store.get(tx, user_id, run_id))
            return run, store.gaps(tx, user_id, run, MAX_GAPS)

    def timeline(
        self, user_id: UUID, run_id: UUID, level: int | None, first: int, last: int | None
    ) -> tuple[Run, Window, dict[str, Any]]:
        with self._db.user(user_id) as tx:
            run = _found(store.get(tx, user_id, run_id))
            window = timeline.window(run, level, first, last)
            if window.level == 0:
                return run, window, timeline.steps(store.skeleton(tx, user_id, run, first, window.count), first)
            found = store.buckets(tx, user_id, run, first, window.count, window.size)
            return run, window, timeline.buckets(found)

    def step(self, user_id: UUID, run_id: UUID, step: UUID | int) -> StepDetail:
        """
        Raises:
            TraceRunNotFound, TraceStepNotFound
        """
        with self._db.user(user_id) as tx:
            found = store.step(tx, user_id, run_id, step)
            if found is None:
                raise TraceStepNotFound()
            numbers = {found.first_sequence_no, found.started_sequence_no, found.ended_sequence_no} - {None}
            events = store.events_at(tx, user_id, run_id, sorted(n for n in numbers if n is not None))
            return StepDetail(found, events, store.bodies(tx, user_id, _hashes(events)))

    def events(self, user_id: UUID, run_id: UUID, step_id: UUID | None, after: int, limit: int) -> Page:
        """Visible events in order, as many as fit a page."""
        with self._db.user(user_id) as tx:
            run = _found(store.get(tx, user_id, run_id))
            return _page(tx, user_id, run, step_id, after, limit)

    def bundle(self, user_id: UUID, run_id: UUID, after: int, limit: int) -> tuple[Run, Page]:
        """A part of a run as it is exported.

        Raises:
            TraceRunNotFound, PrivacyRisk
        """
        with self._db.user(user_id) as tx:
            run = _found(store.get(tx, user_id, run_id))
            if PRIVACY_RISK in run.health and run.privacy_override is None:
                raise PrivacyRisk()
            return run, _page(tx, user_id, run, None, after, limit, by_name=True)

    def override(self, tx: Transaction, user_id: UUID, run_id: UUID, reason: str) -> Run:
        """Records why a privacy-risk run may be exported and replayed nevertheless.

        Raises:
            TraceRunNotFound, NoPrivacyRisk
        """
        run = _found(store.lock(tx, user_id, run_id))
        if PRIVACY_RISK not in run.health:
            raise NoPrivacyRisk()
        store.override(tx, user_id, run_id, str(self._gate.redact_text(reason).value))
        return _found(store.get(tx, user_id, run_id))

    def delete(self, user_id: UUID, run_id: UUID) -> None:
        """
        Raises:
            TraceRunNotFound
        """
        with self._db.user(user_id) as tx:
            if not store.delete(tx, user_id, run_id):
                raise TraceRunNotFound()


def _page(
    tx: Transaction, user_id: UUID, run: Run, step_id: UUID | None, after: int, limit: int, *, by_name: bool = False
) -> Page:
    found = store.events(tx, user_id, run, step_id=step_id, after=after, limit=limit + 1, room=ROOM)
    events = found[:limit]
    has_more = len(found) > limit or (bool(events) and sum(event.bytes for event in events) >= ROOM)
    return Page(events, store.bodies(tx, user_id, _hashes(events), by_name=by_name), has_more)


def _hashes(events: list[Event]) -> list[UUID]:
    return list({found for event in events for found in event.contents or ()})


def _found(run: Run | None) -> Run:
    if run is None:
        raise TraceRunNotFound()
    return run
