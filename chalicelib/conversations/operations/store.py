"""SQL of topic operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.conversations.operations.models import Move, Operation, OperationKind

# The messages of a topic, from one on.
MESSAGES_FROM = """
    SELECT message_id, topic_id FROM messages WHERE topic_id = %s AND user_id = %s AND message_id >= %s
    ORDER BY message_id
"""

# Where messages are.
WHEREABOUTS = """
    SELECT message_id, topic_id FROM messages WHERE message_id = ANY(%s::bigint[]) AND user_id = %s ORDER BY message_id
"""

# The messages that are still where an operation put them, each with the topic it came from.
STILL_THERE = """
    SELECT c.message_id, c.to_topic_id, c.from_topic_id FROM topic_corrections c
    JOIN messages m ON m.message_id = c.message_id AND m.topic_id = c.to_topic_id
    WHERE c.operation_id = %s AND c.user_id = %s ORDER BY c.message_id
"""

# Messages change their topic, each with a correction; topics that get some are no longer merged into another. Undoing
# is a correction too, the other way round: the last one of a message always names the topic it is in.
CARRY_OUT = """
    WITH moving AS (
        SELECT * FROM unnest(%(ids)s::uuid[], %(messages)s::bigint[], %(sources)s::uuid[], %(targets)s::uuid[])
            AS m (correction_id, message_id, from_topic_id, to_topic_id)
    ), moved AS (
        UPDATE messages SET topic_id = moving.to_topic_id FROM moving
        WHERE messages.message_id = moving.message_id AND messages.user_id = %(user)s
    ), used_again AS (
        UPDATE topics SET merged_into = NULL
        WHERE merged_into IS NOT NULL AND topic_id IN (SELECT to_topic_id FROM moving) AND user_id = %(user)s
    )
    INSERT INTO topic_corrections (correction_id, user_id, message_id, from_topic_id, to_topic_id, operation_id)
    SELECT correction_id, %(user)s, message_id, from_topic_id, to_topic_id, %(operation)s FROM moving
"""

# The target of a split; not active, and put away if the topic it comes from is.
INSERT_TOPIC = """
    INSERT INTO topics (topic_id, user_id, conversation_id, title, status) VALUES (%s, %s, %s, %s, %s)
"""

# The emptied topic of a merge is put away. The other one is itself, whatever it was merged into before.
PUT_AWAY = """
    UPDATE topics SET status = CASE topic_id WHEN %(source)s THEN 'archived' ELSE status END,
        merged_into = CASE topic_id WHEN %(source)s THEN %(target)s::uuid END, updated_at = now()
    WHERE topic_id IN (%(source)s, %(target)s) AND user_id = %(user)s
"""

# Takes back PUT_AWAY, unless the topic has been used or merged elsewhere since.
BRING_BACK = """
    UPDATE topics SET status = %s, merged_into = NULL, updated_at = now()
    WHERE topic_id = %s AND user_id = %s AND merged_into = %s
"""

OPERATION_COLUMNS = """
    operation_id, kind, from_topic_id, to_topic_id, message_count, request_id, created_at, undone_at, undone_moved,
    undone_skipped, was_active, from_status, to_status
"""
INSERT = f"""
    INSERT INTO topic_operations (operation_id, user_id, kind, from_topic_id, to_topic_id, message_count, request_id,
        was_active, from_status, to_status)
    VALUES (%(operation)s, %(user)s, %(kind)s, %(source)s, %(target)s, %(message_count)s, %(request_id)s,
        %(was_active)s, %(from_status)s, %(to_status)s)
    RETURNING {OPERATION_COLUMNS}
"""
GET = f"SELECT {OPERATION_COLUMNS} FROM topic_operations WHERE operation_id = %s AND user_id = %s"

# A page of operations, newest first; of all, or of those that touched a topic.
LIST = f"""
    SELECT {OPERATION_COLUMNS} FROM topic_operations o
    WHERE user_id = %(user)s AND (%(before)s::uuid IS NULL OR operation_id < %(before)s)
        AND (%(topic)s::uuid IS NULL OR %(topic)s IN (from_topic_id, to_topic_id) OR EXISTS (
            SELECT FROM topic_corrections c WHERE c.operation_id = o.operation_id AND c.from_topic_id = %(topic)s
        ))
    ORDER BY operation_id DESC LIMIT %(limit)s
"""

MARK_UNDONE = f"""
    UPDATE topic_operations SET undone_at = now(), undone_moved = %(moved)s,
        undone_skipped = message_count - %(moved)s
    WHERE operation_id = %(operation)s AND user_id = %(user)s RETURNING {OPERATION_COLUMNS}
"""


def messages_from(tx: Transaction, user_id: UUID, topic_id: UUID, first: int = 0) -> list[int]:
    return [row.message_id for row in tx.rows(MESSAGES_FROM, topic_id, user_id, first)]


def whereabouts(tx: Transaction, user_id: UUID, message_ids: Sequence[int]) -> dict[int, UUID]:
    """The topics of those messages that there are."""
    return {row.message_id: row.topic_id for row in tx.rows(WHEREABOUTS, list(message_ids), user_id)}


def way_back(tx: Transaction, user_id: UUID, operation_id: UUID) -> list[Move]:
    """The moves that undo an operation as far as it can be."""
    return [Move(*row) for row in tx.rows(STILL_THERE, operation_id, user_id)]


def carry_out(tx: Transaction, user_id: UUID, operation_id: UUID, moves: Mapping[UUID, Move]) -> None:
    """`moves` by the ids their corrections are to have."""
    tx.run(
        CARRY_OUT,
        user=user_id,
        operation=operation_id,
        ids=list(moves),
        messages=[move.message_id for move in moves.values()],
        sources=[move.from_topic_id for move in moves.values()],
        targets=[move.to_topic_id for move in moves.values()],
    )


def insert_topic(
    tx: Transaction, user_id: UUID, conversation_id: str, topic_id: UUID, title: str | None, status: str
) -> None:
    tx.run(INSERT_TOPIC, topic_id, user_id, conversation_id, title, status)


def put_away(tx: Transaction, user_id: UUID, topic_id: UUID, merged_into: UUID) -> None:
    tx.run(PUT_AWAY, user=user_id, source=topic_id, target=merged_into)


def bring_back(tx: Transaction, user_id: UUID, topic_id: UUID, status: str, merged_into: UUID) -> None:
    tx.run(BRING_BACK, status, topic_id, user_id, merged_into)


def _operation(row: Any) -> Operation:
    operation_id, kind, *rest = row
    return Operation(operation_id, OperationKind(kind), *rest)


def insert(
    tx: Transaction, user_id: UUID, operation_id: UUID, kind: OperationKind, source: UUID | None, target: UUID, *,
    message_count: int, request_id: str, was_active: bool, from_status: str | None, to_status: str,
) -> Operation:  # fmt: skip
    row = tx.one(
        INSERT, operation=operation_id, user=user_id, kind=kind, source=source, target=target,
        message_count=message_count, request_id=request_id, was_active=was_active, from_status=from_status,
        to_status=to_status,
    )  # fmt: skip
    return _operation(row)


def get(tx: Transaction, user_id: UUID, operation_id: UUID) -> Operation | None:
    row = tx.row(GET, operation_id, user_id)
    return _operation(row) if row else None


def list_operations(
    tx: Transaction, user_id: UUID, topic_id: UUID | None, before: UUID | None, limit: int
) -> list[Operation]:
    rows = tx.rows(LIST, user=user_id, topic=topic_id, before=before, limit=limit)
    return [_operation(row) for row in rows]


def mark_undone(tx: Transaction, user_id: UUID, operation_id: UUID, moved: int) -> Operation:
    return _operation(tx.one(MARK_UNDONE, user=user_id, operation=operation_id, moved=moved))
