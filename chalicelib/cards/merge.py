"""The three-way merge of a topic's cards with a new extraction of it. Pure.

base: what the machine said when the user last decided about a field; mine: what the user made of it; theirs: what the
machine says now. A field the user has not touched follows the machine. A touched one stays, and where the machine has
changed its mind since, its words stand beside as a suggestion. Deleted cards stay deleted, whatever is found; pinned
and edited ones stay, found or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from chalicelib.cards import matching
from chalicelib.cards.contradictions import subject_words
from chalicelib.cards.identity import draft_key, is_first_of
from chalicelib.cards.matching import Candidate
from chalicelib.cards.models import SHOWN, CardKind, CardStatus, DraftCard

FIELDS = ("kind", "title", "body")
RANK = {CardStatus.ACTIVE: 0, CardStatus.SUPERSEDED: 0, CardStatus.DELETED: 1, CardStatus.RETIRED: 2}


@dataclass(frozen=True, slots=True)
class Span:
    """A citation as it is stored; `quote_sha256` is hexadecimal."""

    message_id: int
    start: int
    end: int
    quote_sha256: str


@dataclass(frozen=True, slots=True)
class CardState:
    """Everything about a card that merging may change. `machine` and `base` map fields to text."""

    card_id: str
    topic_id: UUID
    kind: CardKind
    title: str
    body: str
    confidence: float
    citations: tuple[Span, ...]
    run_id: UUID
    status: CardStatus = CardStatus.ACTIVE
    is_found: bool = True
    pinned: bool = False
    edited: frozenset[str] = frozenset()
    machine: Mapping[str, str] | None = None
    base: Mapping[str, str] | None = None
    key: bytes = b""
    superseded_by: str | None = None
    version: int = 0

    @property
    def text(self) -> str:
        return f"{self.title}\n{self.body}"

    @property
    def words(self) -> list[str]:
        return subject_words(self.body)

    @property
    def place(self) -> tuple[int, int]:
        return self.citations[0].message_id, self.citations[0].start

    @property
    def served(self) -> tuple[object, ...]:
        """What a reader can see of it: where this changes, the card has a new version."""
        return (
            self.topic_id, self.kind, self.title, self.body, self.confidence, self.citations, self.status, self.pinned,
            self.edited, self.suggestion, self.superseded_by,
        )  # fmt: skip

    @property
    def suggestion(self) -> dict[str, str] | None:
        """What the machine would say now in the edited fields where it has changed its mind since."""
        machine, base = self.machine or {}, self.base or {}
        found = {
            name: machine[name]
            for name in FIELDS
            if name in self.edited
            and name in machine
            and machine[name] != base.get(name)
            and machine[name] != getattr(self, name)
        }
        return found or None


def settled(card: CardState) -> CardState:
    """The card with the status that follows from the rest of it. A deleted one stays deleted."""
    if card.status is CardStatus.DELETED:
        return card
    if not (card.is_found or card.pinned or card.edited):
        return replace(card, status=CardStatus.RETIRED, superseded_by=None)
    superseded = card.superseded_by is not None and not card.pinned
    return replace(card, status=CardStatus.SUPERSEDED if superseded else CardStatus.ACTIVE)


def merged(
    topic_id: UUID, run_id: UUID, drafts: Sequence[DraftCard], old: Sequence[CardState]
) -> tuple[list[CardState], list[DraftCard]]:
    """What becomes of cards and drafts.

    Args:
        drafts: all that the machine finds now with the keys that may have changed.
        old: all cards of the topic that may be among them, and the user's deleted cards that cite the same messages.

    Returns:
        The old cards as they are now, changed or not, and the drafts that are new cards.
    """
    olds = sorted(old, key=_preference)
    deleted = [card for card in olds if card.status is CardStatus.DELETED]
    pairs = matching.match([_of_draft(d) for d in drafts], [_of_card(c) for c in olds])
    found = {
        there: drafts[here]
        for here, there in pairs.items()
        if olds[there].status is not CardStatus.RETIRED or not _is_deleted(drafts[here], deleted)
    }
    kept = [_kept(card, found.get(index), topic_id, run_id) for index, card in enumerate(olds)]
    return kept, [d for index, d in enumerate(drafts) if index not in pairs and not _is_deleted(d, deleted)]


def _preference(card: CardState) -> tuple[int, bool, str]:
    """For matching by the same key: shown cards before deleted and retired ones, the user's before the machine's.

    A card that was made of the very words it rests on now comes before one that came by them in a merge of topics, so
    that undoing the merge gives back the cards there were.
    """
    kind = (card.machine or {}).get("kind", card.kind)
    is_users = bool(card.edited or card.pinned) and card.status in SHOWN
    is_first = card.status is not CardStatus.DELETED and is_first_of(card.card_id, kind, card.citations[0])
    return 0 if is_users else 1 if is_first else 2 + RANK[card.status], not card.is_found, card.card_id


def _of_draft(draft: DraftCard) -> Candidate:
    return Candidate(draft_key(draft), draft.kind, draft.body, draft.citations)


def _of_card(card: CardState) -> Candidate:
    machine = card.machine or {}
    return Candidate(card.key, CardKind(machine.get("kind", card.kind)), machine.get("body", card.body), card.citations)


def _kept(card: CardState, draft: DraftCard | None, topic_id: UUID, run_id: UUID) -> CardState:
    """An old card after the extraction. One the user has deleted, here or in another topic, is left alone."""
    if card.status is CardStatus.DELETED or card.topic_id != topic_id:
        return card
    if draft is None:
        return settled(replace(card, is_found=False))
    found = taken_over(card, draft)
    return found if found.served == card.served else replace(found, run_id=run_id)


def taken_over(card: CardState, draft: DraftCard) -> CardState:
    """The card with what the machine says now in the fields that the user has not touched."""
    machine = {"kind": str(draft.kind), "title": draft.title, "body": draft.body}
    untouched = {name: machine[name] for name in FIELDS if name not in card.edited}
    if "kind" in untouched:
        untouched["kind"] = CardKind(untouched["kind"])
    return settled(
        replace(
            card,
            **untouched,  # type: ignore[arg-type]
            confidence=_rounded(draft.confidence),
            citations=spans(draft),
            machine=machine,
            key=draft_key(draft),
            is_found=True,
        )
    )


def spans(draft: DraftCard) -> tuple[Span, ...]:
    return tuple(Span(c.message_id, c.start, c.end, c.quote_sha256) for c in draft.citations)


def _is_deleted(draft: DraftCard, deleted: Sequence[CardState]) -> bool:
    return any(matching.is_covered(draft.citations, card.citations) for card in deleted)


def new_card(card_id: str, topic_id: UUID, run_id: UUID, draft: DraftCard) -> CardState:
    machine = {"kind": str(draft.kind), "title": draft.title, "body": draft.body}
    return CardState(
        card_id, topic_id, draft.kind, draft.title, draft.body, _rounded(draft.confidence), spans(draft), run_id,
        machine=machine, key=draft_key(draft),
    )  # fmt: skip


def _rounded(confidence: float) -> float:
    return round(confidence, 4)
