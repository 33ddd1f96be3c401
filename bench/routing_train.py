"""Fits the table of routing v1 on labelled chat and writes it into the package. The same data gives the same table.

    PYTHONPATH=. python bench/routing_train.py [path/to/topics]

Reads `tiage_anno_train.json` only. Logistic regression with an L2 penalty, by Newton's method, on the features of
`chalicelib/conversations/shifts/features.py` that occur in enough dialogues (so that no word of one dialogue is kept).
Two numbers are chosen by cross-validation on the same file, for the lowest WindowDiff: patience, the run of messages
after which a topic's next shift is half as likely, and the threshold in log-odds above which a message opens a topic.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from bench.routing_data import TRAIN, Talk, chats, folder, never
from chalicelib.conversations.replays import agreement
from chalicelib.conversations.shifts import features
from chalicelib.conversations.shifts.features import Features
from chalicelib.conversations.shifts.model import SHORTEST_RUN
from chalicelib.conversations.shifts.text import read

TABLE = Path(__file__).resolve().parents[1] / "chalicelib/conversations/shifts/table.py"
VERSION = "en-chat-1"
LEAST = 12  # dialogues a feature occurs in
PENALTY = 10.0
FOLDS, ROUNDS = 5, 4
PATIENCE = (5, 10, 20, 40)
THRESHOLDS = [round(-1.0 + 0.1 * step, 1) for step in range(17)]
WIDTH = 116

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    talk: int
    found: Features
    opens: bool


@dataclass(frozen=True)
class Fit:
    intercept: float
    weights: dict[str, float]

    def log_odds(self, found: Features) -> float:
        return self.intercept + sum(value * self.weights.get(name, 0.0) for name, value in found.items())


def examples(talks: Sequence[Talk]) -> list[Example]:
    return [example for number, talk in enumerate(talks) for example in _of_talk(number, talk)]


def _of_talk(number: int, talk: Talk) -> list[Example]:
    read_ones = [read(text) for text in talk.texts]
    found = []
    for index in range(1, len(read_ones)):
        message, before = read_ones[index], read_ones[:index]
        both = features.cohesion(message, before) | features.of_subjects(message, before)
        found.append(Example(number, features.cues(message, before[-1]) | both, talk.opens[index]))
    return found


def fit(given: Sequence[Example]) -> Fit:
    dialogues = Counter(name for name, _ in {(name, item.talk) for item in given for name in item.found})
    names = sorted(name for name, count in dialogues.items() if count >= LEAST)
    column = {name: place for place, name in enumerate(names, start=1)}
    matrix = np.zeros((len(given), len(names) + 1))
    matrix[:, 0] = 1.0
    for row, item in enumerate(given):
        for name, value in item.found.items():
            if name in column:
                matrix[row, column[name]] = value
    weights = newton(matrix, np.array([item.opens for item in given], dtype=float))
    return Fit(float(weights[0]), {name: float(weights[place]) for name, place in column.items()})


def newton(matrix: Floats, labels: Floats) -> Floats:
    """The weights of least penalised logistic loss; the first column's is not penalised."""
    penalty = np.full(matrix.shape[1], PENALTY)
    penalty[0] = 0.0
    weights = np.zeros(matrix.shape[1])
    for _ in range(30):
        odds = 1.0 / (1.0 + np.exp(-(matrix @ weights)))
        gradient = matrix.T @ (odds - labels) + penalty * weights
        curvature = (matrix.T * (odds * (1.0 - odds))) @ matrix + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < 1e-9:
            break
    return weights


def held_out(given: Sequence[Example], talks: int, seed: int) -> list[float]:
    """Log-odds of every example, from a fit on the folds without its dialogue."""
    order = list(range(talks))
    random.Random(seed).shuffle(order)
    fold = {talk: place % FOLDS for place, talk in enumerate(order)}
    fits = [fit([item for item in given if fold[item.talk] != number]) for number in range(FOLDS)]
    return [fits[fold[item.talk]].log_odds(item.found) for item in given]


def decide(odds: Sequence[float], patience: int, threshold: float) -> list[bool]:
    """As the router decides: a topic's run of messages speaks against its end."""
    opens, run = [False], 1
    for value in odds:
        opens.append(value - math.log1p(run / patience) > threshold and run >= SHORTEST_RUN)
        run = 1 if opens[-1] else run + 1
    return opens


def choose(talks: Sequence[Talk], rounds: Sequence[Sequence[Sequence[float]]]) -> tuple[int, float, float]:
    """(patience, threshold, WindowDiff). A threshold counts with its neighbours, so that no lucky one is chosen."""

    def score(patience: int, threshold: float) -> float:
        return mean(
            window_diff(decide(odds, patience, threshold), talk)
            for held in rounds
            for odds, talk in zip(held, talks, strict=True)
        )

    results = {patience: [score(patience, threshold) for threshold in THRESHOLDS] for patience in PATIENCE}
    smooth = [
        (mean(scores[place - 1 : place + 2]), patience, THRESHOLDS[place], scores[place])
        for patience, scores in results.items()
        for place in range(1, len(THRESHOLDS) - 1)
    ]
    _, patience, threshold, found = min(smooth)
    return patience, threshold, found


def window_diff(opens: Sequence[bool], talk: Talk) -> float:
    return agreement.window_diff(opens, talk.opens) or 0.0


def by_talk(given: Sequence[Example], odds: Sequence[float], talks: int) -> list[list[float]]:
    grouped: list[list[float]] = [[] for _ in range(talks)]
    for item, value in zip(given, odds, strict=True):
        grouped[item.talk].append(value)
    return grouped


def source(fitted: Fit, patience: int, threshold: float) -> str:
    entries = [f"{name.replace(' ', '_')}={weight:.3g}" for name, weight in sorted(fitted.weights.items())]
    lines = [""]
    for entry in entries:
        if len(lines[-1]) + len(entry) + 1 > WIDTH:
            lines.append("")
        lines[-1] += f" {entry}" if lines[-1] else entry
    body = "\n".join(f"    {line}" for line in lines)
    return (
        '"""The fitted numbers of routing v1, written by `bench/routing_train.py`; not edited by hand.\n\n'
        "`name=weight` in log-odds. `w:` a word, `b:` two words in a row, `f:` the first word, `q:` the opening of\n"
        "the last question before; `new:` and `kept:` a subject; the rest are counts and shares\n"
        '(`shifts/features.py`).\n"""\n'
        "\nfrom __future__ import annotations\n"
        f'\nVERSION = "{VERSION}"\n'
        f"INTERCEPT = {fitted.intercept:.4f}\nTHRESHOLD = {threshold}  # log-odds\n"
        f"PATIENCE = {patience}  # messages\n"
        f'WEIGHTS = """\n{body}\n"""\n'
    )


def main() -> None:
    talks = chats(folder() / TRAIN)
    given = examples(talks)
    rounds = [by_talk(given, held_out(given, len(talks), seed), len(talks)) for seed in range(ROUNDS)]
    patience, threshold, found = choose(talks, rounds)
    base = mean(window_diff(never(talk), talk) for talk in talks)
    print(f"held out: WindowDiff {found:.4f}, never splitting {base:.4f}, {1 - found / base:.1%} lower")
    fitted = fit(given)
    TABLE.write_text(source(fitted, patience, threshold), encoding="utf-8")
    print(f"{len(fitted.weights)} weights, patience {patience}, threshold {threshold}: {TABLE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
