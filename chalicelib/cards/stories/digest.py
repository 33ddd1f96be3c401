"""The story that needs no model: what the cards say, in a fixed order and in their own words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.cards.models import CardKind
from chalicelib.cards.stories.models import Paragraph, Source, SourceCard

MOST = 8  # cards told of in a paragraph
LONGEST_QUOTE = 160  # code points of a body that is quoted whole; else the title is
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@dataclass(frozen=True, slots=True)
class Section:
    """A paragraph to be: which cards it tells of, and what it says of one and of several."""

    kinds: tuple[CardKind, ...]
    one: str
    several: str


SECTIONS = (
    Section((CardKind.DECISION,), "thing was decided", "things were decided"),
    Section((CardKind.QUESTION,), "question is open", "questions are open"),
    Section((CardKind.ACTION,), "thing is to be done", "things are to be done"),
    Section((CardKind.PREFERENCE,), "preference was stated", "preferences were stated"),
    Section((CardKind.FACT, CardKind.INSIGHT), "thing was noted", "things were noted"),
)


def tell(source: Source) -> tuple[str | None, list[Paragraph]]:
    """The title, if something was decided, and a paragraph for every section that has cards.

    The title is that of the first decision told of: the first that is pinned, else the first said.
    """
    found = ((section, [card for card in source.cards if card.kind in section.kinds]) for section in SECTIONS)
    paragraphs = [_paragraph(section, cards, source.totals) for section, cards in found if cards]
    first = paragraphs[0].cards[0] if paragraphs else None
    title = first.title if first and first.kind is CardKind.DECISION else None
    return title, paragraphs


def _paragraph(section: Section, cards: Sequence[SourceCard], totals: Mapping[CardKind, int]) -> Paragraph:
    told = _chosen(cards)
    count = max(sum(totals.get(kind, 0) for kind in section.kinds), len(told))
    number = NUMBERS[count].capitalize() if count < len(NUMBERS) else f"{count:,}"
    lead = f"{number} {section.one if count == 1 else section.several}"
    among = ", among them" if count > len(told) else ""
    quotes = "; ".join(f"“{_words(card)}”" for card in told)
    return Paragraph(f"{lead}{among}: {quotes}.", tuple(told))


def _chosen(cards: Sequence[SourceCard]) -> list[SourceCard]:
    """What is pinned, then the newest, as many as fit; the pinned ones stand first, each part in reading order."""
    pinned = [card for card in cards if card.pinned][-MOST:]
    others = [card for card in cards if not card.pinned]
    return pinned + others[max(len(others) - (MOST - len(pinned)), 0) :]


def _words(card: SourceCard) -> str:
    body = " ".join(card.body.split())
    words = body if len(body) <= LONGEST_QUOTE else " ".join(card.title.split())
    return words[:-1] if words.endswith(".") and not words.endswith("..") else words
