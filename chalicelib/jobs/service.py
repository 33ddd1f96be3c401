"""Following jobs, sweeping them, and the first answers of repeated writes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg

from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.errors import NotFound
from chalicelib.jobs import store
from chalicelib.jobs.errors import IdempotencyConflict, JobNotDead, JobOfTurn
from chalicelib.jobs.models import Job, JobKind, JobMessage
from chalicelib.jobs.outbox import Outbox

SWEEP_PAGE = 500  # jobs
SWEEP_PAGES = 10
Answer = tuple[int, Any]  # status code and JSON body


Redriven = Callable[[Transaction, UUID, UUID, UUID], None]


class JobService:
    """
    Args:
        redriven: told, in the same transaction, of a user's dead job and of the one that is queued for it now.
    """

    def __init__(
        self, db: Database, system_db: Database, outbox: Outbox, redriven: Redriven, *, sweep_after: int
    ) -> None:
        self._db = db
        self._system_db = system_db
        self._outbox = outbox
        self._redriven = redriven
        self._sweep_after = sweep_after

    def get(self, user_id: UUID, job_id: UUID) -> Job:
        with self._db.user(user_id) as tx:
            job = store.get(tx, user_id, job_id)
        if job is None:
            raise NotFound("There is no such job.")
        return job

    def jobs(
        self, user_id: UUID, status: str | None, kind: JobKind | None, before: UUID | None, limit: int
    ) -> list[Job]:
        """Newest first."""
        with self._db.user(user_id) as tx:
            return store.list_jobs(tx, user_id, status, kind, before, limit)

    def redrive(self, tx: Transaction, user_id: UUID, job_id: UUID) -> Job:
        """Gives a dead job back to the queue. Returns it, or the extraction that waits there already and stands for it.

        Raises:
            NotFound, JobNotDead, JobOfTurn
        """
        dead = store.get(tx, user_id, job_id)
        if dead is None:
            raise NotFound("There is no such job.")
        if dead.kind == JobKind.TURN:
            raise JobOfTurn()
        while not (standing := self._requeued(tx, user_id, job_id) or self._standing(tx, user_id, dead)):
            pass  # what was queued has just been claimed
        self._redriven(tx, user_id, job_id, standing.job_id)
        kind = JobKind(standing.kind)
        self._outbox.send_after_commit(
            tx, JobMessage(job_id=standing.job_id, user_id=user_id, kind=kind, request_id=standing.request_id)
        )
        return standing

    def _requeued(self, tx: Transaction, user_id: UUID, job_id: UUID) -> Job | None:
        try:
            with tx.attempt():
                return store.redrive(tx, user_id, job_id)
        except psycopg.errors.UniqueViolation:  # an extraction of the topic was queued meanwhile: now it is seen
            return None

    def _standing(self, tx: Transaction, user_id: UUID, dead: Job) -> Job | None:
        """The extraction that waits in the queue.

        Raises:
            JobNotDead
        """
        now = store.get(tx, user_id, dead.job_id)
        if now is None or now.status != "dead":
            raise JobNotDead()
        waiting = store.press_queued(tx, user_id, [dead.subject], dead.cause).get(dead.subject)
        if waiting is None:
            return None
        store.merge_dead(tx, user_id, dead.job_id, waiting.job_id)
        return store.get(tx, user_id, waiting.job_id)

    def sweep(self, after: int | None = None) -> int:
        """Sends again what should have been at work for `after` seconds, up to a bound. Returns how many jobs."""
        sent = 0
        for _ in range(SWEEP_PAGES):
            with self._system_db.nobody() as tx:
                overdue = store.overdue(tx, self._sweep_after if after is None else after, SWEEP_PAGE)
            self._outbox.send_again(overdue)
            sent += len(overdue)
            if len(overdue) < SWEEP_PAGE:
                break
        with self._system_db.nobody() as tx:
            store.forget_keys(tx)
        return sent

    def queue_ages(self) -> dict[JobKind, float]:
        """Seconds the oldest waiting job of each kind has waited."""
        with self._system_db.nobody() as tx:
            return store.queue_ages(tx)

    def oldest(self) -> float:
        """Seconds that the oldest waiting job of any kind has waited; 0 if none waits."""
        with self._db.nobody() as tx:
            return store.oldest_queued(tx)


def recover(system_db: Database) -> int:
    """After a crash of everything: ends the holds of workers that are gone, and makes every open job due for the sweep.

    Only for a start at which no worker is alive. Returns how many jobs are open.
    """
    with system_db.nobody() as tx:
        return store.make_all_due(tx)


def first_answer(tx: Transaction, user_id: UUID, key: str, request: bytes) -> Answer | None:
    """What a request under this key was answered the first time; None if it is the first.

    Raises:
        IdempotencyConflict
    """
    first = store.first_answer(tx, user_id, key)
    if first is None or first.status_code is None:
        return None
    if bytes(first.request_sha256) != hashlib.sha256(request).digest():
        raise IdempotencyConflict()
    return first.status_code, first.response


def once(tx: Transaction, user_id: UUID, key: str | None, request: bytes, write: Callable[[], Answer]) -> Answer:
    """Runs `write` in `tx`, or answers what it answered the first time under this key.

    Args:
        key: the Idempotency-Key; None runs `write` plainly.
        request: what was asked; another request under the same key is refused.

    Raises:
        IdempotencyConflict
    """
    if key is None:
        return write()
    digest = hashlib.sha256(request).digest()
    if not store.take_key(tx, user_id, key, digest):
        first = store.first_answer(tx, user_id, key)
        if bytes(first.request_sha256) != digest:
            raise IdempotencyConflict()
        return first.status_code, first.response
    status, body = write()
    store.keep_answer(tx, user_id, key, status, body)
    return status, body
