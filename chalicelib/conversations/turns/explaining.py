"""A turn that has ended, explained: how its message was routed, what was read, who was asked, and what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from chalicelib.conversations.turns.context import Context
from chalicelib.conversations.turns.models import Ended, Reply, Turn
from chalicelib.conversations.turns.repliers import RULES_PROVIDER, Question
from chalicelib.explaining.models import TAG, Call, Explanation, Step, Watch, call_step

NAME = "chat.turn"
TAGS = (TAG, "chat")


@dataclass(slots=True)
class Answering:
    """What a worker does of a turn, while it does it."""

    watch: Watch
    context: Context
    read_at: datetime
    question: Question | None = None
    calls: list[Call] = field(default_factory=list)


def explained(ended: Ended, answering: Answering | None = None, reply: Reply | None = None) -> Explanation | None:
    """None for a turn older than explanations.

    Args:
        answering: what a worker has done of it; None if it was ended otherwise.
        reply: how it was answered; None if it was not.
    """
    turn = ended.turn
    if turn.trace_run_id is None:
        return None
    steps = [_routing(turn, ended.routed)] if ended.routed else []
    if answering:
        steps += [_reading(turn, answering), *_calls(turn, answering, reply)]
    ends = [step.ended_at for step in steps] + ([turn.ended_at] if turn.ended_at else [])
    return Explanation(
        turn.trace_run_id, NAME, turn.created_at, max([turn.created_at, *ends]), _about(turn), steps,
        turn.failure_class, TAGS,
    )  # fmt: skip


def _about(turn: Turn) -> dict[str, Any]:
    return {
        "glia.turn.id": str(turn.turn_id), "glia.turn.attempt": turn.attempt,
        "glia.turn.retry_of": _text(turn.retry_of), "glia.message.id": turn.user_message_id,
        "glia.topic.id": str(turn.topic_id),
    }  # fmt: skip


def _routing(turn: Turn, routed: dict[str, Any]) -> Step:
    """The decision, which was made when the message came. Of its signals all but words."""
    signals = {**routed["signals"], "switch_phrase": routed["signals"].get("switch_phrase") is not None}
    asked = {"glia.message.id": turn.user_message_id, "glia.routing.from_topic_id": routed["from_topic_id"]}
    found = {f"glia.routing.{name}": routed[name] for name in ("policy", "rule", "to_topic_id")}
    at = turn.created_at
    return Step("planner", "route", at, at, asked, {**found, "glia.routing.signals": signals})


def _reading(turn: Turn, answering: Answering) -> Step:
    context = answering.context
    message_ids = [message.message_id for message in context.messages]
    card_ids = [note.card_id for note in context.notes]
    found = {
        "glia.messages.ids": message_ids, "glia.messages.count": len(message_ids),
        "glia.cards.ids": card_ids, "glia.cards.count": len(card_ids),
    }  # fmt: skip
    asked = {"glia.topic.id": str(context.messages[-1].topic_id), "glia.message.id": turn.user_message_id}
    return Step("retriever", "context", answering.watch.started_at, answering.read_at, asked, found)


def _calls(turn: Turn, answering: Answering, reply: Reply | None) -> Sequence[Step]:
    said: dict[str, Any] = {}
    if reply:
        digest = hashlib.sha256(reply.text.encode()).hexdigest()
        said = {"glia.output.message_id": turn.assistant_message_id, "glia.output.sha256": digest}
    last = answering.calls[-1:]
    return [
        call_step(
            "reply", call, answering.watch, is_model=call.provider != RULES_PROVIDER, asked=_asked(answering.question),
            found=said if [call] == last else {},
        )
        for call in answering.calls
    ]  # fmt: skip


def _asked(question: Question | None) -> dict[str, Any]:
    if question is None:
        return {}
    return {
        "glia.prompt.version": question.prompt_version, "glia.prompt.sha256": question.prompt_sha256,
        "glia.prompt.messages": question.messages, "glia.prompt.cards": question.notes,
    }  # fmt: skip


def _text(id_: UUID | None) -> str | None:
    return str(id_) if id_ else None
