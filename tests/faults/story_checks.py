"""What must hold of stories once everything is at rest, whatever happened before."""

from __future__ import annotations

from chalicelib.adapters.postgres import Transaction
from chalicelib.cards.stories.store import HASH
from tests.faults.promises import broken

# Topics whose newest story does not tell of the cards as they are.
UNTOLD = f"SELECT t.topic_id FROM topics t WHERE {HASH} IS DISTINCT FROM t.story_hash"

# Versions of the same cards one after the other.
TWICE = """
    SELECT * FROM (SELECT topic_id, version, source_hash, lag(source_hash) OVER older AS before,
        lag(version) OVER older AS version_before FROM stories WINDOW older AS (PARTITION BY topic_id ORDER BY version)
    ) AS s WHERE source_hash = before AND version = version_before + 1
"""

# Words of messages that are gone, or elsewhere.
ASTRAY = """
    SELECT s.topic_id, s.version FROM stories s CROSS JOIN unnest(s.message_ids) AS seen (message_id)
    LEFT JOIN messages m USING (message_id) WHERE m.topic_id IS DISTINCT FROM s.topic_id
"""

# Titles of no story.
UNTITLED = """
    SELECT t.topic_id FROM topics t LEFT JOIN stories s ON s.topic_id = t.topic_id AND s.version = t.story_version
    WHERE t.auto_title IS DISTINCT FROM CASE WHEN t.story_hash IS NOT NULL THEN s.title END
"""

# Quotes that are not there, and paragraphs without one.
UNQUOTED = """
    SELECT s.topic_id, s.version FROM stories s CROSS JOIN jsonb_array_elements(s.paragraphs) AS p (one)
    LEFT JOIN LATERAL jsonb_array_elements(p.one->'citations') AS c (place) ON true
    LEFT JOIN messages m ON m.message_id = (c.place->>0)::bigint
    WHERE c.place IS NULL OR m.message_id IS NULL OR (c.place->>2)::int > char_length(m.content)
        OR NOT m.message_id = ANY(s.message_ids)
"""


BROKEN = broken(untold=UNTOLD, twice=TWICE, astray=ASTRAY, untitled=UNTITLED, unquoted=UNQUOTED)


def check_stories(tx: Transaction) -> None:
    """One story a state of a topic's cards, which cites what is there; nothing of what is gone."""
    assert tx.rows(BROKEN) == []
