"""SQL of stories: what they are made of, their versions, and the topic's mark of the newest one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from chalicelib.adapters.postgres import Transaction
from chalicelib.cards.models import CardKind, SourceMessage, StoredCitation
from chalicelib.cards.stories.models import (
    Narration,
    Narrator,
    ShownParagraph,
    Source,
    SourceCard,
    Story,
    StoryVersion,
)
from chalicelib.jobs.models import Job

MOST_CARDS = 60  # of a kind that a narrator is given
LONGEST_MESSAGE = 4_000  # code points of a message that a narrator is given

# What names the present cards of a topic `t`: null if there are none.
HASH = """
    (SELECT sha256(convert_to(string_agg(h.card_id || ' ' || h.version, E'\\n' ORDER BY h.card_id COLLATE "C"), 'UTF8'))
        FROM cards h WHERE h.topic_id = t.topic_id AND h.status = 'active')
"""

# The hash of the cards as they are, and of those that the newest story was made of.
HASHES = f"""
    SELECT {HASH} AS present, t.story_hash AS told, t.story_version AS version FROM topics t
    WHERE t.topic_id = %s AND t.user_id = %s
"""

# The cards a story is made of, in reading order: of each kind the pinned ones, then the newest.
SOURCE_CARDS = """
    SELECT c.card_id, c.kind, c.title, c.body, c.pinned, c.total,
        (SELECT json_agg(json_build_array(x.message_id, x.start_offset, x.end_offset) ORDER BY x.position)
            FROM card_citations x WHERE x.card_id = c.card_id) AS places
    FROM (
        SELECT o.*, count(*) OVER (PARTITION BY kind) AS total, row_number() OVER (PARTITION BY kind
            ORDER BY pinned DESC, first_message_id DESC, first_offset DESC, card_id DESC) AS place
        FROM cards o WHERE o.topic_id = %s AND o.user_id = %s AND o.status = 'active'
    ) AS c
    WHERE c.place <= %s ORDER BY c.first_message_id, c.first_offset, c.card_id
"""

# The newest messages of a topic, newest first.
NEWEST_MESSAGES = """
    SELECT message_id, role, left(content, %s) AS content FROM messages WHERE topic_id = %s AND user_id = %s
    ORDER BY message_id DESC LIMIT %s
"""

# Whether the newest story was told by this narrator itself.
IS_BY = """
    SELECT EXISTS (SELECT FROM stories s JOIN topics t USING (topic_id, user_id)
        WHERE t.topic_id = %s AND t.user_id = %s AND s.version = t.story_version AND s.intended = %s
            AND NOT s.fallback_used) AS found
"""

# The next version of a topic's story, with its title.
INSERT = """
    WITH topic AS (
        UPDATE topics SET story_version = story_version + 1, story_hash = %(source_hash)s, auto_title = %(title)s,
            story_due = false
        WHERE topic_id = %(topic)s AND user_id = %(user)s RETURNING story_version
    )
    INSERT INTO stories (topic_id, version, user_id, title, paragraphs, message_ids, source_hash, cards_count, intended,
        provider, model, prompt_version, fallback_used, failure_class, attempts, input_tokens, output_tokens, cause,
        job_id, request_id, trace_run_id)
    SELECT %(topic)s, story_version, %(user)s, %(title)s, %(paragraphs)s, %(message_ids)s, %(source_hash)s,
        %(cards_count)s, %(intended)s, %(provider)s, %(model)s, %(prompt_version)s, %(fallback_used)s,
        %(failure_class)s, %(attempts)s, %(input_tokens)s, %(output_tokens)s, %(cause)s, %(job)s, %(request_id)s,
        %(trace_run)s
    FROM topic RETURNING version
"""

# The same for cards that this narrator has told of before: what it told then.
INSERT_AGAIN = """
    WITH before AS (
        SELECT * FROM stories WHERE topic_id = %(topic)s AND user_id = %(user)s AND source_hash = %(source_hash)s
            AND intended = %(intended)s AND NOT fallback_used ORDER BY version DESC LIMIT 1
    ), topic AS (
        UPDATE topics SET story_version = story_version + 1, story_hash = before.source_hash,
            auto_title = before.title, story_due = false
        FROM before WHERE topics.topic_id = before.topic_id RETURNING story_version
    )
    INSERT INTO stories (topic_id, version, user_id, title, paragraphs, message_ids, source_hash, cards_count, intended,
        provider, model, prompt_version, fallback_used, attempts, cause, job_id, request_id, trace_run_id)
    SELECT topic_id, story_version, user_id, title, paragraphs, message_ids, source_hash, cards_count, intended,
        provider, model, prompt_version, false, '[]', %(cause)s, %(job)s, %(request_id)s, trace_run_id
    FROM before, topic RETURNING version
"""

# There is nothing left to tell of: the newest story is history.
TELL_NOTHING = """
    UPDATE topics SET story_hash = NULL, auto_title = NULL, story_due = false WHERE topic_id = %s AND user_id = %s
"""

# The newest story will do.
SETTLE = "UPDATE topics SET story_due = false WHERE topic_id = %s AND user_id = %s AND story_due"
IS_DUE = "SELECT story_due FROM topics WHERE topic_id = %s AND user_id = %s"

# Before messages go, or after they have left the topic: the versions that may hold words of theirs. With the newest one
# goes the title that came from it. The stories of these topics are due.
FORGET = """
    WITH gone AS (
        DELETE FROM stories WHERE topic_id = %(topic)s AND user_id = %(user)s AND message_ids && %(messages)s::bigint[]
        RETURNING topic_id, version
    ), newest AS (SELECT topic_id FROM gone JOIN topics USING (topic_id) WHERE version = story_version)
    UPDATE topics t SET story_due = true,
        story_hash = CASE WHEN topic_id NOT IN (SELECT topic_id FROM newest) THEN story_hash END,
        auto_title = CASE WHEN topic_id NOT IN (SELECT topic_id FROM newest) THEN auto_title END
    WHERE topic_id = ANY(%(due)s) AND user_id = %(user)s
"""
DELETE_OF_TOPIC = """
    WITH gone AS (DELETE FROM stories WHERE topic_id = %(topic)s)
    UPDATE topics SET story_hash = NULL, auto_title = NULL, story_due = false WHERE topic_id = %(topic)s
"""

VERSION_COLUMNS = """
    s.topic_id, s.version, s.title, s.cards_count, s.provider, s.model, s.prompt_version, s.fallback_used,
    s.failure_class, s.attempts, s.input_tokens, s.output_tokens, s.cause, s.job_id, s.request_id,
    s.trace_run_id, s.created_at
"""

# Quotes are cut from the messages as they stand, so a citation that is shown is verbatim by construction.
PARAGRAPHS = """
    (SELECT json_agg(json_build_array(p.one->>'text', p.one->'card_ids',
        (SELECT json_agg(json_build_array(m.message_id, c.place->1, c.place->2, substring(
                m.content FROM (c.place->>1)::int + 1 FOR (c.place->>2)::int - (c.place->>1)::int)) ORDER BY c.position)
            FROM jsonb_array_elements(p.one->'citations') WITH ORDINALITY AS c (place, position)
            JOIN messages m ON m.message_id = (c.place->>0)::bigint)
        ) ORDER BY p.position) FROM jsonb_array_elements(s.paragraphs) WITH ORDINALITY AS p (one, position))
"""
IS_CURRENT = f"s.version = t.story_version AND s.source_hash IS NOT DISTINCT FROM {HASH}"

# Versions of a topic's story with their words, newest first: from one on down, and those that are named if any are.
STORIES = f"""
    SELECT {VERSION_COLUMNS}, {IS_CURRENT} AS is_current, {PARAGRAPHS} AS shown
    FROM stories s JOIN topics t USING (topic_id, user_id)
    WHERE s.topic_id = %(topic)s AND s.user_id = %(user)s
        AND (%(versions)s::int[] IS NULL OR s.version = ANY(%(versions)s))
        AND (%(up_to)s::int IS NULL OR s.version <= %(up_to)s)
    ORDER BY s.version DESC LIMIT %(limit)s
"""

# A page of versions without their words, newest first.
VERSIONS = f"""
    SELECT {VERSION_COLUMNS}, {IS_CURRENT} AS is_current FROM stories s JOIN topics t USING (topic_id, user_id)
    WHERE s.topic_id = %s AND s.user_id = %s AND s.version < %s ORDER BY s.version DESC LIMIT %s
"""
NO_END = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Hashes:
    """What names the cards of a topic as they are, and those that its newest story was made of; None if none are.
    `version` is that of the last story ever written, 0 if there was none."""

    present: bytes | None
    told: bytes | None
    version: int


def hashes(tx: Transaction, user_id: UUID, topic_id: UUID) -> Hashes:
    present, told, version = tx.one(HASHES, topic_id, user_id)
    return Hashes(present and bytes(present), told and bytes(told), version)


def source(tx: Transaction, user_id: UUID, topic_id: UUID, source_hash: bytes, context_messages: int) -> Source:
    """What is told of, as it is now."""
    rows = tx.rows(SOURCE_CARDS, topic_id, user_id, MOST_CARDS)
    cards = [
        SourceCard(r.card_id, CardKind(r.kind), r.title, r.body, r.pinned, tuple(map(tuple, r.places))) for r in rows
    ]
    totals = {CardKind(row.kind): row.total for row in rows}
    newest = tx.rows(NEWEST_MESSAGES, LONGEST_MESSAGE, topic_id, user_id, context_messages) if context_messages else []
    return Source(cards, totals, [SourceMessage(*row) for row in reversed(newest)], source_hash)


def is_by(tx: Transaction, user_id: UUID, topic_id: UUID, narrator: Narrator) -> bool:
    return bool(tx.one(IS_BY, topic_id, user_id, narrator.name).found)


def insert(
    tx: Transaction, user_id: UUID, job: Job, intended: Narrator, made_of: Source, told: Narration, trace_run_id: UUID
) -> int:
    """Returns the version."""
    version: int = tx.one(
        INSERT, topic=job.subject, user=user_id, title=told.title, paragraphs=Jsonb(_paragraphs(told)),
        message_ids=sorted(told.seen), source_hash=made_of.hash, cards_count=sum(made_of.totals.values()),
        intended=intended.name, provider=told.narrator.provider, model=told.narrator.model,
        prompt_version=told.narrator.version, fallback_used=told.failure_class is not None,
        failure_class=told.failure_class, attempts=Jsonb(_attempts(told)), input_tokens=told.input_tokens,
        output_tokens=told.output_tokens, cause=job.cause, job=job.job_id, request_id=job.request_id,
        trace_run=trace_run_id,
    ).version  # fmt: skip
    return version


def insert_again(tx: Transaction, user_id: UUID, job: Job, intended: Narrator, source_hash: bytes) -> int | None:
    """Returns the version, or None if these cards were never told of by this narrator."""
    row = tx.row(
        INSERT_AGAIN, topic=job.subject, user=user_id, source_hash=source_hash, intended=intended.name,
        cause=job.cause, job=job.job_id, request_id=job.request_id,
    )  # fmt: skip
    return row.version if row else None


def _paragraphs(told: Narration) -> list[dict[str, Any]]:
    return [
        {
            "text": paragraph.text,
            "card_ids": [card.card_id for card in paragraph.cards],
            "citations": paragraph.places,
        }
        for paragraph in told.paragraphs
    ]


def _attempts(told: Narration) -> list[dict[str, Any]]:
    names = ("provider", "model", "failure_class", "latency_ms", "input_tokens", "output_tokens")
    return [{name: getattr(one, name) for name in names} for one in told.tries]


def tell_nothing(tx: Transaction, user_id: UUID, topic_id: UUID) -> None:
    tx.run(TELL_NOTHING, topic_id, user_id)


def settle(tx: Transaction, user_id: UUID, topic_id: UUID) -> None:
    tx.run(SETTLE, topic_id, user_id)


def is_due(tx: Transaction, user_id: UUID, topic_id: UUID) -> bool:
    return bool(tx.one(IS_DUE, topic_id, user_id).story_due)


def forget(
    tx: Transaction, user_id: UUID, topic_id: UUID, message_ids: Sequence[int], to_topic_id: UUID | None = None
) -> None:
    """Removes the versions that may hold words of these messages, which are to go, or have gone to another topic."""
    due = [topic_id] if to_topic_id is None else [topic_id, to_topic_id]
    tx.run(FORGET, topic=topic_id, user=user_id, messages=list(message_ids), due=due)


def delete_of_topic(tx: Transaction, topic_id: UUID) -> None:
    tx.run(DELETE_OF_TOPIC, topic=topic_id)


def newest(tx: Transaction, user_id: UUID, topic_id: UUID, up_to: int | None, limit: int) -> list[Story]:
    """Newest first."""
    rows = tx.rows(STORIES, topic=topic_id, user=user_id, versions=None, up_to=up_to, limit=limit)
    return [_story(row) for row in rows]


def of_versions(tx: Transaction, user_id: UUID, topic_id: UUID, versions: Sequence[int]) -> dict[int, Story]:
    """Those of the versions that are there."""
    rows = tx.rows(
        STORIES, topic=topic_id, user=user_id, versions=list(versions), up_to=None, limit=len(versions)
    )  # fmt: skip
    return {row.version: _story(row) for row in rows}


def _story(row: Any) -> Story:
    paragraphs = [
        ShownParagraph(text, card_ids, [StoredCitation(*place) for place in places])
        for text, card_ids, places in row.shown
    ]
    return Story(StoryVersion(*row[:-1]), paragraphs)


def versions(tx: Transaction, user_id: UUID, topic_id: UUID, before: int | None, limit: int) -> list[StoryVersion]:
    """Newest first."""
    return [StoryVersion(*row) for row in tx.rows(VERSIONS, topic_id, user_id, before or NO_END, limit)]
