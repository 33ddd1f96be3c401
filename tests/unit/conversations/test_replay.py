"""Replaying a policy over a history: it follows what the user chose, and finds what would differ."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.conversations.replays.models import Past, Report
from chalicelib.conversations.replays.replay import MOST_CHANGES, POLICIES, replay
from chalicelib.conversations.routing import route

A, B, C = UUID(int=10**9), UUID(int=10**9 + 1), UUID(int=10**9 + 2)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
COOKING = ("I made lasagna for dinner.", "Lasagna is tasty!", "I love my oven.", "It bakes good lasagna.")
SWITCH, SHIFT = "New topic: cars", "Thanks. Do you have any pets?"


def said(number: int, content: str, rule: str, origin: UUID | None, to: UUID, role: str = "user") -> Past:
    return Past(number, role, to, NOON + timedelta(minutes=number), content, "v0", rule, origin, to, False)


def routed(*contents: str) -> list[Past]:
    """What v0 makes of these messages: the first opens A, a switch opens the next."""
    history: list[Past] = []
    active: UUID | None = None
    topics = (UUID(int=A.int + number) for number in range(len(contents)))
    for number, content in enumerate(contents, start=1):
        decision = route(content, None, active)
        to = decision.topic_id or next(topics)
        history.append(said(number, content, decision.rule, active, to))
        active = to
    return history


def run(policy: str, history: list[Past]) -> Report:
    return replay(policy, history, 0, is_cut=False)


def test_replaying_the_policy_itself_changes_nothing() -> None:
    """v0 over what v0 decided: as many topics, no change."""
    report = run("v0", routed(*COOKING, SWITCH, "They are fast.", SWITCH, "Slow ones too."))
    assert (report.messages, report.opened_then, report.opened_now) == (8, 3, 3)
    assert (report.changed, report.changes, report.agreement) == (0, [], None)


def test_another_policy_shows_where_it_differs() -> None:
    """v1 opens a topic where v0 goes on; never opens none but the first."""
    history = routed(*COOKING, SHIFT, SWITCH)
    [change] = run("v1", history).changes
    assert (change.message_id, change.was.rule, change.was.opens_topic) == (5, "active_topic", False)
    assert (change.would.rule, change.would.opens_topic, change.was.topic_id) == ("topic_shift", True, A)
    never = run("never", history)
    assert [(item.message_id, item.would.opens_topic) for item in never.changes] == [(6, False)]
    assert (never.opened_then, never.opened_now) == (2, 1)


def test_what_the_user_chose_stands_under_any_policy() -> None:
    """An explicit topic, and a topic made active by hand, are nobody's decision."""
    history = [
        *routed(*COOKING),
        said(5, SHIFT, "explicit_topic", A, B),
        said(6, SHIFT, "active_topic", C, C),  # C was made active by hand
        said(7, SHIFT, "no_active_topic", None, UUID(int=10**9 + 3)),  # and C was archived
    ]
    for policy in POLICIES:
        assert [(change.message_id, policy) for change in run(policy, history).changes] == []


def test_answers_and_imports_are_read_and_not_decided() -> None:
    """They are talk that a message may take up."""
    answer = replace(said(2, "Tell me more.", "", None, A, "assistant"), policy=None, rule=None, to_topic_id=None)
    history = [said(1, COOKING[0], "no_active_topic", None, A), answer, said(3, SHIFT, "import", None, B)]
    assert run("v1", history).messages == 1
    assert (run("v1", []).messages, run("v1", []).first_message_id) == (0, None)


def test_context_is_read_and_not_decided() -> None:
    """The messages before the range count as talk, with the topics they had."""
    history = routed(*COOKING, SHIFT)
    report = replay("v1", history, 4, is_cut=True)
    assert (report.messages, report.first_message_id, report.last_message_id, report.is_cut) == (1, 5, 5, True)
    assert [change.message_id for change in report.changes] == [5]


def test_corrections_are_labels() -> None:
    """The user moved the shift and what followed to another topic: v1 saw it, v0 did not."""
    talk = routed(*COOKING, SHIFT, "My dog is a terrier.", "He barks at cats.", "A puppy, really.")
    corrected = [replace(past, topic_id=B, is_corrected=True) if past.message_id >= 5 else past for past in talk]
    agreement = run("v1", corrected).agreement
    assert agreement is not None
    assert agreement.corrected == 4
    assert agreement.replayed.pk == agreement.replayed.window_diff == 0.0
    assert agreement.recorded.window_diff is not None
    assert agreement.recorded.window_diff > 0.0
    v0 = run("v0", corrected).agreement
    assert v0 is not None
    assert v0.recorded == v0.replayed


@given(st.lists(st.sampled_from([*COOKING, SHIFT, SWITCH, "Okay."]), min_size=1, max_size=12), st.data())
def test_a_replay_of_a_prefix_is_the_prefix_of_the_replay(contents: list[str], data: st.DataObject) -> None:
    """Later messages change no earlier decision, under any policy."""
    history = routed(*contents)
    cut = data.draw(st.integers(0, len(history)))
    for policy in POLICIES:
        whole, part = run(policy, history).changes, run(policy, history[:cut]).changes
        assert part == [change for change in whole if change.message_id <= cut]


def test_a_long_list_of_changes_is_cut_and_counted() -> None:
    """The count says how many there are, however many are listed."""
    history = [said(1, COOKING[0], "no_active_topic", None, A)]
    origin = A
    for number in range(2, MOST_CHANGES + 3):
        to = UUID(int=10**9 + 10 + number)
        history.append(said(number, SWITCH, "switch_signal", origin, to))
        origin = to
    report = run("never", history)
    assert (report.changed, len(report.changes)) == (MOST_CHANGES + 1, MOST_CHANGES)
