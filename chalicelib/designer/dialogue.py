"""The dialogue policy: what a message does to a session, and the one thing that is asked next. Pure; never raises.

A turn works on a copy of the state. It applies the extraction as a patch, reads the acts in the light of what was
asked, finds the stage by the declared state machine (`stages`), and asks about the first thing that is missing.
"""

from __future__ import annotations

from chalicelib.designer import fields, questions, stages
from chalicelib.designer.errors import NothingToUndo, SessionEnded, SessionIncomplete
from chalicelib.designer.history import Changed, changed, remember, restore
from chalicelib.designer.models import (
    Act,
    ActKind,
    DesignState,
    Extraction,
    FieldName,
    Source,
    StageName,
    Status,
    Turn,
)
from chalicelib.designer.replies import reply
from chalicelib.designer.tools.catalogue import Catalogue, catalogue

_SHAPES = frozenset({FieldName.GOALS, FieldName.USE_TOOLS, FieldName.TOOLS})  # the workflow is made of these


def start() -> tuple[DesignState, str]:
    """A new session and its first message."""
    state = DesignState(asked=FieldName.AGENT_TYPE)
    return state, f"{questions.GREETING} {questions.question(state.asked)}"


def take_turn(state: DesignState, extraction: Extraction, tools: Catalogue | None = None) -> Turn:
    """What a message, read as `extraction`, makes of a session. The state given is left as it is."""
    tools = tools or catalogue()
    after = state.copied()
    after.turn += 1
    after.version += 1
    act = extraction.acts[-1] if extraction.acts else None
    if act and act.kind is ActKind.UNDO and not extraction.changes:
        return _turn(state, after, _undone(after), extraction, tools)
    asked = extraction.asked or state.asked
    if state.status is not Status.ACTIVE:
        if not (extraction.changes or extraction.go_to or extraction.waived or extraction.guarded):
            return _turn(state, after, "", extraction, tools)
        after.status, after.confirmed = Status.ACTIVE, [StageName.WORKFLOW]
    fields.apply(after, extraction, tools)
    said = _act(after, act, extraction, asked, bool(changed(state, after)))
    if extraction.go_to:
        reopen_stage(after, extraction.go_to)
    elif after.reopened and _has_answered(state, after, after.reopened):
        after.reopened = None
    _unconfirm(state, after)
    return _turn(state, after, said, extraction, tools)


def _turn(before: DesignState, after: DesignState, said: str, extraction: Extraction, tools: Catalogue) -> Turn:
    is_undo = bool(extraction.acts) and extraction.acts[-1].kind is ActKind.UNDO and not extraction.changes
    settle(after)
    found = changed(before, after)
    if not is_undo:
        remember(before, after)
    said_back = reply(before, after, said, found, extraction, tools)
    return Turn(
        state=after,
        reply=said_back,
        changed=found,
        missing=stages.missing(after),
        extraction_source=extraction.source,
        failure_class=extraction.failure_class,
    )


def settle(state: DesignState) -> None:
    """Finds the stage, assumes what nobody is asked for, and what to ask next."""
    state.stage = stages.current(state)
    if state.stage in (StageName.WORKFLOW, StageName.PROMPT, StageName.COMPLETED):
        fields.assume_optional(state)
    if state.stage is StageName.COMPLETED and state.status is Status.ACTIVE:
        state.status = Status.COMPLETED
    state.asked = _next(state)


def _next(state: DesignState) -> str | None:
    stage = stages.BY_NAME[state.stage]
    if state.stage is StageName.INITIAL:
        return FieldName.AGENT_TYPE
    if stage.confirms:
        return stage.name
    lacking = [name for name in stage.needs if stages.lacks(state, name)]
    if lacking:
        return lacking[0]
    if state.reopened:
        uses = state.value(FieldName.USE_TOOLS) is True
        return FieldName.TOOLS if stage.name is StageName.TOOLS and uses else stage.needs[0]
    return None


def _act(state: DesignState, act: Act | None, extraction: Extraction, asked: str | None, is_changed: bool) -> str:
    """Does what the act means where `asked` was asked, and says what there is to say of it."""
    kind = act.kind if act else None
    if act and kind in (ActKind.YES, ActKind.NO):
        return _answered(state, act, extraction.source, asked, is_changed)
    if kind is ActKind.SKIP:
        _skip(state, asked)
    elif kind is ActKind.DONE:
        return _finish(state)
    elif kind is ActKind.CANCEL and not is_changed:
        is_back, state.reopened = state.reopened is not None, None
        return "I left it as it was." if is_back else "Nothing was changed; you can delete the session at any time."
    elif kind is ActKind.HELP:
        return questions.help_with(asked)
    elif kind is ActKind.MAYBE and not is_changed:
        return f"That is fine. {questions.suggestion(state, asked)}".strip()
    return _SAID.get(kind, "") if kind else ""


_SAID = {
    ActKind.GREETING: "Hello!",
    ActKind.THANKS: "You are welcome.",
    ActKind.OFF_TOPIC: "I can only help with the design of your agent.",
}


def _answered(state: DesignState, act: Act, source: Source, asked: str | None, is_changed: bool) -> str:
    is_yes = act.kind is ActKind.YES
    if asked == FieldName.USE_TOOLS and not is_changed:
        fields.answer(state, FieldName.USE_TOOLS, is_yes, source, act.span)
    elif asked == FieldName.TOOLS and not is_yes and not is_changed and not state.items(FieldName.TOOLS):
        fields.answer(state, FieldName.USE_TOOLS, False, source, act.span)
    elif asked in stages.CONFIRMING and not is_yes and not is_changed:
        return "What should be different? Name it, or go back to a stage."
    elif asked in stages.CONFIRMING and is_yes and not (is_changed and asked == StageName.PROMPT):
        _confirm(state, StageName(asked))
    elif state.reopened and not is_changed:
        state.reopened = None
    elif not is_changed and asked in set(FieldName):
        return questions.help_with(asked)
    return ""


def _skip(state: DesignState, asked: str | None) -> None:
    if state.reopened:
        state.reopened = None
    elif asked in stages.CONFIRMING:
        _confirm(state, StageName(asked))
    elif asked in set(FieldName) and stages.lacks(state, FieldName(asked)):
        fields.assume(state, FieldName(asked))


def _finish(state: DesignState) -> str:
    """Completes the design if nothing is missing; or goes on from a stage that was gone back to."""
    if state.reopened:
        state.reopened = None
        return ""
    missing = stages.missing(state)
    if missing:
        return f"Still missing: {', '.join(questions.NAMES[name] for name in missing)}."
    for stage in stages.CONFIRMING:
        _confirm(state, stage)
    return ""


def _confirm(state: DesignState, stage: StageName) -> None:
    if stage not in state.confirmed:
        state.confirmed.append(stage)


def reopen_stage(state: DesignState, stage: StageName) -> None:
    """Goes back to one stage; everything gathered is kept."""
    state.status = Status.ACTIVE
    order = [entry.name for entry in stages.STAGES]
    state.confirmed = [name for name in state.confirmed if order.index(name) < order.index(stage)]
    state.reopened = None if stage in stages.CONFIRMING or stage not in stages.REOPENABLE else stage
    if stage not in stages.REOPENABLE:
        state.reopened = StageName.AGENT_TYPE


def _has_answered(before: DesignState, after: DesignState, stage: StageName) -> bool:
    return any(name in stages.BY_NAME[stage].needs for name in changed(before, after))


def _unconfirm(before: DesignState, after: DesignState) -> None:
    """A workflow or prompt that was agreed to is shown again when what it is made of changes."""
    found = set(changed(before, after))
    if found & _SHAPES and before.stage is not StageName.WORKFLOW:
        after.confirmed = [name for name in after.confirmed if name not in stages.CONFIRMING]
    elif found:
        after.confirmed = [name for name in after.confirmed if name is not StageName.PROMPT]


def _undone(state: DesignState) -> str:
    if not state.undo:
        return "There is nothing to take back."
    restore(state)
    return "I took the last change back."


def undo(state: DesignState) -> DesignState:
    """The session with its last change taken back.

    Raises:
        NothingToUndo
    """
    if not state.undo:
        raise NothingToUndo()
    after = state.copied()
    after.version += 1
    restore(after)
    settle(after)
    return after


def reopen(state: DesignState, stage: StageName) -> DesignState:
    """The session back in one stage, active.

    Raises:
        SessionEnded: it was abandoned.
    """
    if state.status is Status.ABANDONED:
        raise SessionEnded("The session was deleted.")
    after = state.copied()
    after.version += 1
    reopen_stage(after, stage)
    settle(after)
    remember(state, after)
    return after


def complete(state: DesignState) -> DesignState:
    """The session completed, its optional fields assumed.

    Raises:
        SessionIncomplete: `details.missing` names what is still to be said.
        SessionEnded: it was abandoned.
    """
    if state.status is Status.ABANDONED:
        raise SessionEnded("The session was deleted.")
    missing = stages.missing(state)
    if missing:
        raise SessionIncomplete(missing=[name.value for name in missing])
    after = state.copied()
    after.version += 1
    after.turn = max(after.turn, 1)
    after.reopened = None
    for stage in stages.CONFIRMING:
        _confirm(after, stage)
    settle(after)
    remember(state, after)
    return after


def edit(state: DesignState, values: dict[str, object], tools: Catalogue | None = None) -> tuple[DesignState, Changed]:
    """The session with fields as the user typed them, and what changed.

    Raises:
        InvalidField, SessionEnded
    """
    if state.status is not Status.ACTIVE:
        raise SessionEnded()
    after = state.copied()
    after.version += 1
    fields.edit(after, values, tools or catalogue())
    if after.reopened and _has_answered(state, after, after.reopened):
        after.reopened = None
    _unconfirm(state, after)
    settle(after)
    remember(state, after)
    return after, changed(state, after)
