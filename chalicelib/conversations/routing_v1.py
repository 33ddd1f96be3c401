"""Routing v1: v0, and a message may also open a topic by what it says. Pure, deterministic, causal: it looks at the
message and at those before it.

User and assistant messages both are talk that a message may take up again, read in order. The guard below looks at the
user's alone: how long an answer is says nothing of how the user talks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chalicelib.conversations.models import Decision
from chalicelib.conversations.routing import route as route_v0
from chalicelib.conversations.shifts.model import SHORTEST_RUN, Odds, weigh
from chalicelib.conversations.shifts.table import VERSION
from chalicelib.conversations.shifts.text import Utterance, read

POLICY = "v1"
WINDOW = 16  # messages before, at most
LONGEST_RUN = 200  # messages of a topic that are counted, at most
LONG = 40  # words: twice what the table was fitted on
SITTING = 8.0  # hours: a longer pause ends it


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message before."""

    role: str
    topic_id: UUID
    utterance: Utterance


@dataclass(frozen=True, slots=True)
class Window:
    """What went before. `messages`: the conversation's newest, oldest first; `run`: how many the active topic has;
    `pause`: hours since the newest."""

    messages: Sequence[Spoken]
    run: int
    pause: float


NOTHING_BEFORE = Window((), 0, 0.0)


def route(content: str, explicit_topic_id: UUID | None, active_topic_id: UUID | None, window: Window) -> Decision:
    """Decides where a message goes. An explicit topic always wins, and a switch phrase always switches."""
    first = route_v0(content, explicit_topic_id, active_topic_id)
    if first.rule != "active_topic" or not _follows(window, active_topic_id):
        return Decision(first.rule, POLICY, first.topic_id, first.signals)
    message = read(content)
    odds = weigh(message, [spoken.utterance for spoken in window.messages], window.run, window.pause)
    longest = _longest(message, window.messages)
    signals = first.signals | _signals(odds, longest)
    if longest > LONG and window.pause < SITTING:
        return Decision("steady_talk", POLICY, active_topic_id, signals)
    if odds.speak_for_shift and window.run >= SHORTEST_RUN:
        return Decision("topic_shift", POLICY, None, signals)
    return Decision("active_topic", POLICY, active_topic_id, signals)


def _follows(window: Window, active_topic_id: UUID | None) -> bool:
    """Whether the message comes after one of the active topic. If not, the user has just chosen that topic."""
    return bool(window.messages) and window.messages[-1].topic_id == active_topic_id


def _longest(message: Utterance, before: Sequence[Spoken]) -> int:
    """Words of the user's longest message of late. Long ones are steady talk, of which the table knows nothing."""
    return max([message.length, *(spoken.utterance.length for spoken in before if spoken.role == "user")])


def _signals(odds: Odds, longest: int) -> dict[str, Any]:
    """Numbers only: none of the user's words."""
    parts = {name: round(getattr(odds, name), 3) for name in ("cues", "cohesion", "subjects", "run", "pause", "total")}
    return {"table_version": VERSION, "log_odds": parts, "longest_message": longest}
