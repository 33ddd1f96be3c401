"""SQL that takes events in: keys, runs, events, contents, steps. Every statement is about a whole batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from chalicelib.adapters.arrays import Bytes, Encoded, Moments, Texts, Uuids, Wholes
from chalicelib.adapters.postgres import Row, Transaction
from chalicelib.traces.models import DERIVED, Content, Place, Prepared

# The user's key, held against erasure until the transaction ends.
KEY = "SELECT conflict_key FROM trace_keys WHERE user_id = %s FOR SHARE"
MAKE_KEY = """
    INSERT INTO trace_keys (user_id, conflict_key) VALUES (%s, %s)
    ON CONFLICT (user_id) DO UPDATE SET conflict_key = trace_keys.conflict_key RETURNING conflict_key
"""
SIGNING_KEY = "SELECT signing_key FROM trace_keys WHERE user_id = %s"

# Makes the runs that are new and locks them all, in id order.
LOCK_RUNS = """
    INSERT INTO trace_runs AS r (user_id, run_id, sequence_source, closes_at)
    SELECT %(user)s, g.run_id, g.source, now() + make_interval(secs => %(idle)s)
    FROM unnest(%(runs)s::uuid[], %(sources)s::text[]) AS g (run_id, source) ORDER BY g.run_id
    ON CONFLICT (user_id, run_id) DO UPDATE SET run_id = r.run_id
    RETURNING r.run_id, r.next_sequence_no, r.max_sequence_no, r.closed_at IS NOT NULL AS is_closed,
        r.closes_at <= now() AS is_due, r.sequence_source
"""

# Locks runs that are there, in id order.
LOCK_DUE = """
    SELECT run_id, next_sequence_no, max_sequence_no, closed_at IS NOT NULL AS is_closed, closes_at <= now() AS is_due,
        sequence_source
    FROM trace_runs WHERE user_id = %s AND run_id = ANY(%s) ORDER BY run_id FOR UPDATE
"""

# Into places that are free: whoever holds the run's lock has looked.
INSERT_EVENTS = """
    INSERT INTO trace_events (user_id, run_id, sequence_no, event_type, step_id, parent_step_id, kind, name, ts,
        sequence_source, attributes, contents, bytes, artifact_refs, call_signature, redaction, fingerprint)
    SELECT %(user)b, g.run_id, g.sequence_no, g.event_type, g.step_id, g.parent_step_id, g.kind, g.name, g.ts, g.source,
        g.attributes::jsonb,
        CASE WHEN g.contents IS NOT NULL
            THEN string_to_array(g.contents, ',')::uuid[] END,
        g.bytes, g.artifact_refs::jsonb, g.call_signature, g.redaction::jsonb, g.fingerprint
    FROM unnest(%(run)b::uuid[], %(no)b::bigint[], %(type)b::text[], %(step)b::uuid[], %(parent)b::uuid[],
        %(kind)b::text[], %(name)b::text[], %(ts)b::timestamptz[], %(source)b::text[], %(attributes)b::text[],
        %(contents)b::text[], %(bytes)b::bigint[], %(refs)b::text[], %(signature)b::text[], %(redaction)b::text[],
        %(fingerprint)b::bytea[])
        AS g (run_id, sequence_no, event_type, step_id, parent_step_id, kind, name, ts, source, attributes, contents,
            bytes, artifact_refs, call_signature, redaction, fingerprint)
"""

# Looked up one by one, by LIMIT: a join would be planned to read all of the user's events.
FINGERPRINTS = """
    SELECT e.run_id, e.sequence_no, e.fingerprint
    FROM unnest(%(runs)b::uuid[], %(nos)b::bigint[]) AS g (run_id, sequence_no), LATERAL (
        SELECT t.run_id, t.sequence_no, t.fingerprint FROM trace_events t
        WHERE t.user_id = %(user)s AND t.run_id = g.run_id AND t.sequence_no = g.sequence_no LIMIT 1
    ) e
"""

# In hash order, so that batches with the same contents never wait for each other in a circle.
INSERT_CONTENTS = """
    INSERT INTO trace_contents (user_id, content_hash, body, items, bytes)
    SELECT %(user)s, g.content_hash, g.body, string_to_array(g.items, ',')::uuid[], g.bytes
    FROM unnest(%(hashes)b::uuid[], %(bodies)b::text[], %(items)b::text[], %(bytes)b::bigint[])
        AS g (content_hash, body, items, bytes) ORDER BY g.content_hash
    ON CONFLICT DO NOTHING
"""
INSERT_CONTENT_REFS = """
    INSERT INTO trace_content_refs (user_id, content_hash, run_id)
    SELECT %(user)s, g.content_hash, g.run_id
    FROM unnest(%(hashes)b::uuid[], %(runs)b::uuid[]) AS g (content_hash, run_id)
    ORDER BY g.run_id, g.content_hash ON CONFLICT DO NOTHING
"""

INSERT_ARTIFACT_REFS = """
    INSERT INTO artifact_refs (user_id, run_id, sequence_no, position, artifact_id, upload_id, role)
    SELECT %(user)s, g.* FROM unnest(%(runs)s::uuid[], %(nos)s::bigint[], %(positions)s::integer[],
        %(artifacts)s::uuid[], %(uploads)s::uuid[], %(roles)s::text[]) AS g
"""

IS_THERE = "SELECT FROM trace_runs WHERE user_id = %s AND run_id = %s"
DECLARED = """
    SELECT completed_sequence_no, last_sequence_no, declared_status FROM trace_runs
    WHERE user_id = %s AND run_id = %s FOR UPDATE
"""

Used = dict[tuple[UUID, UUID], Content]  # contents by (run id, content hash)


class Standing(NamedTuple):
    """Where a locked run stands. `low` is its lowest gap."""

    run_id: UUID
    low: int
    high: int
    is_closed: bool
    is_due: bool
    source: str

    @property
    def has_gap(self) -> bool:
        """Whether events are missing below its highest one: what lies beyond them is hidden."""
        return self.high >= self.low

    @property
    def is_over(self) -> bool:
        """Whether nothing new is taken any more."""
        return self.is_closed or self.is_due

    @property
    def can_close(self) -> bool:
        """Whether its time is over and it can be closed as it is: a trace of spans gets its numbers for good before."""
        return self.is_due and not self.is_closed and self.source != DERIVED


def key(tx: Transaction, user_id: UUID, new_key: bytes) -> bytes:
    """The user's key; `new_key` if there was none."""
    found = tx.row(KEY, user_id) or tx.one(MAKE_KEY, user_id, new_key)
    return bytes(found.conflict_key)


def signing_key(tx: Transaction, user_id: UUID) -> bytes:
    """Of a user who has keys."""
    return bytes(tx.one(SIGNING_KEY, user_id).signing_key)


def lock_runs(tx: Transaction, user_id: UUID, sources: dict[UUID, str], idle: int) -> dict[UUID, Standing]:
    """
    Args:
        sources: who numbers each run, for those that are new.
        idle: seconds after which a run of which nothing is heard closes.
    """
    rows = tx.rows(LOCK_RUNS, user=user_id, runs=list(sources), sources=list(sources.values()), idle=idle)
    return {row.run_id: Standing(*row) for row in rows}


def lock_due(tx: Transaction, user_id: UUID, run_ids: Sequence[UUID]) -> list[Standing]:
    return [Standing(*row) for row in tx.rows(LOCK_DUE, user_id, list(run_ids))]


def insert_events(tx: Transaction, user_id: UUID, events: Sequence[Prepared]) -> None:
    tx.run(
        INSERT_EVENTS, user=user_id, run=Uuids([e.run_id for e in events]), no=Wholes([e.sequence_no for e in events]),
        type=Texts([e.event_type for e in events]), step=Uuids([e.step_id for e in events]),
        parent=Uuids([e.parent_step_id for e in events]), kind=Texts([e.kind for e in events]),
        name=Texts([e.name for e in events]), ts=Moments([e.ts for e in events]),
        source=Texts([e.sequence_source for e in events]), attributes=Encoded([e.attributes for e in events]),
        contents=Texts([joined(e.placeholders) for e in events]), bytes=Wholes([e.size for e in events]),
        refs=Texts([e.artifact_refs for e in events]), signature=Texts([e.call_signature for e in events]),
        redaction=Texts([e.redaction for e in events]), fingerprint=Bytes([e.fingerprint for e in events]),
    )  # fmt: skip


def joined(ids: Sequence[UUID] | None) -> str | None:
    return ",".join(map(str, ids)) if ids else None


def fingerprints(tx: Transaction, user_id: UUID, places: Sequence[Place]) -> dict[Place, bytes]:
    """Of the events that are there at these places."""
    runs, numbers = Uuids(run_id for run_id, _ in places), Wholes(number for _, number in places)
    rows = tx.rows(FINGERPRINTS, user=user_id, runs=runs, nos=numbers)
    return {(row.run_id, row.sequence_no): bytes(row.fingerprint) for row in rows}


def used_by(events: Iterable[Prepared]) -> Used:
    return {(event.run_id, content.content_hash): content for event in events for content in event.contents}


def insert_contents(tx: Transaction, user_id: UUID, used: Used) -> None:
    once = list({content.content_hash: content for content in used.values()}.values())
    tx.run(
        INSERT_CONTENTS, user=user_id, hashes=Uuids(c.content_hash for c in once), bodies=Texts(c.body for c in once),
        items=Texts(joined(c.items) for c in once), bytes=Wholes(c.size for c in once),
    )  # fmt: skip
    tx.run(
        INSERT_CONTENT_REFS, user=user_id, hashes=Uuids(hash for _, hash in used), runs=Uuids(run for run, _ in used)
    )


def insert_artifact_refs(tx: Transaction, user_id: UUID, events: Sequence[Prepared]) -> None:
    flat = [(event, position, ref) for event in events for position, ref in enumerate(event.references)]
    tx.run(
        INSERT_ARTIFACT_REFS, user=user_id,
        runs=[e.run_id for e, _, _ in flat], nos=[e.sequence_no for e, _, _ in flat],
        positions=[position for _, position, _ in flat], artifacts=[ref.artifact_id for _, _, ref in flat],
        uploads=[ref.upload_id for _, _, ref in flat], roles=[ref.role for _, _, ref in flat],
    )  # fmt: skip


def is_there(tx: Transaction, user_id: UUID, run_id: UUID) -> bool:
    return tx.row(IS_THERE, user_id, run_id) is not None


def declared(tx: Transaction, user_id: UUID, run_id: UUID) -> Row | None:
    """What a run's `run.completed` has said; None if there is no such run."""
    return tx.row(DECLARED, user_id, run_id)
