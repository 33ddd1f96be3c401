"""What a card is known by: its id for people and links, its key for telling that two drafts say the same. Pure."""

from __future__ import annotations

import hashlib
from uuid import UUID

from chalicelib.cards.models import DraftCard
from chalicelib.cards.rules_judge import words_key

ORDINALS = 100  # cards of one kind on one quote, at most


def card_id(topic_id: UUID, draft: DraftCard, ordinal: int) -> str:
    """`t:{topic_id}:{16 hex digits}`, from kind and first evidence. Cards of one kind on one quote differ in ordinal.

    The topic is the one the card was made in: a card keeps its id wherever its messages go.
    """
    evidence = draft.citations[0]
    named = f"{draft.kind}:{evidence.message_id}:{evidence.start}:{evidence.end}:{ordinal}"
    return f"t:{topic_id}:{hashlib.sha256(named.encode()).hexdigest()[:16]}"


def draft_key(draft: DraftCard) -> bytes:
    """Drafts of one kind with the same words are one card; see `rules.combine`."""
    return hashlib.sha256(f"{draft.kind}\0{words_key(draft.body)}".encode()).digest()[:16]
