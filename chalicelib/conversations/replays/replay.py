"""Decides a history anew, message by message, as another policy would have. Pure.

What the user said stands under any policy: an explicit topic, a topic made active by hand, an imported topic. Where the
replay goes another way than then, later messages follow its own topics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from uuid import UUID

from chalicelib.conversations import routing, routing_v1
from chalicelib.conversations.models import Decision
from chalicelib.conversations.replays import agreement
from chalicelib.conversations.replays.models import Agreement, Change, Distance, Past, Report, Step, Was, Would
from chalicelib.conversations.routing_v1 import LONGEST_RUN, WINDOW, Spoken, Window
from chalicelib.conversations.shifts.text import read

MOST_CHANGES = 1_000  # in one answer
HOUR = 3_600

Policy = Callable[[str, UUID | None, Window], Decision]


def _v0(content: str, active: UUID | None, window: Window) -> Decision:
    return routing.route(content, None, active)


def _v1(content: str, active: UUID | None, window: Window) -> Decision:
    return routing_v1.route(content, None, active, window)


def _never(content: str, active: UUID | None, window: Window) -> Decision:
    """Opens a topic only where there is none."""
    return Decision("no_active_topic" if active is None else "active_topic", "never", active, {})


POLICIES: dict[str, Policy] = {"v0": _v0, "v1": _v1, "never": _never}


def replay(policy: str, history: Sequence[Past], context: int, *, is_cut: bool) -> Report:
    """
    Args:
        history: oldest first.
        context: so many of the first messages are only read, not decided.
    """
    walk = _Walk(POLICIES[policy])
    steps = [step for number, past in enumerate(history) if (step := walk.take(past, number < context))]
    changes = [_change(step) for step in steps if step.would_open != step.did_open]
    return Report(
        policy,
        len(steps),
        steps[0].past.message_id if steps else None,
        steps[-1].past.message_id if steps else None,
        is_cut,
        sum(step.did_open for step in steps),
        sum(step.would_open for step in steps),
        len(changes),
        changes[:MOST_CHANGES],
        _agreement(steps),
    )


class _Walk:
    """The conversation as it would have gone so far."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._talk: list[Spoken] = []
        self._latest: Past | None = None
        self._sizes: Counter[UUID] = Counter()
        self._now_in: dict[UUID, UUID] = {}  # a topic of then, to where its latest user message would be
        self._active: UUID | None = None
        self._active_then: UUID | None = None

    def take(self, past: Past, is_context: bool) -> Step | None:
        """The step, where the message was routed then and is to be routed anew."""
        step = None
        if past.to_topic_id is None or past.rule == "import":
            topic_id = self._now_in.get(past.topic_id, past.topic_id)
        elif is_context:
            topic_id = past.to_topic_id
            self._arrive(past, topic_id)
        else:
            step = self._route(past, past.to_topic_id)
            topic_id = step.would_topic_id
            self._arrive(past, topic_id)
        self._talk = [*self._talk[-WINDOW + 1 :], Spoken(past.role, topic_id, read(past.content))]
        self._sizes[topic_id] += 1
        self._latest = past
        return step

    def _route(self, past: Past, then: UUID) -> Step:
        if past.from_topic_id != self._active_then or self._latest is None:  # made active by hand, or unknown before
            self._active = past.from_topic_id
        did_open = past.rule != "explicit_topic" and past.from_topic_id != then
        if past.rule == "explicit_topic":
            return Step(past, past.rule, then, False, False)
        decision = self._policy(past.content, self._active, self._window(past))
        opened = then if did_open else UUID(int=past.message_id)
        topic_id = decision.topic_id or opened
        return Step(past, decision.rule, topic_id, decision.topic_id is None, did_open)

    def _window(self, past: Past) -> Window:
        if self._latest is None or self._active is None:
            return routing_v1.NOTHING_BEFORE
        pause = (past.created_at - self._latest.created_at).total_seconds() / HOUR
        return Window(self._talk, min(self._sizes[self._active], LONGEST_RUN), pause)

    def _arrive(self, past: Past, topic_id: UUID) -> None:
        assert past.to_topic_id is not None
        self._active, self._active_then = topic_id, past.to_topic_id
        self._now_in[past.to_topic_id] = topic_id


def _change(step: Step) -> Change:
    past = step.past
    assert past.policy is not None
    assert past.rule is not None
    assert past.to_topic_id is not None
    was = Was(past.policy, past.rule, step.did_open, past.to_topic_id)
    return Change(past.message_id, was, Would(step.would_rule, step.would_open))


def _agreement(steps: Sequence[Step]) -> Agreement | None:
    corrected = sum(step.past.is_corrected for step in steps)
    if not corrected:
        return None
    wanted = _opens([step.past.topic_id for step in steps])
    recorded = _opens([step.past.to_topic_id for step in steps])
    replayed = _opens([step.would_topic_id for step in steps])
    return Agreement(corrected, _distance(recorded, wanted), _distance(replayed, wanted))


def _opens(topic_ids: Sequence[UUID | None]) -> list[bool]:
    """Whether each message is in another topic than the one before."""
    return [number > 0 and topic_id != topic_ids[number - 1] for number, topic_id in enumerate(topic_ids)]


def _distance(guess: Sequence[bool], wanted: Sequence[bool]) -> Distance:
    return Distance(agreement.pk(guess, wanted), agreement.window_diff(guess, wanted))
