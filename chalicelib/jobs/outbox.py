"""The transactional outbox: a job row in the transaction that causes it, its message right after the commit."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from chalicelib.adapters.clock import NewId
from chalicelib.adapters.crashpoints import CrashPoints
from chalicelib.adapters.logs import describe
from chalicelib.adapters.postgres import Transaction
from chalicelib.jobs import store
from chalicelib.jobs.models import PRESSING, QUEUES, JobKind, JobMessage

log = logging.getLogger(__name__)
LONGEST_DELAY = 900  # seconds that SQS can hold a message back


class Queue(Protocol):
    """What the outbox needs of a queue service."""

    def send(self, queue: str, body: str, request_id: str, delay: int) -> None:
        """Enqueues `body`, to become visible after `delay` seconds."""

    def defer(self, queue: str, receipt_handle: str, seconds: int) -> None:
        """Makes a received message visible again after `seconds`."""


class Outbox:
    def __init__(self, queue: Queue, new_id: NewId, crash_points: CrashPoints) -> None:
        self._queue = queue
        self._new_id = new_id
        self._reach = crash_points

    def add(
        self,
        tx: Transaction,
        user_id: UUID,
        kind: JobKind,
        subject: UUID,
        *,
        cause: str,
        request_id: str,
        delay: int = 0,
    ) -> UUID:
        """Writes the job, and sends its message when `tx` is committed, to be seen `delay` seconds later.

        Where one of this kind is queued for the subject already, it stands for this cause too. Returns the job's id.
        """
        while True:  # a queued job may be claimed between the two statements; then a new one is due
            job_id = self._new_id()
            if store.insert(tx, user_id, job_id, kind, subject, cause=cause, request_id=request_id, delay=delay):
                message = JobMessage(job_id=job_id, user_id=user_id, kind=kind, request_id=request_id)
                break
            if queued := self._queued(tx, user_id, kind, subject, cause):
                message = queued
                break
        self.send_after_commit(tx, message, delay)
        return message.job_id

    def _queued(self, tx: Transaction, user_id: UUID, kind: JobKind, subject: UUID, cause: str) -> JobMessage | None:
        if kind is JobKind.EXTRACT and cause in PRESSING:
            return store.press_queued(tx, user_id, [subject], cause).get(subject)
        return store.queued(tx, user_id, kind, subject)

    def add_each(
        self, tx: Transaction, user_id: UUID, kind: JobKind, subjects: Iterable[UUID], *, cause: str, request_id: str
    ) -> dict[UUID, UUID]:
        """As `add` for many subjects, in two statements. Returns the jobs' ids by subject."""
        subjects, jobs = set(subjects), dict[UUID, UUID]()
        while left := subjects - jobs.keys():  # a queued extraction may be claimed between the two
            wanted = {self._new_id(): subject for subject in sorted(left)}
            for job_id in store.insert_many(tx, user_id, kind, wanted, cause=cause, request_id=request_id, delay=0):
                jobs[wanted[job_id]] = job_id
                message = JobMessage(job_id=job_id, user_id=user_id, kind=kind, request_id=request_id)
                self.send_after_commit(tx, message)
            if waiting := left - jobs.keys():
                for topic_id, message in store.press_queued(tx, user_id, waiting, cause).items():
                    jobs[topic_id] = message.job_id
                    self.send_after_commit(tx, message)
        return jobs

    def add_many(
        self, tx: Transaction, user_id: UUID, kind: JobKind, subjects: Iterable[UUID], *, cause: str, request_id: str,
        delay: int,
    ) -> None:  # fmt: skip
        """As `add` for many subjects, in one statement. What is queued already stands for this cause as it is."""
        wanted = {self._new_id(): subject for subject in subjects}
        if not wanted:
            return
        for job_id in store.insert_many(tx, user_id, kind, wanted, cause=cause, request_id=request_id, delay=delay):
            message = JobMessage(job_id=job_id, user_id=user_id, kind=kind, request_id=request_id)
            self.send_after_commit(tx, message, delay)

    def send_after_commit(self, tx: Transaction, message: JobMessage, delay: int = 0) -> None:
        """For a job whose row `tx` has written in a statement of its own."""
        if delay <= LONGEST_DELAY:  # else the sweep sends it when it is due
            tx.after_commit(lambda: self._send(message, delay))

    def send_waiting(self, tx: Transaction, user_id: UUID, kind: JobKind, subject: UUID, *, but: UUID) -> None:
        """Sends the job that had to wait for the one of its kind and subject that ends now (`but`)."""
        if (waiting := store.queued(tx, user_id, kind, subject)) and waiting.job_id != but:
            self.send_after_commit(tx, waiting)

    def send_again(self, messages: Iterable[JobMessage]) -> None:
        """For jobs whose messages may be lost."""
        for message in messages:
            self._send(message, 0)

    def _send(self, message: JobMessage, delay: int) -> None:
        """A failure is logged and left to the sweep: the rows are the truth."""
        self._reach("after_commit_before_send")
        try:
            self._queue.send(QUEUES[message.kind], message.model_dump_json(), message.request_id, delay)
        except Exception as error:  # noqa: BLE001 - whatever the queue's client raises, the request has succeeded
            log.warning("job not sent; the sweep will", extra={"job_id": str(message.job_id), **describe(error)})
