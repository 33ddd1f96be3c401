"""SQL of artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from psycopg.types.json import Jsonb

from chalicelib.adapters.postgres import Row, Transaction
from chalicelib.artifacts.models import UPLOAD_LIFE, Artifact, Settled, Status

COLUMNS = """
    artifact_id, status, media_type, declared_bytes, declared_sha256, bytes, content_hash, object_key, ruleset,
    redaction_counts, failure, created_at, settled_at
"""

# A payload that is to be uploaded.
INSERT_PENDING = f"""
    INSERT INTO artifacts (artifact_id, user_id, status, media_type, declared_bytes, declared_sha256, upload_expires_at)
    VALUES (%s, %s, 'pending', %s, %s, %s, now() + make_interval(secs => %s)) RETURNING {COLUMNS}
"""

# A payload that came inside its request.
INSERT_SETTLED = f"""
    INSERT INTO artifacts (artifact_id, user_id, status, media_type, declared_bytes, bytes, content_hash, object_key,
        ruleset, redaction_counts, failure, settled_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now()) RETURNING {COLUMNS}
"""

# What became of an upload. Only the first to say so is heard.
SETTLE = f"""
    UPDATE artifacts SET status = %s, bytes = %s, content_hash = %s, object_key = %s, ruleset = %s,
        redaction_counts = %s, failure = %s, declared_sha256 = NULL, upload_expires_at = NULL, settled_at = now()
    WHERE user_id = %s AND artifact_id = %s AND status = 'pending' RETURNING {COLUMNS}
"""

GET = f"SELECT {COLUMNS} FROM artifacts WHERE user_id = %s AND artifact_id = %s"

# Which of these artifacts failed, and why: asked where references come later than the failure.
FAILURES = (
    "SELECT artifact_id, failure FROM artifacts WHERE user_id = %s AND artifact_id = ANY(%s) AND status = 'failed'"
)

# Which of these artifacts there are at all.
KNOWN = "SELECT artifact_id FROM artifacts WHERE user_id = %s AND artifact_id = ANY(%s)"

# The sweep: uploads whose time is over.
EXPIRED = """
    SELECT user_id, artifact_id FROM artifacts WHERE status = 'pending' AND upload_expires_at < now()
    ORDER BY upload_expires_at LIMIT %s
"""


def insert_pending(
    tx: Transaction, user_id: UUID, artifact_id: UUID, media_type: str, size: int, sha256: str | None
) -> Artifact:
    return _artifact(tx.one(INSERT_PENDING, artifact_id, user_id, media_type, size, sha256, UPLOAD_LIFE))


def insert_settled(
    tx: Transaction, user_id: UUID, artifact_id: UUID, media_type: str, size: int, settled: Settled
) -> Artifact:
    given = (artifact_id, user_id, settled.status, media_type, size, settled.bytes, settled.content_hash)
    counts = None if settled.counts is None else Jsonb(settled.counts)
    return _artifact(tx.one(INSERT_SETTLED, *given, settled.object_key, settled.ruleset, counts, settled.failure))


def settle(tx: Transaction, user_id: UUID, artifact_id: UUID, settled: Settled) -> Artifact | None:
    """None: it was settled before, or is gone."""
    counts = None if settled.counts is None else Jsonb(settled.counts)
    kept = (settled.bytes, settled.content_hash, settled.object_key, settled.ruleset, counts, settled.failure)
    row = tx.row(SETTLE, settled.status, *kept, user_id, artifact_id)
    return _artifact(row) if row else None


def get(tx: Transaction, user_id: UUID, artifact_id: UUID) -> Artifact | None:
    row = tx.row(GET, user_id, artifact_id)
    return _artifact(row) if row else None


def failures(tx: Transaction, user_id: UUID, artifact_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The reason of each of these artifacts that failed: a flag of health for whatever refers to it."""
    return {row.artifact_id: row.failure for row in tx.rows(FAILURES, user_id, list(artifact_ids))}


def known(tx: Transaction, user_id: UUID, artifact_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these artifacts that the user has."""
    return {row.artifact_id for row in tx.rows(KNOWN, user_id, list(artifact_ids))}


def expired(tx: Transaction, limit: int) -> list[tuple[UUID, UUID]]:
    """(user, artifact) of uploads whose time is over, by the system role."""
    return [(row.user_id, row.artifact_id) for row in tx.rows(EXPIRED, limit)]


def _artifact(row: Row) -> Artifact:
    return Artifact(**{**row._asdict(), "status": Status(row.status)})
