"""The stages of a design session, declared once: what each needs, and how one follows another.

The diagram in docs/design-sessions.md is made from this declaration (`mermaid`), and a test holds them together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.designer.models import DesignState, FieldName, StageName, Status


@dataclass(frozen=True, slots=True)
class Stage:
    """`needs` are asked for in this order; a stage that `confirms` ends with the user's yes."""

    name: StageName
    needs: tuple[FieldName, ...] = ()
    confirms: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """From one stage to another: `when` says in the diagram's words what must have happened."""

    source: StageName
    target: StageName
    when: str


STAGES = (
    Stage(StageName.INITIAL),
    Stage(StageName.AGENT_TYPE, (FieldName.AGENT_TYPE,)),
    Stage(StageName.GOALS, (FieldName.GOALS,)),
    Stage(StageName.TONE, (FieldName.TONE,)),
    Stage(StageName.TOOLS, (FieldName.USE_TOOLS, FieldName.TOOLS)),
    Stage(StageName.WORKFLOW, confirms=True),
    Stage(StageName.PROMPT, confirms=True),
    Stage(StageName.COMPLETED),
)
REOPENABLE = tuple(stage.name for stage in STAGES[1:-1])
CONFIRMING = tuple(stage.name for stage in STAGES if stage.confirms)
BY_NAME = {stage.name: stage for stage in STAGES}

TRANSITIONS = (
    Transition(StageName.INITIAL, StageName.AGENT_TYPE, "first message"),
    Transition(StageName.AGENT_TYPE, StageName.GOALS, "agent_type known"),
    Transition(StageName.GOALS, StageName.TONE, "a goal known"),
    Transition(StageName.TONE, StageName.TOOLS, "tone known"),
    Transition(StageName.TOOLS, StageName.WORKFLOW, "use_tools known, and a tool where true"),
    Transition(StageName.WORKFLOW, StageName.PROMPT, "workflow confirmed"),
    Transition(StageName.PROMPT, StageName.COMPLETED, "prompt confirmed"),
    *(Transition(StageName.COMPLETED, name, "reopened") for name in REOPENABLE),
)


def lacks(state: DesignState, field: FieldName) -> bool:
    """Whether a required field is still to be learnt. Tools are required only where tools are used."""
    if field is FieldName.TOOLS and state.value(FieldName.USE_TOOLS) is not True:
        return False
    return state.value(field) in (None, "", [])


def missing(state: DesignState) -> list[FieldName]:
    """The required fields that are not known, in the order they are asked for."""
    return [field for stage in STAGES for field in stage.needs if lacks(state, field)]


def is_met(state: DesignState, stage: Stage) -> bool:
    """Whether nothing keeps the session in this stage."""
    if stage.name is StageName.INITIAL:
        return state.turn > 0
    if stage.confirms and stage.name not in state.confirmed:
        return False
    return not any(lacks(state, field) for field in stage.needs)


def current(state: DesignState) -> StageName:
    """The stage the session is in: the one gone back to, or the first that is not met."""
    if state.status is Status.COMPLETED:
        return StageName.COMPLETED
    if state.reopened is not None:
        return state.reopened
    for stage in STAGES[:-1]:
        if not is_met(state, stage):
            return stage.name
    return StageName.COMPLETED


def path(before: StageName, after: StageName) -> list[Transition]:
    """The declared transitions that lead forward from one stage to another, or the way back as a single one."""
    order = [stage.name for stage in STAGES]
    if order.index(after) < order.index(before):
        return [Transition(before, after, "reopened")]
    forward = {transition.source: transition for transition in TRANSITIONS if transition.when != "reopened"}
    return [forward[name] for name in order[order.index(before) : order.index(after)]]


def mermaid(transitions: Iterable[Transition] = TRANSITIONS) -> str:
    """The state machine as a Mermaid diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {STAGES[0].name}"]
    lines += [f"    {step.source} --> {step.target}: {step.when}" for step in transitions]
    lines += [f"    {name} --> {name}: go back" for name in REOPENABLE]
    return "\n".join([*lines, f"    {StageName.COMPLETED} --> [*]"]) + "\n"
