"""How well the router finds where talk turns to another topic: never splitting, v0 and v1, on chat and on meetings.

    PYTHONPATH=. python bench/routing.py [path/to/topics]

Every utterance but the first is a candidate, decided on it and those before it. All are user's messages, without times.
Pk and WindowDiff (lower is better): by `segeval`, each talk with the window of its own reference, then the mean. F1:
by `segeval`, exact boundaries only, counted over all talks. v1's table was fitted on `tiage_anno_train.json` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import mean
from uuid import UUID

import segeval

from bench.routing_data import DEV, MEETINGS, Talk, chats, folder, masses, meetings, never
from bench.support import Targets
from chalicelib.conversations import routing_v1
from chalicelib.conversations.models import Decision
from chalicelib.conversations.routing import route as route_v0
from chalicelib.conversations.routing_v1 import LONGEST_RUN, WINDOW, Spoken, Window
from chalicelib.conversations.shifts.text import read

Guess = Sequence[bool]
LOWER = 0.12  # than never splitting, in WindowDiff on chat


def v0(talk: Talk) -> list[bool]:
    topic = UUID(int=1)
    return [False, *(route_v0(text, None, topic).topic_id is None for text in talk.texts[1:])]


def v1(talk: Talk) -> list[bool]:
    spoken: list[Spoken] = []
    opens: list[bool] = []
    run = 0
    for number, text in enumerate(talk.texts):
        decision = _decide(text, spoken, run)
        opens.append(decision.topic_id is None and number > 0)
        run = 1 if decision.topic_id is None else run + 1
        topic = UUID(int=number) if decision.topic_id is None else decision.topic_id
        spoken.append(Spoken("user", topic, read(text)))
    return opens


def _decide(text: str, spoken: Sequence[Spoken], run: int) -> Decision:
    active = spoken[-1].topic_id if spoken else None
    return routing_v1.route(text, None, active, Window(spoken[-WINDOW:], min(run, LONGEST_RUN), 0.0))


def window_diff(guesses: Sequence[Guess], talks: Sequence[Talk]) -> float:
    return mean(float(segeval.window_diff(*pair)) for pair in _pairs(guesses, talks))


def pk(guesses: Sequence[Guess], talks: Sequence[Talk]) -> float:
    return mean(float(segeval.pk(*pair)) for pair in _pairs(guesses, talks))


def f1(guesses: Sequence[Guess], talks: Sequence[Talk]) -> float:
    counts = segeval.ConfusionMatrix()
    for pair in _pairs(guesses, talks):
        if max(map(len, pair)) == 1:  # no boundary in either: nothing to count, and segeval would fail
            continue
        for predicted, row in segeval.boundary_confusion_matrix(*pair, n_t=1).items():
            for actual, count in row.items():
                counts[predicted][actual] += count
    return float(segeval.fmeasure(counts, classification=1))


def _pairs(guesses: Sequence[Guess], talks: Sequence[Talk]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    return [(masses(guess), masses(talk.opens)) for guess, talk in zip(guesses, talks, strict=True)]


def report(name: str, talks: Sequence[Talk]) -> dict[str, float]:
    """WindowDiff by policy."""
    policies: dict[str, Callable[[Talk], list[bool]]] = {"never": never, "v0": v0, "v1": v1}
    utterances, boundaries = sum(len(talk.texts) for talk in talks), sum(sum(talk.opens) for talk in talks)
    print(f"{name}: {len(talks)} talks, {utterances} utterances, {boundaries} boundaries")
    found = {}
    for policy, decide in policies.items():
        guesses = [decide(talk) for talk in talks]
        found[policy] = window_diff(guesses, talks)
        splits = sum(map(sum, guesses))
        figures = f"Pk {pk(guesses, talks):.4f}  WindowDiff {found[policy]:.4f}  F1 {f1(guesses, talks):.4f}"
        print(f"  {policy:5}  {figures}  splits {splits}")
    return found


def main() -> None:
    data = folder()
    on_chat = report("TIAGE dev", chats(data / DEV))
    on_meetings = report("QMSum val", meetings(data / MEETINGS))
    lower = 1 - on_chat["v1"] / on_chat["never"]
    print(f"v1 is {lower:.1%} below never splitting in WindowDiff on chat")
    targets = Targets()
    targets.check(f"v1 at least {LOWER:.0%} below never splitting on chat", lower >= LOWER)
    targets.check("v1 never worse than never splitting on meetings", on_meetings["v1"] <= on_meetings["never"])
    targets.exit()


if __name__ == "__main__":
    main()
