"""The discipline every delivery follows: claim, work, complete; and what becomes of one that fails."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

import psycopg

from chalicelib.adapters.clock import NewId
from chalicelib.adapters.crashpoints import CrashPoints
from chalicelib.adapters.logs import describe
from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.errors import GliaError
from chalicelib.jobs import store
from chalicelib.jobs.errors import DeadJob, UnknownJob
from chalicelib.jobs.models import Claim, JobKind, JobMessage, Outcome
from chalicelib.jobs.outbox import Outbox

log = logging.getLogger(__name__)
MAX_BACKOFF = 900.0


class Handler(Protocol):
    """One kind of work."""

    lease: int

    def handle(self, message: JobMessage, token: UUID) -> Outcome:
        """Does the work. Runs twice, at once, and may die anywhere; its effect carries the job's completion."""

    def on_dead(self, tx: Transaction, user_id: UUID, subject: UUID, request_id: str) -> None:
        """What else must be so when the job is given up, in the same transaction."""


class Claims:
    """Taking a job, or knowing why not."""

    def __init__(self, *, max_attempts: int) -> None:
        self._max_attempts = max_attempts

    def claim(self, tx: Transaction, message: JobMessage, token: UUID, lease: int) -> Claim | None:
        """The claim, or None if the job is done or somebody is at it.

        Raises:
            UnknownJob: there is no such job. DeadJob: it used up its attempts.
        """
        job = store.claim(tx, message, token, lease=lease, max_attempts=self._max_attempts)
        if job:
            return Claim(job, message.user_id, token)
        state = store.state(tx, message.user_id, message.job_id)
        if state is None:
            raise UnknownJob()
        if state.status == "done" or state.is_held:
            return None
        raise DeadJob()


class Worker:
    """Delivers queue messages to their handlers."""

    def __init__(
        self,
        db: Database,
        outbox: Outbox,
        handlers: Mapping[JobKind, Handler],
        new_id: NewId,
        crash_points: CrashPoints,
        *,
        max_attempts: int,
        backoff_base: float,
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._handlers = handlers
        self._new_id = new_id
        self._reach = crash_points
        self._max_attempts = max_attempts
        self._backoff_base = backoff_base

    def deliver(self, message: JobMessage) -> Outcome:
        """Handles one message.

        Raises:
            GliaError: the record must fail, so that the queue brings it again or puts it among the dead letters.
        """
        token = self._new_id()
        try:
            outcome = self._handlers[message.kind].handle(message, token)
        except UnknownJob:
            raise
        except Exception as error:
            self._after_failure(message, token, error)
            raise
        self._reach("after_commit_before_ack")
        return outcome

    def backoff(self, attempt: int) -> float:
        """Seconds to wait after the `attempt`-th failure, doubling from the base."""
        return min(self._backoff_base * 2.0 ** max(attempt - 1, 0), MAX_BACKOFF)

    def _after_failure(self, message: JobMessage, token: UUID, error: Exception) -> None:
        extra = {"job_id": str(message.job_id), **describe(error)}
        log.warning("delivery failed", extra=extra)
        try:
            self._bury_or_release(message, token, error)
        except (GliaError, psycopg.Error) as second:
            log.warning("job not released; its lease will run out", extra={**extra, "then": type(second).__name__})

    def _bury_or_release(self, message: JobMessage, token: UUID, error: Exception) -> None:
        try:
            self._end_or_requeue(message, token, error)
        except psycopg.errors.UniqueViolation:  # another of its kind was queued meanwhile: now it is seen
            self._end_or_requeue(message, token, error)

    def _end_or_requeue(self, message: JobMessage, token: UUID, error: Exception) -> None:
        user_id, job_id = message.user_id, message.job_id
        with self._db.user(user_id) as tx:
            subject = store.bury(tx, user_id, job_id, token, self._max_attempts)
            if subject is not None:
                self._handlers[message.kind].on_dead(tx, user_id, subject, message.request_id)
            elif job := store.get(tx, user_id, job_id):
                failure = getattr(error, "failure_class", "server")
                store.release(tx, user_id, job, token, failure, self.backoff(job.attempts))
                subject = job.subject
            if subject is not None:
                self._outbox.send_waiting(tx, user_id, message.kind, subject, but=job_id)
