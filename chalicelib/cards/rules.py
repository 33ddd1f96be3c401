"""The rules extractor: reads cards off a topic's messages by reviewed English cues, without a model.

Evidence is a sentence, or a clause of a long one. Each gives at most one card, of the kind whose cue is surest.
Windows are read alone and then combined, so a topic can be extended without reading its older windows again.
The approach (cue words with reviewed weights, picked by rank within a length budget) is that of extractive
summarising since H. P. Edmundson, "New Methods in Automatic Extracting", Journal of the ACM 16(2), 1969.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

from chalicelib.cards.models import CardKind, Citation, DraftCard, SourceMessage
from chalicelib.cards.rules_judge import Reading, read
from chalicelib.cards.rules_text import clean, segments
from chalicelib.cards.rules_titles import title_of
from chalicelib.cards.windows import split
from chalicelib.cards.words import words_key

USER = frozenset({"user"})

SURE = 0.8  # cards of this confidence are kept whatever the budget
BUDGET_SHARE = 0.14  # of a window's evidence characters, for cards less than sure
BUDGET_FLOOR = 280  # code points a window, for cards less than sure
DENSE_SHARE = 0.5  # of what sure cards cite, for the others at least: words full of decisions are no idle talk
REPLY_BUDGET = 40  # code points more for each reply: what is typed to somebody who answers is denser than talk
LENGTH_COST = 300  # code points that weigh as much as all confidence
STRETCH = 300  # code points of evidence; spread is counted in stretches
SPREAD, FAR = 0.1, 4  # confidence that a stretch between two cards is worth, and up to how many stretches
GIST_STRETCH = 250  # code points of evidence without a cue before a plain statement may stand for them
MAX_STRETCHES = 64  # in a window: those of very long ones are longer
MAX_PER_MESSAGE = 24
MAX_CITATIONS = 4  # the first evidence and up to three repeats


def extract(messages: Sequence[SourceMessage], *, roles: frozenset[str] = USER) -> list[DraftCard]:
    """The cards of a topic, in reading order; only messages of `roles` are evidence.

    `messages` are the topic's, in order. The result equals `combine` over `extract_window` of its windows, for any text
    and any number of messages.
    """
    return combine(extract_window(window, roles) for window in split(messages))


def extract_window(messages: Sequence[SourceMessage], roles: frozenset[str] = USER) -> list[DraftCard]:
    """The drafts that one window gives by itself, in reading order.

    Sure drafts are all kept; those less sure share a budget of code points, spread over the window. Where a cue is
    wanting for `GIST_STRETCH` code points, the statement that tells most takes part too. Confidence is explained at
    `rules_judge.read`.
    """
    evidence = [message for message in messages if message.role in roles]
    ends = list(accumulate((len(message.content) for message in evidence), initial=0))
    starts = {message.message_id: start for message, start in zip(evidence, ends, strict=False)}
    readings = [(message, reading) for message in evidence for reading in _readings(message)]
    found = combine([[_card(message, reading) for message, reading in _with_gists(readings, starts, ends[-1])]])
    length = max(STRETCH, ends[-1] // MAX_STRETCHES)
    stretches = [_place(draft.citations[0], starts) // length for draft in found]
    replies = len(messages) - len(evidence)
    budget = max(BUDGET_FLOOR, int(BUDGET_SHARE * ends[-1])) + REPLY_BUDGET * replies
    return _within_budget(found, stretches, budget)


def combine(windows: Iterable[Sequence[DraftCard]]) -> list[DraftCard]:
    """One card for each kind and evidence text: the first draft, citing up to `MAX_CITATIONS` places where it stands.

    Stable in reading order, and composable: combining what was combined before changes nothing.
    """
    merged: dict[tuple[CardKind, str], DraftCard] = {}
    for draft in (draft for window in windows for draft in window):
        key = (draft.kind, words_key(draft.body))
        first = merged.get(key)
        merged[key] = replace(first, citations=_joined(first.citations, draft.citations)) if first else draft
    return list(merged.values())


def _joined(first: tuple[Citation, ...], later: tuple[Citation, ...]) -> tuple[Citation, ...]:
    return (*first, *(citation for citation in later if citation not in first))[:MAX_CITATIONS]


def _readings(message: SourceMessage) -> list[Reading]:
    """What the message's segments make, in reading order; of those with a cue, the surest `MAX_PER_MESSAGE`."""
    found = [reading for segment in segments(message.content) if (reading := read(segment))]
    cued = sorted((reading for reading in found if not reading.worth), key=lambda reading: -reading.confidence)
    dropped = {reading.segment.start for reading in cued[MAX_PER_MESSAGE:]}
    return [reading for reading in found if reading.segment.start not in dropped]


def _card(message: SourceMessage, reading: Reading) -> DraftCard:
    start, end = reading.segment.start, reading.segment.end
    quote = message.content[start:end]
    body = clean(quote)
    citation = Citation(message.message_id, start, end, quote)
    return DraftCard(reading.kind, title_of(body), body, reading.confidence, (citation,))


def _place(citation: Citation, starts: dict[int, int]) -> int:
    """How many code points of the window's evidence come before the citation."""
    return starts[citation.message_id] + citation.start


def _with_gists(
    readings: Sequence[tuple[SourceMessage, Reading]], starts: dict[int, int], total: int
) -> list[tuple[SourceMessage, Reading]]:
    """The readings with a cue, and for each whole stretch without any the statement that tells most, in order."""
    length = max(GIST_STRETCH, total // MAX_STRETCHES)
    stretches = [(starts[message.message_id] + reading.segment.start) // length for message, reading in readings]
    cued = {stretch for stretch, (_, reading) in zip(stretches, readings, strict=True) if not reading.worth}
    best: dict[int, int] = {}
    for index, (stretch, (_, reading)) in enumerate(zip(stretches, readings, strict=True)):
        whole = stretch not in cued and stretch < total // length
        if whole and reading.worth > (readings[best[stretch]][1].worth if stretch in best else 0.0):
            best[stretch] = index
    chosen = set(best.values())
    return [pair for index, pair in enumerate(readings) if not pair[1].worth or index in chosen]


def _within_budget(drafts: Sequence[DraftCard], stretches: Sequence[int], budget: int) -> list[DraftCard]:
    """All sure drafts, and of the others what the budget leaves room for: each time the one of most value, which is
    its confidence, less its length, and more the further it stands from those kept."""
    kept = {index for index, draft in enumerate(drafts) if draft.confidence >= SURE}
    sure = sum(_cited(drafts[index]) for index in kept)
    room = max(budget - sure, int(sure * DENSE_SHARE))
    gaps = _gaps({stretches[index] for index in kept}, max(stretches, default=0) + 1)
    rest = {index: _value(draft) for index, draft in enumerate(drafts) if index not in kept}
    while rest := {index: value for index, value in rest.items() if _cited(drafts[index]) <= room}:
        best = max(rest, key=lambda index: (rest[index] + SPREAD * gaps[stretches[index]], -index))
        kept.add(best)
        room -= _cited(drafts[best])
        del rest[best]
        gaps = [min(gap, abs(stretch - stretches[best])) for stretch, gap in enumerate(gaps)]
    return [draft for index, draft in enumerate(drafts) if index in kept]


def _gaps(taken: set[int], count: int) -> list[int]:
    """How far each of `count` stretches is from a taken one, in stretches, at most `FAR`."""
    return [min(FAR, min((abs(stretch - other) for other in taken), default=FAR)) for stretch in range(count)]


def _cited(draft: DraftCard) -> int:
    return sum(citation.end - citation.start for citation in draft.citations)


def _value(draft: DraftCard) -> float:
    return draft.confidence - _cited(draft) / LENGTH_COST
