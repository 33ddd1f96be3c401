"""CPU time of the rules extractor on 1,000 messages of 100 characters; the budget is 150 ms.

    PYTHONPATH=. python bench/rules_speed.py

Prints the best and the median of several runs, in milliseconds of this process's CPU time.
"""

from __future__ import annotations

import random
from statistics import median
from time import process_time

from chalicelib.cards.models import SourceMessage
from chalicelib.cards.rules import extract

BUDGET_MS = 150
MESSAGES, LENGTH, RUNS = 1000, 100, 9
SENTENCES = (
    "I decided to go with Postgres.",
    "We should email Ana about the contract by Friday.",
    "Do we need a cache in front of the search page?",
    "I prefer short answers with a code example.",
    "Our office is in Lisbon and the team is remote.",
    "I realised that the bottleneck is the network.",
    "Thanks, that helps a lot.",
    "The weather was lovely so I walked along the river.",
    "Here is the log from the last run of the importer.",
    "Hmm, let me read that again before I answer.",
    "It reads the file line by line and keeps a counter.",
    "The tests passed on the second try this morning.",
)


def chat(seed: int = 7) -> list[SourceMessage]:
    """`MESSAGES` messages of exactly `LENGTH` characters, two to four sentences each, about half with a cue."""
    rng = random.Random(seed)
    texts = (" ".join(rng.choice(SENTENCES) for _ in range(6))[:LENGTH].ljust(LENGTH, ".") for _ in range(MESSAGES))
    return [SourceMessage(index, "user", text) for index, text in enumerate(texts)]


def run_ms(messages: list[SourceMessage]) -> float:
    began = process_time()
    extract(messages)
    return (process_time() - began) * 1000


def main() -> None:
    messages = chat()
    cards = len(extract(messages))
    times = [run_ms(messages) for _ in range(RUNS)]
    print(f"{MESSAGES} messages of {LENGTH} characters, {cards} cards")
    print(f"CPU best {min(times):.0f} ms, median {median(times):.0f} ms; budget {BUDGET_MS} ms")


if __name__ == "__main__":
    main()
