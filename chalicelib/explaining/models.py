"""How Glia explains itself: what a domain tells of something it has done, a turn or an extraction, once that has ended.

It names messages, cards, prompts and answers by id and hash and holds no words of anybody, so erasing those reaches
everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

Facts = Mapping[str, Any]  # JSON by name, with OpenTelemetry's names where it has some; None is left out
TAG = "glia"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was done on the way.

    Attributes:
        kind: one of the kinds of steps of a trace.
        asked: what it was given.
        found: what came of it.
        failure_class: why it failed; None if it did not.
        steps: what was done inside it, in order.
    """

    kind: str
    name: str
    started_at: datetime
    ended_at: datetime
    asked: Facts = field(default_factory=dict)
    found: Facts = field(default_factory=dict)
    failure_class: str | None = None
    steps: Sequence[Step] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was done, from beginning to end.

    Attributes:
        run_id: of the run that explains it; told twice, it is there once.
        name: such as `chat.turn`.
        about: which row it explains, and how that ended.
        failure_class: why it failed; None if it did not.
    """

    run_id: UUID
    name: str
    started_at: datetime
    ended_at: datetime
    about: Facts
    steps: Sequence[Step]
    failure_class: str | None = None
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a model, or of the rules, between two readings of the monotonic clock, in seconds."""

    provider: str
    model: str | None
    started: float
    ended: float
    failure_class: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None

    @property
    def latency_ms(self) -> int:
        return round((self.ended - self.started) * 1000)

    @property
    def tokens(self) -> int:
        """What is known of both."""
        return (self.input_tokens or 0) + (self.output_tokens or 0)


class Watch:
    """Tells the time of day of readings of a monotonic clock, so that steps never run backwards."""

    def __init__(self, clock: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self.started_at = clock()
        self._zero = monotonic()
        self._monotonic = monotonic

    def at(self, reading: float) -> datetime:
        return self.started_at + timedelta(seconds=reading - self._zero)

    def now(self) -> datetime:
        return self.at(self._monotonic())


def call_step(
    name: str, call: Call, watch: Watch, *, is_model: bool, asked: Facts, found: Facts, operation: str = "chat",
) -> Step:  # fmt: skip
    """A call as a step: a model's, or the rules', which are a tool."""
    named: dict[str, Any] = {"gen_ai.operation.name": operation, "gen_ai.provider.name": call.provider}
    named |= {"gen_ai.request.model": call.model} if is_model else {"gen_ai.tool.name": call.provider}
    usage = {"gen_ai.usage.input_tokens": call.input_tokens, "gen_ai.usage.output_tokens": call.output_tokens}
    return Step(
        "model" if is_model else "tool", name, watch.at(call.started), watch.at(call.ended),
        {**named, **asked}, {**found, **usage}, call.failure_class,
    )  # fmt: skip
