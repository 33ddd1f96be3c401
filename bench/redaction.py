"""What redaction costs: CPU milliseconds of the gate for prose, program text and hostile texts, and the longest slice.

PYTHONPATH=.:sdk/src python bench/redaction.py
"""

from __future__ import annotations

import json
import random
import statistics
import string
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from glia_wire.redaction import Gate

WORDS = [
    "the", "model", "answers", "when", "a", "question", "is", "asked", "about", "gardens", "and", "fences",
    "because", "tomatoes", "need", "light", "water", "patience", "and", "some", "notes", "taken", "in", "March",
    "while", "others", "wait", "for", "the", "first", "warm", "evening", "of", "the", "year;", "then", "it",
    "explains", "its", "reasons,", "step", "by", "step:", "soil,", "seeds,", "time.", "A", "plan", "from", "1998",
    "had", "3", "parts.",
]  # fmt: skip


def fill(words: list[str], characters: int) -> str:
    """Ordinary English words, with the numbers, colons and capitals that such text has."""
    rng = random.Random(1)
    out = " ".join(rng.choice(words) for _ in range(characters // 4))
    return out[:characters]


def cases() -> dict[str, tuple[object, int]]:
    """Each case with how often it is run."""
    megabyte = 1_000_000
    text = fill(WORDS, megabyte)
    code = (Path(json.__file__).read_text(encoding="utf-8") * 400)[:megabyte]
    rng = random.Random(2)
    records = json.dumps([{"id": i, "name": rng.choice(WORDS), "score": rng.random()} for i in range(18_000)])[
        :megabyte
    ]
    base64 = "".join(rng.choices(string.ascii_letters + string.digits + "+/", k=megabyte))
    return {
        "prose, 1 KB": (text[:1_000], 2_000),
        "messages, 20 of 50 characters": ([{"role": "user", "content": text[i : i + 50]} for i in range(20)], 500),
        "prose, 100 KB": (text[:100_000], 50),
        "prose, 1 MB": (text, 7),
        "prose with accents, 1 MB": (text.replace("e", "é"), 7),
        "prose with one address, 1 MB": (text[:500_000] + " ann@example.com " + text[500_000:], 7),
        "program text, 1 MB": (code, 7),
        "JSON as text, 1 MB": (records, 7),
        "Base64, 1 MB": (base64, 7),
        "hostile: key=key=, 1 MB": ("key=" * (megabyte // 4), 1),
        "hostile: a@a@a@, 1 MB": ("a@" * (megabyte // 2), 1),
        "hostile: digits and spaces, 1 MB": ("41 " * (megabyte // 3), 1),
    }


def cpu(call: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    begun = time.process_time()
    call()
    return time.process_time() - begun


class Slices:
    """The longest time between two breaths."""

    def __init__(self) -> None:
        self.longest, self._last = 0.0, time.perf_counter()

    def breathe(self) -> None:
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last), now


def main() -> None:
    print(f"{'case':34} {'ms':>9} {'longest slice, ms':>18}")
    for name, (value, runs) in cases().items():
        gate, slices = Gate(), Slices()
        gate.redact(value)
        taken = statistics.median(cpu(partial(gate.redact, value)) for _ in range(runs))
        slices = Slices()
        gate.redact(value, slices.breathe)
        slices.breathe()
        print(f"{name:34} {taken * 1000:9.3f} {slices.longest * 1000:18.2f}")


if __name__ == "__main__":
    main()
