"""What became of a story's paragraphs between two versions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.cards.stories.models import ShownParagraph


@dataclass(frozen=True, slots=True)
class Comparison:
    """Paragraphs in the order of the version they stand in; `changed` holds each before and after."""

    added: list[ShownParagraph]
    removed: list[ShownParagraph]
    changed: list[tuple[ShownParagraph, ShownParagraph]]
    unchanged: int


def compare(before: Sequence[ShownParagraph], after: Sequence[ShownParagraph]) -> Comparison:
    """A paragraph with the same words on the same cards is unchanged. Of the others, those that share most cards are
    the same paragraph, changed; what shares none with any was added or removed."""
    left = list(range(len(before)))
    new: list[int] = []
    for index, paragraph in enumerate(after):
        same = next((i for i in left if _says(before[i]) == _says(paragraph)), None)
        if same is None:
            new.append(index)
        else:
            left.remove(same)
    pairs = _pairs(before, after, left, new)
    return Comparison(
        added=[after[i] for i in new if i not in pairs.values()],
        removed=[before[i] for i in left if i not in pairs],
        changed=[(before[i], after[j]) for i, j in sorted(pairs.items(), key=lambda pair: pair[1])],
        unchanged=len(after) - len(new),
    )


def _says(paragraph: ShownParagraph) -> tuple[str, list[str]]:
    return paragraph.text, paragraph.card_ids


def _pairs(
    before: Sequence[ShownParagraph], after: Sequence[ShownParagraph], left: Sequence[int], new: Sequence[int]
) -> dict[int, int]:
    """What each of the paragraphs left became, by their places; those that share most cards first."""
    shared = [(len(set(before[i].card_ids) & set(after[j].card_ids)), i, j) for i in left for j in new]
    pairs: dict[int, int] = {}
    for _, i, j in sorted((one for one in shared if one[0]), key=lambda one: (-one[0], one[1], one[2])):
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    return pairs
