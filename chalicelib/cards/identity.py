"""Card ids: from kind and first evidence, so that unchanged evidence keeps its id. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from uuid import UUID

from chalicelib.cards.models import DraftCard


def card_ids(topic_id: UUID, drafts: Sequence[DraftCard]) -> list[str]:
    """One id a draft, `t:{topic_id}:{16 hex digits}`. Drafts of one kind on one quote are told apart by their order."""
    seen: dict[str, int] = {}
    ids = []
    for draft in drafts:
        evidence = draft.citations[0]
        key = f"{draft.kind}:{evidence.message_id}:{evidence.start}:{evidence.end}"
        seen[key] = seen.get(key, 0) + 1
        digest = hashlib.sha256(f"{key}:{seen[key]}".encode()).hexdigest()[:16]
        ids.append(f"t:{topic_id}:{digest}")
    return ids
