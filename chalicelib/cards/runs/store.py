"""SQL of extract runs, their attempts, topic windows, and the state of a topic that they depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from chalicelib.adapters.postgres import Transaction
from chalicelib.cards.models import Extractor, ExtractRun, SourceMessage
from chalicelib.explaining.models import Call


@dataclass(frozen=True, slots=True)
class TopicState:
    """What an extraction starts from and is checked against when it is applied."""

    conversation_id: str
    revision: int
    cards_run_id: UUID | None
    cards_revision: int | None
    cards_end_id: int | None


@dataclass(frozen=True, slots=True)
class Source:
    """The messages a run is about."""

    hash: bytes
    start_id: int
    end_id: int
    message_count: int
    window_count: int


@dataclass(frozen=True, slots=True)
class Made:
    """What a run came to. `provider` and `model` are what gave most of the cards it extracted."""

    provider: str
    model: str | None
    fallback_used: bool
    failure_class: str | None
    dropped: int
    windows_extracted: int
    latency_ms: int
    input_tokens: int | None
    output_tokens: int | None
    agreement: float | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run as its holder has it. `trace_run_id` is for what will explain this attempt."""

    run_id: UUID
    attempt: int
    upgrades: int
    trace_run_id: UUID


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A run that has been ended without its holder."""

    run_id: UUID
    attempt: int
    topic_id: UUID
    job_id: UUID
    cause: str
    failure_class: str
    trace_run_id: UUID | None
    ended_at: datetime


# The topic, held against other extractions, deletions and moves until the transaction ends.
LOCK_TOPIC = """
    SELECT conversation_id, revision, cards_run_id, cards_revision, cards_end_id FROM topics
    WHERE topic_id = %s AND user_id = %s FOR NO KEY UPDATE
"""

# The same for the topic that an open job is about.
LOCK_TOPIC_OF_JOB = """
    SELECT conversation_id, revision, cards_run_id, cards_revision, cards_end_id FROM topics
    WHERE user_id = %(user)s AND topic_id = (SELECT subject FROM jobs
        WHERE job_id = %(job)s AND user_id = %(user)s AND status IN ('queued', 'running')) FOR NO KEY UPDATE
"""

# A run of a topic's messages, oldest first.
MESSAGES = """
    SELECT message_id, role, content FROM messages
    WHERE topic_id = %s AND user_id = %s AND message_id BETWEEN %s AND %s ORDER BY message_id LIMIT %s
"""

TOPIC_EXISTS = "SELECT EXISTS (SELECT FROM topics WHERE topic_id = %s AND user_id = %s) AS found"
IS_EMPTY = "SELECT NOT EXISTS (SELECT FROM messages WHERE topic_id = %s AND user_id = %s) AS is_empty"

# Takes the run of this source: a new row, or one that failed, was superseded or lost its holder, or one that finished
# but has something left to extract for this job. No row if it is finished.
CLAIM = """
    INSERT INTO card_extract_runs AS r (run_id, user_id, conversation_id, topic_id, source_hash, status,
        intended_provider, intended_model, prompt_version, rules_version, lease_token, job_id, request_id, cause,
        revision, messages_range_start_id, messages_range_end_id, message_count, window_count, trace_run_id)
    VALUES (%(run)s, %(user)s, %(conversation)s, %(topic)s, %(source_hash)s, 'running', %(provider)s, %(model)s,
        %(prompt_version)s, %(rules_version)s, %(token)s, %(job)s, %(request_id)s, %(cause)s, %(revision)s,
        %(start_id)s, %(end_id)s, %(message_count)s, %(window_count)s, %(trace_run)s)
    ON CONFLICT (topic_id, user_id, source_hash) DO UPDATE SET status = 'running', attempt = r.attempt + 1,
        lease_token = excluded.lease_token, job_id = excluded.job_id, request_id = excluded.request_id,
        cause = excluded.cause, revision = excluded.revision, failure_class = NULL, ended_at = NULL,
        trace_run_id = excluded.trace_run_id,
        upgrades = r.upgrades + CASE WHEN excluded.cause = 'upgrade' THEN 1 ELSE 0 END
    WHERE r.status <> 'finished' OR (%(redo)s AND r.job_id <> excluded.job_id)
    RETURNING run_id, attempt, upgrades, trace_run_id
"""

# The finished run of this source.
FINISHED = """
    SELECT run_id, attempt, upgrades, coalesce(trace_run_id, run_id) AS trace_run_id FROM card_extract_runs
    WHERE topic_id = %s AND user_id = %s AND source_hash = %s AND status = 'finished'
"""

# Ends a run for the holder of its lease.
FINISH = """
    UPDATE card_extract_runs SET status = 'finished', lease_token = NULL, ended_at = now(), provider = %(provider)s,
        model = %(model)s, fallback_used = %(fallback_used)s, failure_class = %(failure_class)s,
        cards_count = (SELECT count(*) FROM cards WHERE topic_id = card_extract_runs.topic_id AND is_found
            AND status IN ('active', 'superseded')),
        cards_dropped = %(cards_dropped)s, latency_ms = %(latency_ms)s, input_tokens = %(input_tokens)s,
        output_tokens = %(output_tokens)s, windows_extracted = %(windows_extracted)s,
        windows_reused = window_count - %(windows_extracted)s, agreement = %(agreement)s,
        tokens_saved = greatest(0, %(shown_tokens)s - coalesce(%(input_tokens)s, 0) - coalesce(%(output_tokens)s, 0))
    WHERE run_id = %(run)s AND lease_token = %(token)s AND status = 'running'
    RETURNING cards_count
"""
END_UNFINISHED = """
    UPDATE card_extract_runs SET status = %s, failure_class = coalesce(%s, failure_class), lease_token = NULL,
        ended_at = now()
    WHERE run_id = %s AND lease_token = %s AND status = 'running'
"""

# Nobody is going to finish these (their job is dead).
FAIL_OF_TOPIC = """
    UPDATE card_extract_runs SET status = 'failed', failure_class = coalesce(failure_class, 'server'),
        lease_token = NULL, ended_at = now()
    WHERE topic_id = %s AND user_id = %s AND status = 'running'
    RETURNING run_id, attempt, topic_id, job_id, cause, failure_class, trace_run_id, ended_at
"""

INSERT_ATTEMPTS = """
    INSERT INTO card_extract_attempts
        (run_id, attempt, try_no, user_id, provider, model, failure_class, latency_ms, input_tokens, output_tokens)
    SELECT %s, %s, t.try_no, %s, t.provider, t.model, t.failure_class, t.latency_ms, t.input_tokens, t.output_tokens
    FROM jsonb_to_recordset(%s) AS t (try_no integer, provider text, model text, failure_class text,
        latency_ms integer, input_tokens integer, output_tokens integer)
"""

# The topic shows the cards of this run, for this state, from now on.
SHOW = """
    UPDATE topics SET cards_run_id = %s, cards_revision = revision, cards_end_id = %s, updated_at = now()
    WHERE topic_id = %s AND user_id = %s
"""
RAISE_REVISION = "UPDATE topics SET revision = revision + 1 WHERE topic_id = %s AND user_id = %s"
SHOW_NOTHING = "UPDATE topics SET cards_run_id = NULL, cards_revision = NULL, cards_end_id = NULL WHERE topic_id = %s"

RUN_COLUMNS = """
    SELECT run_id, topic_id, status, cause, source_hash, intended_provider, intended_model, prompt_version,
        rules_version, provider, model, fallback_used, failure_class, attempt, job_id, request_id,
        messages_range_start_id, messages_range_end_id, message_count, window_count, windows_extracted,
        windows_reused, cards_count, cards_dropped, latency_ms, input_tokens, output_tokens, tokens_saved, agreement,
        created_at, ended_at, CASE WHEN ended_at IS NOT NULL THEN trace_run_id END AS trace_run_id
    FROM card_extract_runs
"""
GET = f"{RUN_COLUMNS} WHERE run_id = %s AND user_id = %s"
ATTEMPTS = """
    SELECT attempt, try_no, provider, model, failure_class, latency_ms, input_tokens, output_tokens, created_at
    FROM card_extract_attempts WHERE run_id = %s AND user_id = %s ORDER BY attempt, try_no
"""

# A page of runs, newest first.
LIST = f"""
    {RUN_COLUMNS} WHERE user_id = %(user)s AND (%(before)s::uuid IS NULL OR run_id < %(before)s)
        AND (%(topic)s::uuid IS NULL OR topic_id = %(topic)s) AND (%(status)s::text IS NULL OR status = %(status)s)
    ORDER BY run_id DESC LIMIT %(limit)s
"""


def lock_topic(tx: Transaction, user_id: UUID, topic_id: UUID) -> TopicState | None:
    row = tx.row(LOCK_TOPIC, topic_id, user_id)
    return TopicState(*row) if row else None


def lock_topic_of_job(tx: Transaction, user_id: UUID, job_id: UUID) -> TopicState | None:
    row = tx.row(LOCK_TOPIC_OF_JOB, user=user_id, job=job_id)
    return TopicState(*row) if row else None


def messages(tx: Transaction, user_id: UUID, topic_id: UUID, start: int, end: int, limit: int) -> list[SourceMessage]:
    """Both ends included."""
    return [SourceMessage(*row) for row in tx.rows(MESSAGES, topic_id, user_id, start, end, limit)]


def topic_exists(tx: Transaction, user_id: UUID, topic_id: UUID) -> bool:
    return bool(tx.one(TOPIC_EXISTS, topic_id, user_id).found)


def is_empty(tx: Transaction, user_id: UUID, topic_id: UUID) -> bool:
    return bool(tx.one(IS_EMPTY, topic_id, user_id).is_empty)


def claim(
    tx: Transaction, user_id: UUID, topic_id: UUID, topic: TopicState, source: Source, extractor: Extractor, *,
    run_id: UUID, trace_run_id: UUID, token: UUID, job_id: UUID, request_id: str, cause: str, redo: bool,
) -> Claimed | None:  # fmt: skip
    """None if the run of this source is finished.

    Args:
        run_id: for a new one.
        trace_run_id: for the run that will explain this attempt.
        redo: a finished run is taken too, unless it was this very job that finished it.
    """
    row = tx.row(
        CLAIM, run=run_id, trace_run=trace_run_id, user=user_id, conversation=topic.conversation_id, topic=topic_id,
        source_hash=source.hash, provider=extractor.provider, model=extractor.model,
        prompt_version=extractor.prompt_version, rules_version=extractor.rules_version, token=token, job=job_id,
        request_id=request_id, cause=cause, revision=topic.revision, start_id=source.start_id, end_id=source.end_id,
        message_count=source.message_count, window_count=source.window_count, redo=redo,
    )  # fmt: skip
    return Claimed(*row) if row else None


def finished(tx: Transaction, user_id: UUID, topic_id: UUID, source_hash: bytes) -> Claimed:
    """The run of a source whose run is finished."""
    return Claimed(*tx.one(FINISHED, topic_id, user_id, source_hash))


def finish(tx: Transaction, run_id: UUID, token: UUID, made: Made, shown_tokens: int) -> int | None:
    """Ends a run after its cards have been written. Returns how many it found; None if it is another worker's now.

    Args:
        shown_tokens: what all results that the topic shows cost when they were made.
    """
    row = tx.row(
        FINISH, run=run_id, token=token, provider=made.provider, model=made.model, fallback_used=made.fallback_used,
        failure_class=made.failure_class, cards_dropped=made.dropped, latency_ms=made.latency_ms,
        input_tokens=made.input_tokens, output_tokens=made.output_tokens, windows_extracted=made.windows_extracted,
        agreement=made.agreement, shown_tokens=shown_tokens,
    )  # fmt: skip
    return row.cards_count if row else None


def supersede(tx: Transaction, run_id: UUID, token: UUID) -> bool:
    """False if it is another worker's now."""
    return tx.run(END_UNFINISHED, "superseded", None, run_id, token) == 1


def fail(tx: Transaction, run_id: UUID, token: UUID, failure_class: str) -> bool:
    """False if it is another worker's now."""
    return tx.run(END_UNFINISHED, "failed", failure_class, run_id, token) == 1


def fail_of_topic(tx: Transaction, user_id: UUID, topic_id: UUID) -> list[Abandoned]:
    return [Abandoned(*row) for row in tx.rows(FAIL_OF_TOPIC, topic_id, user_id)]


def insert_attempts(tx: Transaction, user_id: UUID, run_id: UUID, attempt: int, tries: Sequence[Call]) -> None:
    rows = [
        {
            "try_no": number,
            "provider": t.provider,
            "model": t.model,
            "failure_class": t.failure_class,
            "latency_ms": t.latency_ms,
            "input_tokens": t.input_tokens,
            "output_tokens": t.output_tokens,
        }
        for number, t in enumerate(tries, start=1)
    ]
    tx.run(INSERT_ATTEMPTS, run_id, attempt, user_id, Jsonb(rows))


def show(tx: Transaction, user_id: UUID, topic_id: UUID, run_id: UUID, end_id: int) -> None:
    tx.run(SHOW, run_id, end_id, topic_id, user_id)


def raise_revision(tx: Transaction, user_id: UUID, topic_id: UUID) -> None:
    tx.run(RAISE_REVISION, topic_id, user_id)


def show_nothing(tx: Transaction, topic_id: UUID) -> None:
    tx.run(SHOW_NOTHING, topic_id)


def get(tx: Transaction, user_id: UUID, run_id: UUID) -> ExtractRun | None:
    row = tx.row(GET, run_id, user_id)
    return ExtractRun(*row) if row else None


def attempts(tx: Transaction, user_id: UUID, run_id: UUID) -> list[Any]:
    """(attempt, try_no, provider, model, failure_class, latency_ms, input_tokens, output_tokens, created_at)."""
    return tx.rows(ATTEMPTS, run_id, user_id)


def list_runs(
    tx: Transaction, user_id: UUID, topic_id: UUID | None, status: str | None, before: UUID | None, limit: int
) -> list[ExtractRun]:
    rows = tx.rows(LIST, user=user_id, topic=topic_id, status=status, before=before, limit=limit)
    return [ExtractRun(*row) for row in rows]
