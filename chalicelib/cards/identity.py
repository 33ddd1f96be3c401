"""What a card is known by: its id for people and links, its key for telling that two drafts say the same. Pure."""

from __future__ import annotations

import hashlib
from uuid import UUID

from chalicelib.cards.matching import Place
from chalicelib.cards.models import DraftCard
from chalicelib.cards.words import words_key

ORDINALS = 100  # cards of one kind on one quote, at most


def card_id(topic_id: UUID, draft: DraftCard, ordinal: int) -> str:
    """`t:{topic_id}:{16 hex digits}`, from kind and first evidence. Cards of one kind on one quote differ in ordinal.

    The topic is the one the card was made in: a card keeps its id wherever its messages go.
    """
    return f"t:{topic_id}:{_digest(draft.kind, draft.citations[0], ordinal)}"


def is_first_of(card_id: str, kind: str, evidence: Place) -> bool:
    """Whether the id was given to the first card of this kind on this evidence."""
    return card_id.endswith(":" + _digest(kind, evidence, 1))


def _digest(kind: str, evidence: Place, ordinal: int) -> str:
    named = f"{kind}:{evidence.message_id}:{evidence.start}:{evidence.end}:{ordinal}"
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def draft_key(draft: DraftCard) -> bytes:
    """Drafts of one kind with the same words are one card; see `rules.combine`."""
    return hashlib.sha256(f"{draft.kind}\0{words_key(draft.body)}".encode()).digest()[:16]
