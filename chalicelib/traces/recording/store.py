"""SQL that writes a whole finished run of Glia's own, as if its events had come one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from chalicelib.adapters.postgres import Transaction
from chalicelib.traces.models import Content


@dataclass(frozen=True, slots=True)
class Entry:
    """An event, and what is made of it: its attributes as they are stored, contents apart, and all of it as it would
    have been received."""

    event: Mapping[str, Any]
    received: bytes
    attributes: bytes
    hashes: Sequence[UUID]
    contents: Sequence[Content]


# A run, closed, with its steps and events; nothing of it where there is one of this id. Before anything is written the
# user's key is held against erasure, as ingestion holds it, and fingerprints are made with it here: HMAC-SHA256 by its
# definition, of what would have been received.
RUN = """
    WITH found_key AS (
        SELECT conflict_key FROM trace_keys WHERE user_id = %(user)s FOR SHARE
    ), made_key AS (
        INSERT INTO trace_keys (user_id, conflict_key)
        SELECT %(user)s, %(new_key)s WHERE NOT EXISTS (SELECT FROM found_key)
        ON CONFLICT (user_id) DO UPDATE SET conflict_key = trace_keys.conflict_key RETURNING conflict_key
    ), pads AS (
        SELECT string_agg(set_byte('\\x00'::bytea, 0, k.byte # 54), ''::bytea ORDER BY k.place) AS inside,
            string_agg(set_byte('\\x00'::bytea, 0, k.byte # 92), ''::bytea ORDER BY k.place) AS outside
        FROM (
            SELECT place, CASE WHEN place < length(conflict_key) THEN get_byte(conflict_key, place) ELSE 0 END AS byte
            FROM (SELECT * FROM found_key UNION ALL SELECT * FROM made_key) u, generate_series(0, 63) AS place
        ) k
    ), run AS (
        INSERT INTO trace_runs (user_id, run_id, status, name, service, tags, sequence_source, next_sequence_no,
            max_sequence_no, event_count, step_count, failed_count, input_tokens, output_tokens, models, kinds,
            started_sequence_no, started_at, completed_sequence_no, last_sequence_no, declared_status, ended_at,
            completed_at, closes_at, closed_at)
        SELECT %(user)s, %(run)s, %(status)s, %(name)s, %(service)s, %(tags)s, 'client', %(events)s, %(events)s - 1,
            %(events)s, %(steps)s, %(failed)s, %(input)s, %(output)s,
            ARRAY(SELECT DISTINCT unnest(%(models)s::text[]) ORDER BY 1),
            ARRAY(SELECT DISTINCT unnest(%(kinds)s::text[]) ORDER BY 1),
            0, %(started_at)s, %(events)s - 1, %(events)s - 1, %(status)s, %(ended_at)s,
            now(), now() + make_interval(secs => %(late)s), now()
        FROM pads ON CONFLICT (user_id, run_id) DO NOTHING RETURNING run_id
    ), events AS (
        INSERT INTO trace_events (user_id, run_id, sequence_no, event_type, step_id, parent_step_id, kind, name, ts,
            sequence_source, attributes, contents, bytes, redaction, fingerprint)
        SELECT %(user)s, run.run_id, g.number - 1, g.event_type, g.step_id, g.parent_step_id, g.kind, g.name, g.ts,
            'client', g.attributes::jsonb, string_to_array(g.hashes, ',')::uuid[], octet_length(g.received),
            %(redaction)s::jsonb,
            substring(sha256(pads.outside || sha256(pads.inside || convert_to(g.received, 'UTF8'))) FROM 1 FOR 16)
        FROM run, pads, unnest(%(types)b::text[], %(step_ids)b::uuid[], %(parents)b::uuid[], %(event_kinds)b::text[],
            %(names)b::text[], %(times)b::timestamptz[], %(attributes)b::text[], %(hashes)b::text[],
            %(received)b::text[]) WITH ORDINALITY AS g (event_type, step_id, parent_step_id, kind, name, ts,
            attributes, hashes, received, number)
    ), steps AS (
        INSERT INTO trace_steps (user_id, run_id, step_id, parent_step_id, kind, name, status, first_sequence_no,
            started_sequence_no, ended_sequence_no, starts, ends, is_failed, started_at, ended_at, chunk_count, model,
            tool, error_type, input_tokens, output_tokens)
        SELECT %(user)s, run.run_id, s.step_id, s.parent_step_id, s.kind, s.name, s.status, s.first, s.first, s.last,
            1, 1, s.is_failed, s.started_at, s.ended_at, 0, s.model, s.tool, s.error_type,
            s.input_tokens, s.output_tokens
        FROM run, jsonb_to_recordset(%(made)s) AS s (step_id uuid, parent_step_id uuid, kind text, name text,
            status text, first bigint, last bigint, is_failed boolean, started_at timestamptz, ended_at timestamptz,
            model text, tool text, error_type text, input_tokens bigint, output_tokens bigint)
    )
"""
INSERT = f"{RUN} SELECT FROM run"

# The same of a run with contents, in hash order as ever.
INSERT_WITH_CONTENTS = f"""
    {RUN}, parts AS (
        INSERT INTO trace_contents (user_id, content_hash, body, items, bytes)
        SELECT %(user)s, c.content_hash, c.body, string_to_array(c.items, ',')::uuid[], c.bytes
        FROM run, jsonb_to_recordset(%(parts)s) AS c (content_hash uuid, body text, items text, bytes integer)
        ORDER BY c.content_hash ON CONFLICT DO NOTHING
    ), used AS (
        INSERT INTO trace_content_refs (user_id, content_hash, run_id)
        SELECT %(user)s, c.content_hash, run.run_id
        FROM run, jsonb_to_recordset(%(parts)s) AS c (content_hash uuid) ORDER BY c.content_hash
    )
    SELECT FROM run
"""


def insert(
    tx: Transaction, user_id: UUID, run: dict[str, Any], entries: Sequence[Entry], made: Sequence[dict[str, Any]], *,
    redaction: str, new_key: bytes, late: int,
) -> None:  # fmt: skip
    """
    Args:
        run: what is counted of it.
        made: its steps.
        new_key: the user's key if there is none.
        late: seconds after its end that it is said to close.
    """
    parts = {part.content_hash: part for entry in entries for part in entry.contents}
    tx.run(
        INSERT_WITH_CONTENTS if parts else INSERT, user=user_id, **run, **_columns(entries),
        made=Jsonb(list(made)), parts=Jsonb([_part(part) for part in parts.values()]), redaction=redaction,
        new_key=new_key, late=late,
    )  # fmt: skip


def _columns(entries: Sequence[Entry]) -> dict[str, list[Any]]:
    """In their order: they are numbered from 0 on. As text, and sent as it is: nothing in it is escaped."""
    events = [entry.event for entry in entries]
    names = {
        "types": "event_type", "step_ids": "step_id", "parents": "parent_step_id", "event_kinds": "kind",
        "names": "name", "times": "ts",
    }  # fmt: skip
    return {column: [event.get(name) for event in events] for column, name in names.items()} | {
        "attributes": [entry.attributes.decode() for entry in entries],
        "hashes": [_joined(entry.hashes) for entry in entries],
        "received": [entry.received.decode() for entry in entries],
    }


def _part(part: Content) -> dict[str, Any]:
    return {
        "content_hash": str(part.content_hash), "body": part.body, "items": _joined(part.items or ()),
        "bytes": part.size,
    }  # fmt: skip


def _joined(ids: Sequence[UUID]) -> str | None:
    return ",".join(map(str, ids)) if ids else None
