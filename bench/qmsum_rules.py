"""How well the rules extractor's citations meet what people asked about meetings, and how much it cites for that.

    PYTHONPATH=. python bench/qmsum_rules.py [path/to/qmsum_ALL_val.jsonl]

Data: QMSum (Zhong et al., "QMSum: A New Benchmark for Query-based Multi-domain Meeting Summarization", NAACL 2021),
one meeting a line. Every utterance that is not blank is a user's message. A labelled answer span is touched if one
of its characters is cited. Compared with citing as many characters at random, in three ways: whole utterances,
pieces of the same lengths anywhere, and sentences (`Yeah.` is one too, so these are many and touch most).
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from chalicelib.cards.models import DraftCard, SourceMessage
from chalicelib.cards.rules import extract
from chalicelib.cards.rules_text import segments

DEFAULT_PATH = Path("../shared/data/topics/qmsum_ALL_val.jsonl")
SEEDS = range(10)

Place = tuple[int, int, int]  # utterance index, start, end
Draw = Callable[["Meeting", Sequence[Place], random.Random], list[Place]]


@dataclass(frozen=True)
class Meeting:
    """`spans` are inclusive ranges of utterance indices, one for each labelled answer span."""

    messages: list[SourceMessage]
    spans: list[tuple[int, int]]


def load(path: Path) -> Iterator[Meeting]:
    for line in path.read_text(encoding="utf-8").splitlines():
        record: dict[str, Any] = json.loads(line)
        turns = [turn["content"] for turn in record["meeting_transcripts"]]
        messages = [SourceMessage(index, "user", text) for index, text in enumerate(turns) if text.strip()]
        queries = record["specific_query_list"]
        spans = [(int(first), int(last)) for query in queries for first, last in query["relevant_text_span"]]
        yield Meeting(messages, spans)


def cited_places(cards: Iterable[DraftCard]) -> list[Place]:
    return sorted({(cited.message_id, cited.start, cited.end) for card in cards for cited in card.citations})


def random_utterances(meeting: Meeting, places: Sequence[Place], rng: random.Random) -> list[Place]:
    return drawn(whole(meeting), characters(places), rng)


def random_sentences(meeting: Meeting, places: Sequence[Place], rng: random.Random) -> list[Place]:
    pool = [(item.message_id, cut.start, cut.end) for item in meeting.messages for cut in segments(item.content)]
    return drawn(pool, characters(places), rng)


def random_pieces(meeting: Meeting, places: Sequence[Place], rng: random.Random) -> list[Place]:
    """Pieces as long as `places`, each begun in an utterance drawn by its length."""
    weights = [len(item.content) for item in meeting.messages]
    drawn_items = rng.choices(meeting.messages, weights, k=len(places))
    return [(item.message_id, 0, end - start) for item, (_, start, end) in zip(drawn_items, places, strict=True)]


def drawn(pool: list[Place], budget: int, rng: random.Random) -> list[Place]:
    """Places drawn without replacement until `budget` characters are cited."""
    rng.shuffle(pool)
    taken: list[Place] = []
    while pool and budget > 0:
        taken.append(pool.pop())
        budget -= taken[-1][2] - taken[-1][1]
    return taken


def characters(places: Iterable[Place]) -> int:
    return sum(end - start for _, start, end in places)


def touched(meeting: Meeting, places: Sequence[Place]) -> int:
    cited = {index for index, _, _ in places}
    return sum(any(index in cited for index in range(first, last + 1)) for first, last in meeting.spans)


def inside(meeting: Meeting, places: Iterable[Place]) -> int:
    """Characters of `places` that lie in a labelled span."""
    labelled = {index for first, last in meeting.spans for index in range(first, last + 1)}
    return characters(place for place in places if place[0] in labelled)


def whole(meeting: Meeting) -> list[Place]:
    return [(item.message_id, 0, len(item.content)) for item in meeting.messages]


def duplicates(cards: Sequence[DraftCard]) -> int:
    return len(cards) - len({(card.kind, card.body.casefold()) for card in cards})


def verbatim(meeting: Meeting, cards: Iterable[DraftCard]) -> tuple[int, int]:
    """(quotes that stand in their message exactly where they say, quotes)."""
    texts = {item.message_id: item.content for item in meeting.messages}
    citations = [cited for card in cards for cited in card.citations]
    exact = sum(texts[cited.message_id][cited.start : cited.end] == cited.quote for cited in citations)
    return exact, len(citations)


def main(path: Path) -> None:
    meetings = list(load(path))
    results = [(meeting, extract(meeting.messages)) for meeting in meetings]
    describe(results)
    compare([(meeting, cited_places(cards)) for meeting, cards in results])


def describe(results: Sequence[tuple[Meeting, list[DraftCard]]]) -> None:
    messages = sum(len(meeting.messages) for meeting, _ in results)
    kinds = Counter(card.kind.value for _, cards in results for card in cards)
    exact = [verbatim(meeting, cards) for meeting, cards in results]
    print(f"meetings {len(results)}, messages {messages}")
    print("cards", sum(kinds.values()), dict(kinds.most_common()))
    print(f"cards per 100 messages {100 * sum(kinds.values()) / messages:.1f}")
    print(f"quotes verbatim {sum(good for good, _ in exact)} of {sum(count for _, count in exact)}")
    print("duplicates", sum(duplicates(cards) for _, cards in results))


def compare(results: Sequence[tuple[Meeting, list[Place]]]) -> None:
    total = sum(characters(whole(meeting)) for meeting, _ in results)
    labelled = sum(inside(meeting, whole(meeting)) for meeting, _ in results)
    cited = sum(characters(places) for _, places in results)
    spans = sum(len(meeting.spans) for meeting, _ in results)
    hit = sum(touched(meeting, places) for meeting, places in results)
    base, share = labelled / total, sum(inside(meeting, places) for meeting, places in results) / cited
    print(f"characters cited {cited} of {total}: {cited / total:.2%}")
    print(f"spans touched {hit} of {spans}: {hit / spans:.2%}")
    for draw in (random_utterances, random_pieces, random_sentences):
        runs = [random_run(results, draw, seed) / spans for seed in SEEDS]
        print(f"  {draw.__name__:18} {mean(runs):.2%} (from {min(runs):.2%} to {max(runs):.2%})")
    print(f"cited characters inside spans {share:.2%}, base rate {base:.2%}, lift {share / base:.3f}")


def random_run(results: Sequence[tuple[Meeting, list[Place]]], draw: Draw, seed: int) -> int:
    rng = random.Random(seed)
    return sum(touched(meeting, draw(meeting, places, rng)) for meeting, places in results)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_PATH)
