"""How likely a message turns to another topic: the fitted weights, with priors for long runs and for pauses. Pure.

Log-odds throughout. The weights come from short chat whose topics last a few messages (`bench/routing_train.py`); what
that chat could not teach are documented priors: `run` and `pause`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from chalicelib.conversations.shifts import features, table
from chalicelib.conversations.shifts.features import Features
from chalicelib.conversations.shifts.text import Utterance

SHORTEST_RUN = 2  # messages that every topic gets
PAUSE_WEIGHT, PAUSE_MOST = 0.5, 2.0


@dataclass(frozen=True, slots=True)
class Odds:
    """What spoke for a shift (positive) or against it, in log-odds."""

    cues: float
    cohesion: float
    subjects: float
    run: float
    pause: float

    @property
    def total(self) -> float:
        return table.INTERCEPT + self.cues + self.cohesion + self.subjects + self.run + self.pause

    @property
    def speak_for_shift(self) -> bool:
        return self.total > table.THRESHOLD


def weigh(message: Utterance, before: Sequence[Utterance], run: int, pause: float) -> Odds:
    """
    Args:
        before: oldest first, at least one.
        run: messages the running topic has had.
        pause: hours since the message before.
    """
    return Odds(
        _sum(features.cues(message, before[-1])),
        _sum(features.cohesion(message, before)),
        _sum(features.of_subjects(message, before)),
        -math.log1p(run / table.PATIENCE),
        min(PAUSE_MOST, PAUSE_WEIGHT * math.log1p(max(0.0, pause))),
    )


def _sum(found: Features) -> float:
    known = _weights()
    return sum(value * known.get(name, 0.0) for name, value in found.items())


@cache
def _weights() -> dict[str, float]:
    """Feature name to weight. In the table a space inside a name is written `_`."""
    pairs = (entry.rsplit("=", 1) for entry in table.WEIGHTS.split())
    return {name.replace("_", " ") if name[1] == ":" else name: float(weight) for name, weight in pairs}
