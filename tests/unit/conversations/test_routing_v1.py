"""Routing v1: what it decides, on what, and what holds whatever is said."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.conversations import routing
from chalicelib.conversations.models import Decision
from chalicelib.conversations.routing_v1 import LONG, NOTHING_BEFORE, SITTING, WINDOW, Spoken, Window, route
from chalicelib.conversations.shifts import features, model
from chalicelib.conversations.shifts.text import CLOSING, OPENING, read

TOPIC, OTHER = UUID(int=1), UUID(int=2)
COOKING = (
    "I made lasagna for dinner last night.",
    "That sounds tasty. Do you cook often?",
    "Most evenings, I love my oven.",
    "You should try my garlic bread recipe.",
)
SHIFT = "Thanks. Do you have any pets?"
words = st.sampled_from([*" ".join(COOKING).split(), *SHIFT.split(), "Okay.", "another", "Japan?", "work"])
messages = st.lists(words, min_size=1, max_size=12).map(" ".join) | st.text(min_size=1, max_size=60)


def window(*said: str, run: int | None = None, pause: float = 0.0, topic: UUID = TOPIC) -> Window:
    """User and assistant by turns."""
    spoken = [Spoken(("user", "assistant")[n % 2], topic, read(text)) for n, text in enumerate(said)]
    return Window(spoken[-WINDOW:], len(said) if run is None else run, pause)


def decide(content: str, before: Window) -> Decision:
    return route(content, None, TOPIC, before)


@pytest.mark.parametrize(
    "content",
    [SHIFT, "Where do you work?", "Can you help me plan a trip to Japan?", "My car broke down, is there a garage?"],
)
def test_a_message_about_something_else_opens_a_topic(content: str) -> None:
    """With short talk about cooking before it."""
    decision = decide(content, window(*COOKING))
    assert (decision.rule, decision.policy, decision.topic_id) == ("topic_shift", "v1", None)


@pytest.mark.parametrize(
    "content",
    ["How much garlic is in the bread?", "I will bake the bread tomorrow.", "Yes.", "Me too!", "Why is that?"],
)
def test_a_message_that_takes_something_up_goes_on(content: str) -> None:
    """By its words, its subject, or because it answers."""
    decision = decide(content, window(*COOKING))
    assert (decision.rule, decision.topic_id) == ("active_topic", TOPIC)


def test_v0_decides_first() -> None:
    """An explicit topic wins over everything, a switch phrase over the guard, and there may be no topic yet."""
    long_talk = window("so " * (LONG + 1), *COOKING[1:])
    assert route(SHIFT, OTHER, TOPIC, window(*COOKING)).rule == "explicit_topic"
    assert route(SHIFT, OTHER, TOPIC, window(*COOKING)).topic_id == OTHER
    assert decide("New topic: pets", long_talk).rule == "switch_signal"
    assert route(SHIFT, None, None, NOTHING_BEFORE).rule == "no_active_topic"
    assert {route(SHIFT, OTHER, TOPIC, NOTHING_BEFORE).policy, decide("New topic: pets", long_talk).policy} == {"v1"}


def test_long_messages_of_the_user_are_steady_talk() -> None:
    """The table knows short talk only. The assistant's may be as long as they like; a long pause ends the sitting."""
    rambling = "so " * (LONG + 1)
    by_user, by_assistant = (rambling, *COOKING[1:]), (COOKING[0], rambling, *COOKING[2:])
    assert decide(SHIFT, window(*by_user)).rule == "steady_talk"
    assert decide(SHIFT, window(*by_user)).topic_id == TOPIC
    assert decide(SHIFT, window(*by_assistant)).rule == "topic_shift"
    assert decide(SHIFT, window(*by_user, pause=SITTING)).rule == "topic_shift"
    assert decide(f"{rambling}. {SHIFT}", window(*COOKING)).rule == "steady_talk"


def test_a_topic_gets_two_messages_and_a_long_one_is_not_left_lightly() -> None:
    """Its first message is not split off; the longer it has run, the more it takes to leave it."""
    assert decide(SHIFT, window(*COOKING, run=1)).rule == "active_topic"
    assert decide(SHIFT, window(*COOKING, run=2)).rule == "topic_shift"
    assert decide(SHIFT, window(*COOKING, run=200)).rule == "active_topic"
    odds = [decide(SHIFT, window(*COOKING, run=run)).signals["log_odds"]["total"] for run in (2, 10, 50, 200)]
    assert odds == sorted(odds, reverse=True)
    assert len(set(odds)) == 4


def test_a_pause_speaks_for_a_new_topic() -> None:
    """The longer, the more, up to a bound; a clock that runs backwards says nothing."""
    content = "We need to fix the login bug before the deploy."
    assert decide(content, window(*COOKING)).rule == "active_topic"
    assert decide(content, window(*COOKING, pause=12.0)).rule == "topic_shift"
    weights = [
        decide(SHIFT, window(*COOKING, pause=hours)).signals["log_odds"]["pause"] for hours in (-5, 0, 1, 8, 1e6)
    ]
    assert weights[:2] == [0.0, 0.0]
    assert weights == sorted(weights)
    assert weights[-1] == model.PAUSE_MOST


def test_a_topic_just_chosen_by_hand_takes_the_next_message() -> None:
    """The newest message is of another topic: the user went back, and what they say now belongs there."""
    assert decide(SHIFT, window(*COOKING, topic=OTHER)).rule == "active_topic"
    assert decide(SHIFT, NOTHING_BEFORE).rule == "active_topic"


@given(st.lists(messages, max_size=20), messages, st.integers(0, 300), st.floats(0, 1e4))
def test_a_decision_is_deterministic_and_keeps_no_words(
    before: list[str], content: str, run: int, pause: float
) -> None:
    """The same talk gets the same decision; signals are v0's, numbers and version names."""
    talk = window(*before, run=run, pause=pause)
    decision = decide(content, talk)
    assert decision == decide(content, window(*before, run=run, pause=pause))
    v0 = routing.route(content, None, TOPIC)
    assert decision.signals.items() >= v0.signals.items()
    added = {name: value for name, value in decision.signals.items() if name not in v0.signals}
    assert added.keys() <= {"table_version", "log_odds", "longest_message"}
    assert json.loads(json.dumps(added)) == added
    assert all(isinstance(number, float) for number in added.get("log_odds", {}).values())


@given(st.lists(messages, min_size=1, max_size=12), st.lists(messages, max_size=4))
def test_no_decision_depends_on_what_comes_later(talk: list[str], later: list[str]) -> None:
    """The decisions of a talk are those of its prefix, whatever is appended."""

    def walked(texts: list[str]) -> list[Decision]:
        return [decide(text, window(*texts[:number])) for number, text in enumerate(texts)]

    assert walked(talk + later)[: len(talk)] == walked(talk)


@given(st.text(max_size=4_000))
def test_what_is_read_of_a_message_is_bounded_and_cut_once(content: str) -> None:
    """At most three sentences; a message that the database has cut reads as the whole one does."""
    whole = read(content)
    assert len(whole.sentences) == len(whole.asks) <= 3
    if len(content) > OPENING + CLOSING:
        assert read(f"{content[:OPENING]}\n{content[-CLOSING:]}") == whole


def test_every_weight_is_of_a_feature_there_is() -> None:
    """The table and the features do not drift apart: no name in one that the other does not know."""
    talk = [read(text) for text in (*COOKING, SHIFT)]
    named = features.cohesion(talk[-1], talk[:-1]) | features.of_subjects(talk[-1], talk[:-1])
    plain = {name for name in named if ":" not in name}
    weights = model._weights()
    assert {name for name in weights if ":" not in name} <= plain
    assert len(plain - weights.keys()) <= 2
    assert {name.partition(":")[0] for name in weights if ":" in name} == {"w", "b", "f", "q", "new", "kept"}
