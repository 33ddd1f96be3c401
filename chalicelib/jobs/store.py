"""SQL of the outbox and of idempotency keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from chalicelib.adapters.postgres import Transaction
from chalicelib.jobs.models import PRESSING, Job, JobKind, JobMessage

JOB_COLUMNS = """
    job_id, kind, subject, status, attempts, cause, request_id, result, failure_class, created_at, updated_at, ended_at
"""

# A new job; nothing where one of its kind is queued for this subject already.
INSERT = """
    INSERT INTO jobs (job_id, user_id, kind, subject, cause, request_id, due_at, not_before)
    SELECT %s, %s, %s, %s, %s, %s, due, due FROM (SELECT now() + make_interval(secs => %s) AS due) AS later
    ON CONFLICT (user_id, kind, subject) WHERE status = 'queued' DO NOTHING
    RETURNING job_id
"""

# New jobs for many subjects at once; nothing for those that have one of the kind queued already.
INSERT_MANY = """
    INSERT INTO jobs (job_id, user_id, kind, subject, cause, request_id, due_at)
    SELECT g.job_id, %(user)s, %(kind)s, g.subject, %(cause)s, %(request_id)s, now() + make_interval(secs => %(delay)s)
    FROM unnest(%(job_ids)s::uuid[], %(subjects)s::uuid[]) AS g (job_id, subject)
    ON CONFLICT (user_id, kind, subject) WHERE status = 'queued' DO NOTHING
    RETURNING job_id
"""

# The job of a kind that waits in the queue for a subject.
QUEUED = "SELECT job_id, request_id FROM jobs WHERE user_id = %s AND kind = %s AND subject = %s AND status = 'queued'"

# The same of many topics; a cause that outweighs the one it was queued for takes its place.
PRESS_QUEUED = """
    UPDATE jobs SET cause = CASE WHEN array_position(%(pressing)s, %(cause)s)
        > coalesce(array_position(%(pressing)s, cause), 0) THEN %(cause)s ELSE cause END
    WHERE user_id = %(user)s AND subject = ANY(%(subjects)s) AND kind = 'extract' AND status = 'queued'
    RETURNING job_id, request_id, subject
"""

# Takes a job that is queued, or whose holder has gone silent. Counts an attempt.
CLAIM = f"""
    UPDATE jobs SET status = 'running', attempts = attempts + 1, lease_token = %s,
        lease_until = now() + make_interval(secs => %s), updated_at = now()
    WHERE job_id = %s AND user_id = %s AND kind = %s AND attempts < %s
        AND (status = 'queued' OR (status = 'running' AND lease_until <= now()))
    RETURNING {JOB_COLUMNS}
"""

# Why a claim came to nothing. A lease that ran out after the last attempt means that nobody will finish it.
STATE = """
    SELECT status, status = 'running' AND lease_until > now() AS is_held FROM jobs WHERE job_id = %s AND user_id = %s
"""

# Another worker is at the same work right now.
SUBJECT_IS_HELD = """
    SELECT EXISTS (
        SELECT FROM jobs WHERE subject = %s AND kind = %s AND status = 'running'
            AND lease_until > now() AND job_id <> %s
    ) AS held
"""

# Ends a job for the holder of its lease.
COMPLETE = """
    UPDATE jobs SET status = 'done', result = %s, failure_class = NULL, lease_token = NULL, lease_until = NULL,
        updated_at = now(), ended_at = now()
    WHERE job_id = %s AND lease_token = %s AND status = 'running'
"""

# Ends the queued or running job of a subject whatever its holder does (a cancelled turn).
COMPLETE_SUBJECT = """
    UPDATE jobs SET status = 'done', result = %s, lease_token = NULL, lease_until = NULL,
        updated_at = now(), ended_at = now()
    WHERE subject = %s AND kind = %s AND status IN ('queued', 'running')
"""

# Gives a failed job back to the queue; where a newer one of its kind and subject waits already, that stands for both.
RELEASE = """
    WITH waiting AS MATERIALIZED (
        SELECT job_id FROM jobs WHERE user_id = %(user)s AND subject = %(subject)s AND kind = %(kind)s
            AND status = 'queued' AND job_id <> %(job)s FOR NO KEY UPDATE
    ), pressed AS (
        UPDATE jobs w SET cause = j.cause FROM waiting, jobs j
        WHERE w.job_id = waiting.job_id AND j.job_id = %(job)s AND j.lease_token = %(token)s
            AND array_position(%(pressing)s, j.cause) > coalesce(array_position(%(pressing)s, w.cause), 0)
    )
    UPDATE jobs SET lease_token = NULL, lease_until = NULL, updated_at = now(), failure_class = %(failure)s,
        due_at = now() + make_interval(secs => %(delay)s),
        status = CASE WHEN waiting.job_id IS NULL THEN 'queued' ELSE 'done' END,
        ended_at = CASE WHEN waiting.job_id IS NULL THEN NULL ELSE now() END,
        result = CASE WHEN waiting.job_id IS NULL THEN NULL
            ELSE jsonb_build_object('ok', false, 'reason', 'merged', 'job_id', waiting.job_id) END
    FROM (SELECT 1) AS always LEFT JOIN waiting ON true
    WHERE jobs.job_id = %(job)s AND jobs.lease_token = %(token)s AND jobs.status = 'running'
    RETURNING status
"""

# Keeps a slow worker's hold.
RENEW = """
    UPDATE jobs SET lease_until = now() + make_interval(secs => %s)
    WHERE job_id = %s AND lease_token = %s AND status = 'running'
"""

# The end of a job that used up its attempts.
BURY = """
    UPDATE jobs SET status = 'dead', failure_class = coalesce(failure_class, 'server'), lease_token = NULL,
        lease_until = NULL, updated_at = now(), ended_at = now(), result = '{"ok": false, "reason": "dead"}'
    WHERE job_id = %s AND user_id = %s AND attempts >= %s
        AND (status = 'queued' OR (status = 'running' AND (lease_token = %s OR lease_until <= now())))
    RETURNING subject
"""

# Gives a dead job back to the queue as new; nothing where another extraction of its topic waits there.
REDRIVE = f"""
    UPDATE jobs SET status = 'queued', attempts = 0, result = NULL, failure_class = NULL, ended_at = NULL,
        updated_at = now(), due_at = now(), not_before = now()
    WHERE job_id = %(job)s AND user_id = %(user)s AND status = 'dead' AND NOT EXISTS (
        SELECT FROM jobs w WHERE w.user_id = %(user)s AND w.subject = jobs.subject AND w.kind = 'extract'
            AND w.status = 'queued' AND jobs.kind = 'extract')
    RETURNING {JOB_COLUMNS}
"""

# A dead job for which another one stands.
MERGE_DEAD = """
    UPDATE jobs SET status = 'done', updated_at = now(),
        result = jsonb_build_object('ok', false, 'reason', 'merged', 'job_id', %s::uuid)
    WHERE job_id = %s AND user_id = %s AND status = 'dead'
"""

GET = f"SELECT {JOB_COLUMNS} FROM jobs WHERE job_id = %s AND user_id = %s"

# A page of jobs, newest first.
LIST = f"""
    SELECT {JOB_COLUMNS} FROM jobs WHERE user_id = %(user)s AND (%(before)s::uuid IS NULL OR job_id < %(before)s)
        AND (%(status)s::text IS NULL OR status = %(status)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s)
    ORDER BY job_id DESC LIMIT %(limit)s
"""

# Open jobs that should have been at work by now (system role): sent again, and not again for as long.
OVERDUE = """
    UPDATE jobs SET due_at = now() WHERE job_id IN (
        SELECT job_id FROM jobs
        WHERE due_at <= now() - make_interval(secs => %(after)s)
            AND (status = 'queued' OR (status = 'running' AND lease_until <= now()))
        ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    RETURNING job_id, user_id, kind, request_id
"""

# Age of the oldest job that waits, in seconds, per kind (system role).
QUEUE_AGES = """
    SELECT kind, greatest(extract(epoch FROM now() - min(not_before)), 0)::float8 AS age FROM jobs
    WHERE status = 'queued' GROUP BY kind
"""

# The same over all kinds, for requests: by a function of the system role, on the application's own connection.
OLDEST_QUEUED = "SELECT oldest_queued_job() AS age"

# Ends every hold and makes every open job overdue (system role; only where no worker is alive).
MAKE_ALL_DUE = """
    UPDATE jobs SET lease_until = least(lease_until, now()), due_at = least(due_at, now() - interval '1 day')
    WHERE status IN ('queued', 'running')
"""

# Forgets first answers after a week (system role; its policy sees the old ones only).
FORGET_KEYS = "DELETE FROM idempotency_keys WHERE created_at < now() - interval '7 days'"

# Takes a key, waiting for another request that holds it; no row when it was used before.
TAKE_KEY = """
    INSERT INTO idempotency_keys (user_id, key, request_sha256) VALUES (%s, %s, %s)
    ON CONFLICT (user_id, key) DO NOTHING RETURNING key
"""
FIRST_ANSWER = "SELECT request_sha256, status_code, response FROM idempotency_keys WHERE user_id = %s AND key = %s"
KEEP_ANSWER = "UPDATE idempotency_keys SET status_code = %s, response = %s WHERE user_id = %s AND key = %s"


def insert(
    tx: Transaction,
    user_id: UUID,
    job_id: UUID,
    kind: JobKind,
    subject: UUID,
    *,
    cause: str,
    request_id: str,
    delay: int,
) -> bool:
    """Returns whether the job is new: a subject has at most one queued job of a kind."""
    return tx.row(INSERT, job_id, user_id, kind, subject, cause, request_id, delay) is not None


def insert_many(
    tx: Transaction,
    user_id: UUID,
    kind: JobKind,
    subjects: dict[UUID, UUID],
    *,
    cause: str,
    request_id: str,
    delay: int,
) -> list[UUID]:
    """The ids of the jobs that are new. `subjects` by the ids their jobs are to have."""
    rows = tx.rows(
        INSERT_MANY,
        user=user_id,
        kind=kind,
        job_ids=list(subjects),
        subjects=list(subjects.values()),
        cause=cause,
        request_id=request_id,
        delay=delay,
    )
    return [row.job_id for row in rows]


def queued(tx: Transaction, user_id: UUID, kind: JobKind, subject: UUID) -> JobMessage | None:
    row = tx.row(QUEUED, user_id, kind, subject)
    if row is None:
        return None
    return JobMessage(job_id=row.job_id, user_id=user_id, kind=kind, request_id=row.request_id)


def press_queued(tx: Transaction, user_id: UUID, topic_ids: Iterable[UUID], cause: str) -> dict[UUID, JobMessage]:
    """The extractions of topics that wait in the queue, by topic; from now on for `cause`, if that outweighs theirs."""
    rows = tx.rows(PRESS_QUEUED, user=user_id, subjects=list(topic_ids), cause=cause, pressing=list(PRESSING))
    return {
        row.subject: JobMessage(job_id=row.job_id, user_id=user_id, kind=JobKind.EXTRACT, request_id=row.request_id)
        for row in rows
    }


def claim(tx: Transaction, message: JobMessage, token: UUID, *, lease: int, max_attempts: int) -> Job | None:
    row = tx.row(CLAIM, token, lease, message.job_id, message.user_id, message.kind, max_attempts)
    return Job(*row) if row else None


def state(tx: Transaction, user_id: UUID, job_id: UUID) -> Any:
    """(status, is_held), or None."""
    return tx.row(STATE, job_id, user_id)


def subject_is_held(tx: Transaction, kind: JobKind, subject: UUID, but: UUID) -> bool:
    return bool(tx.one(SUBJECT_IS_HELD, subject, kind, but).held)


def complete(tx: Transaction, job_id: UUID, token: UUID, result: dict[str, Any]) -> bool:
    return tx.run(COMPLETE, Jsonb(result), job_id, token) == 1


def complete_subject(tx: Transaction, kind: JobKind, subject: UUID, result: dict[str, Any]) -> None:
    tx.run(COMPLETE_SUBJECT, Jsonb(result), subject, kind)


def release(tx: Transaction, user_id: UUID, job: Job, token: UUID, failure_class: str, delay: float) -> str | None:
    """The job's new status, or None if the lease was lost."""
    row = tx.row(
        RELEASE, failure=failure_class, delay=delay, user=user_id, kind=job.kind, subject=job.subject,
        job=job.job_id, token=token, pressing=list(PRESSING),
    )  # fmt: skip
    return row.status if row else None


def renew(tx: Transaction, job_id: UUID, token: UUID, lease: int) -> bool:
    return tx.run(RENEW, lease, job_id, token) == 1


def bury(tx: Transaction, user_id: UUID, job_id: UUID, token: UUID | None, max_attempts: int) -> UUID | None:
    """Returns the job's subject if it died now."""
    row = tx.row(BURY, job_id, user_id, max_attempts, token)
    return row.subject if row else None


def get(tx: Transaction, user_id: UUID, job_id: UUID) -> Job | None:
    row = tx.row(GET, job_id, user_id)
    return Job(*row) if row else None


def redrive(tx: Transaction, user_id: UUID, job_id: UUID) -> Job | None:
    """
    Raises:
        psycopg.errors.UniqueViolation: an extraction of the topic is queued at this very moment.
    """
    row = tx.row(REDRIVE, job=job_id, user=user_id)
    return Job(*row) if row else None


def merge_dead(tx: Transaction, user_id: UUID, job_id: UUID, standing: UUID) -> None:
    tx.run(MERGE_DEAD, standing, job_id, user_id)


def list_jobs(
    tx: Transaction, user_id: UUID, status: str | None, kind: str | None, before: UUID | None, limit: int
) -> list[Job]:
    rows = tx.rows(LIST, user=user_id, status=status, kind=kind, before=before, limit=limit)
    return [Job(*row) for row in rows]


def overdue(tx: Transaction, after: int, limit: int) -> list[JobMessage]:
    rows = tx.rows(OVERDUE, after=after, limit=limit)
    return [JobMessage(job_id=r.job_id, user_id=r.user_id, kind=JobKind(r.kind), request_id=r.request_id) for r in rows]


def queue_ages(tx: Transaction) -> dict[JobKind, float]:
    return {JobKind(row.kind): row.age for row in tx.rows(QUEUE_AGES)}


def oldest_queued(tx: Transaction) -> float:
    return float(tx.one(OLDEST_QUEUED).age)


def make_all_due(tx: Transaction) -> int:
    return tx.run(MAKE_ALL_DUE)


def forget_keys(tx: Transaction) -> int:
    return tx.run(FORGET_KEYS)


def take_key(tx: Transaction, user_id: UUID, key: str, request_sha256: bytes) -> bool:
    return tx.row(TAKE_KEY, user_id, key, request_sha256) is not None


def first_answer(tx: Transaction, user_id: UUID, key: str) -> Any:
    """(request_sha256, status_code, response)."""
    return tx.row(FIRST_ANSWER, user_id, key)


def keep_answer(tx: Transaction, user_id: UUID, key: str, status_code: int, response: Any) -> None:
    tx.run(KEEP_ANSWER, status_code, Jsonb(response), user_id, key)
