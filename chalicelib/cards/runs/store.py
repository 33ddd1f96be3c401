"""SQL of extract runs, their attempts, topic windows, and the state of a topic that they depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from chalicelib.adapters.postgres import Transaction
from chalicelib.cards.models import (
    CardKind,
    Citation,
    DraftCard,
    Extraction,
    Extractor,
    ExtractRun,
    SourceMessage,
    Try,
)
from chalicelib.cards.windows import Window


@dataclass(frozen=True, slots=True)
class TopicState:
    """What an extraction starts from and is checked against when it is applied."""

    conversation_id: str
    revision: int
    cards_run_id: UUID | None
    cards_revision: int | None
    cards_end_id: int | None


# The topic, held against other extractions, deletions and moves until the transaction ends.
LOCK_TOPIC = """
    SELECT conversation_id, revision, cards_run_id, cards_revision, cards_end_id FROM topics
    WHERE topic_id = %s AND user_id = %s FOR NO KEY UPDATE
"""

WINDOWS = """
    SELECT window_no, start_id, end_id, message_count, hash FROM topic_windows
    WHERE topic_id = %s AND user_id = %s ORDER BY window_no
"""
INSERT_WINDOWS = """
    INSERT INTO topic_windows (topic_id, window_no, user_id, start_id, end_id, message_count, hash)
    SELECT %s, w.n, %s, w.s, w.e, w.c, decode(w.h, 'hex')
    FROM jsonb_to_recordset(%s) AS w (n integer, s bigint, e bigint, c integer, h text)
    ON CONFLICT DO NOTHING
"""

# A run of a topic's messages, oldest first.
MESSAGES = """
    SELECT message_id, role, content FROM messages
    WHERE topic_id = %s AND user_id = %s AND message_id > %s AND message_id <= %s ORDER BY message_id LIMIT %s
"""

TOPIC_EXISTS = "SELECT EXISTS (SELECT FROM topics WHERE topic_id = %s AND user_id = %s) AS found"
IS_EMPTY = "SELECT NOT EXISTS (SELECT FROM messages WHERE topic_id = %s AND user_id = %s) AS is_empty"

# Takes the run of this source: a new row, or one that failed, was superseded, lost its holder, lost its card set to a
# deletion, or fell back to the rules under another job. No row if it is finished.
CLAIM = """
    INSERT INTO card_extract_runs AS r (run_id, user_id, conversation_id, topic_id, source_hash, status,
        intended_provider, intended_model, prompt_version, rules_version, lease_token, job_id, request_id, cause,
        revision, messages_range_start_id, messages_range_end_id, message_count, window_count)
    VALUES (%(run)s, %(user)s, %(conversation)s, %(topic)s, %(source_hash)s, 'running', %(provider)s, %(model)s,
        %(prompt_version)s, %(rules_version)s, %(token)s, %(job)s, %(request_id)s, %(cause)s, %(revision)s,
        %(start_id)s, %(end_id)s, %(message_count)s, %(window_count)s)
    ON CONFLICT (topic_id, user_id, source_hash) DO UPDATE SET status = 'running', attempt = r.attempt + 1,
        lease_token = excluded.lease_token, job_id = excluded.job_id, request_id = excluded.request_id,
        cause = excluded.cause, revision = excluded.revision, failure_class = NULL, ended_at = NULL
    WHERE r.status <> 'finished' OR r.card_set IS NULL OR (r.fallback_used AND r.job_id <> excluded.job_id)
    RETURNING run_id, attempt
"""

# The finished run of this source, with the cards it found.
FINISHED = """
    SELECT run_id, card_set, messages_range_end_id FROM card_extract_runs
    WHERE topic_id = %s AND user_id = %s AND source_hash = %s AND status = 'finished'
"""

# Ends a run for the holder of its lease.
FINISH = """
    UPDATE card_extract_runs SET status = 'finished', lease_token = NULL, ended_at = now(), provider = %(provider)s,
        model = %(model)s, fallback_used = %(fallback_used)s, failure_class = %(failure_class)s,
        cards_count = %(cards_count)s, cards_dropped = %(cards_dropped)s, card_set = %(card_set)s,
        latency_ms = %(latency_ms)s, input_tokens = %(input_tokens)s, output_tokens = %(output_tokens)s
    WHERE run_id = %(run)s AND lease_token = %(token)s AND status = 'running'
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
SHOW_NOTHING = "UPDATE topics SET cards_run_id = NULL, cards_revision = NULL, cards_end_id = NULL WHERE topic_id = %s"

# Card sets that quote a message which is being deleted, in whatever topic it was then.
FORGET_CARD_SETS = """
    UPDATE card_extract_runs SET card_set = NULL
    WHERE user_id = %(user)s AND messages_range_start_id <= %(message)s AND messages_range_end_id >= %(message)s
        AND jsonb_path_exists(card_set, '$[*].citations[*][0] ? (@ == $message)',
            jsonb_build_object('message', %(message)s::bigint))
"""

RUN_COLUMNS = """
    SELECT run_id, topic_id, status, cause, source_hash, intended_provider, intended_model, prompt_version,
        rules_version, provider, model, fallback_used, failure_class, attempt, job_id, request_id,
        messages_range_start_id, messages_range_end_id, message_count, window_count, cards_count, cards_dropped,
        latency_ms, input_tokens, output_tokens, created_at, ended_at
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


def windows(tx: Transaction, user_id: UUID, topic_id: UUID) -> list[Window]:
    return [
        Window(r.window_no, r.start_id, r.end_id, r.message_count, bytes(r.hash))
        for r in tx.rows(WINDOWS, topic_id, user_id)
    ]


def insert_windows(tx: Transaction, user_id: UUID, topic_id: UUID, new: Sequence[Window]) -> None:
    rows = [{"n": w.number, "s": w.start_id, "e": w.end_id, "c": w.message_count, "h": w.hash.hex()} for w in new]
    tx.run(INSERT_WINDOWS, topic_id, user_id, Jsonb(rows))


def messages(tx: Transaction, user_id: UUID, topic_id: UUID, after: int, up_to: int, limit: int) -> list[SourceMessage]:
    return [SourceMessage(*row) for row in tx.rows(MESSAGES, topic_id, user_id, after, up_to, limit)]


def topic_exists(tx: Transaction, user_id: UUID, topic_id: UUID) -> bool:
    return bool(tx.one(TOPIC_EXISTS, topic_id, user_id).found)


def is_empty(tx: Transaction, user_id: UUID, topic_id: UUID) -> bool:
    return bool(tx.one(IS_EMPTY, topic_id, user_id).is_empty)


def claim(
    tx: Transaction, user_id: UUID, topic_id: UUID, topic: TopicState, source_hash: bytes, extractor: Extractor,
    found: Sequence[Window], *, run_id: UUID, token: UUID, job_id: UUID, request_id: str, cause: str,
) -> Any:  # fmt: skip
    """(run_id, attempt), or None if the run of this source is finished."""
    return tx.row(
        CLAIM, run=run_id, user=user_id, conversation=topic.conversation_id, topic=topic_id, source_hash=source_hash,
        provider=extractor.provider, model=extractor.model, prompt_version=extractor.prompt_version,
        rules_version=extractor.rules_version, token=token, job=job_id, request_id=request_id, cause=cause,
        revision=topic.revision, start_id=found[0].start_id, end_id=found[-1].end_id,
        message_count=sum(window.message_count for window in found), window_count=len(found),
    )  # fmt: skip


def finished(tx: Transaction, user_id: UUID, topic_id: UUID, source_hash: bytes) -> Any:
    """(run_id, card_set, messages_range_end_id)."""
    return tx.one(FINISHED, topic_id, user_id, source_hash)


def finish(tx: Transaction, run_id: UUID, token: UUID, extraction: Extraction, latency_ms: int) -> bool:
    touched = tx.run(
        FINISH, run=run_id, token=token, provider=extraction.provider, model=extraction.model,
        fallback_used=extraction.fallback_used, failure_class=extraction.failure_class,
        cards_count=len(extraction.drafts), cards_dropped=extraction.dropped,
        card_set=Jsonb(card_set(extraction.drafts)), latency_ms=latency_ms,
        input_tokens=_total(t.input_tokens for t in extraction.tries),
        output_tokens=_total(t.output_tokens for t in extraction.tries),
    )  # fmt: skip
    return touched == 1


def _total(counts: Any) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def supersede(tx: Transaction, run_id: UUID, token: UUID) -> None:
    tx.run(END_UNFINISHED, "superseded", None, run_id, token)


def fail(tx: Transaction, run_id: UUID, token: UUID, failure_class: str) -> None:
    tx.run(END_UNFINISHED, "failed", failure_class, run_id, token)


def fail_of_topic(tx: Transaction, user_id: UUID, topic_id: UUID) -> None:
    tx.run(FAIL_OF_TOPIC, topic_id, user_id)


def insert_attempts(tx: Transaction, user_id: UUID, run_id: UUID, attempt: int, tries: Sequence[Try]) -> None:
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


def show_nothing(tx: Transaction, topic_id: UUID) -> None:
    tx.run(SHOW_NOTHING, topic_id)


def forget_card_sets(tx: Transaction, user_id: UUID, message_id: int) -> None:
    tx.run(FORGET_CARD_SETS, user=user_id, message=message_id)


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


def card_set(drafts: Sequence[DraftCard]) -> list[dict[str, Any]]:
    """A card set as a run keeps it: with its quotes, so that it needs no message to be applied again."""
    return [
        {
            "kind": draft.kind,
            "title": draft.title,
            "body": draft.body,
            "confidence": draft.confidence,
            "citations": [[c.message_id, c.start, c.end, c.quote] for c in draft.citations],
        }
        for draft in drafts
    ]


def drafts_of(kept: Sequence[Any]) -> list[DraftCard]:
    """The drafts of a kept card set."""
    return [
        DraftCard(
            CardKind(card["kind"]),
            card["title"],
            card["body"],
            card["confidence"],
            tuple(Citation(*citation) for citation in card["citations"]),
        )
        for card in kept
    ]
