"""A turn of a design session, explained: how its message was read, where that led, and what checks found. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chalicelib.designer.models import DesignState, Extraction, Source, Turn
from chalicelib.designer.outputs import Outputs
from chalicelib.explaining.models import TAG, Call, Explanation, Step, Watch, call_step

NAME = "design.turn"
TAGS = (TAG, "design")
RULES = "rules"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message says, and how that was found out.

    Attributes:
        calls: of a model, whether they came to something or not.
    """

    extraction: Extraction
    watch: Watch
    calls: list[Call]
    read_at: datetime


def explained(
    run_id: UUID, session_id: UUID, before: DesignState, turn: Turn, reading: Reading, made: Outputs | None,
    since: datetime,
) -> Explanation:  # fmt: skip
    """
    Args:
        made: what the session has come to, where this completes it.
        since: when what was read was applied.
    """
    now = reading.watch.now()
    steps = [*_reading(reading), Step("planner", "stage", since, now, *_decision(before, turn, reading.extraction))]
    if made:
        steps.append(Step("validator", "checks", now, now, {}, _findings(made)))
    about = {
        "glia.session.id": str(session_id), "glia.session.turn": turn.state.turn,
        "glia.session.version": turn.state.version, "glia.session.stage": turn.state.stage.value,
        "glia.fallback": turn.failure_class,
    }  # fmt: skip
    return Explanation(run_id, NAME, reading.watch.started_at, now, about, steps, None, TAGS)


def _reading(reading: Reading) -> list[Step]:
    """The calls of a model, then whoever's reading holds: the model's, verified, or the rules'."""
    extraction = reading.extraction
    steps = [call_step("read", one, reading.watch, is_model=True, asked={}, found={}) for one in reading.calls]
    last = max((step.ended_at for step in steps), default=reading.watch.started_at)
    found = {"glia.changes.kept": len(extraction.changes), "glia.changes.dropped": extraction.dropped}
    if extraction.source is Source.LLM:
        return [*steps, Step("validator", "quotes", last, reading.read_at, {}, found)]
    return [*steps, Step("tool", RULES, last, reading.read_at, {"gen_ai.tool.name": RULES}, found)]


def _decision(before: DesignState, turn: Turn, extraction: Extraction) -> tuple[dict[str, Any], dict[str, Any]]:
    asked = {
        "glia.session.stage": before.stage.value, "glia.session.asked": extraction.asked,
        "glia.acts": [act.kind.value for act in extraction.acts],
        "glia.changes": [f"{one.op.value} {one.field.value}" for one in extraction.changes],
        "glia.session.go_to": extraction.go_to.value if extraction.go_to else None,
    }  # fmt: skip
    found = {
        "glia.session.stage.after": turn.state.stage.value, "glia.session.asked.after": turn.state.asked,
        "glia.fields.changed": [name.value for name in turn.changed],
        "glia.fields.missing": [name.value for name in turn.missing],
    }  # fmt: skip
    return asked, found


def _findings(made: Outputs) -> dict[str, Any]:
    return {
        "glia.findings": dict(sorted(Counter(finding.code for finding in made.findings).items())),
        "glia.workflow.nodes": len(made.workflow_json.nodes), "glia.acceptance_cases": len(made.acceptance_cases),
    }  # fmt: skip
