"""The dialogue policy: what a message does to a session, and the one thing that is asked next. Pure; never raises.

A turn works on a copy of the state. It applies the extraction as a patch, reads the acts in the light of what was
asked, finds the stage by the declared state machine (`stages`), and asks about the first thing that is missing.
"""

from __future__ import annotations

from chalicelib.designer import fields, questions, stages
from chalicelib.designer.errors import NothingToUndo, SessionEnded, SessionIncomplete
from chalicelib.designer.models import (
    UNDO_DEPTH,
    Act,
    ActKind,
    Before,
    Collected,
    DesignState,
    Extraction,
    FieldName,
    Source,
    StageName,
    Status,
    Turn,
    Value,
)
from chalicelib.designer.outputs import preview, summary
from chalicelib.designer.tools.catalogue import Catalogue, catalogue
from chalicelib.designer.tools.models import Origin

Changed = dict[FieldName, tuple[Value | None, Value | None]]
CONFIRMING = (StageName.WORKFLOW, StageName.PROMPT)
_SHAPES = frozenset({FieldName.GOALS, FieldName.USE_TOOLS, FieldName.TOOLS})  # the workflow is made of these


def start() -> tuple[DesignState, str]:
    """A new session and its first message."""
    state = DesignState(asked=FieldName.AGENT_TYPE)
    return state, f"{questions.GREETING} {questions.question(state.asked)}"


def take_turn(state: DesignState, extraction: Extraction, tools: Catalogue | None = None) -> Turn:
    """What a message, read as `extraction`, makes of a session. The state given is left as it is."""
    tools = tools or catalogue()
    after = state.model_copy(deep=True)
    after.turn += 1
    after.version += 1
    act = extraction.acts[-1] if extraction.acts else None
    if act and act.kind is ActKind.UNDO and not extraction.changes:
        return _turn(state, after, _undone(after), extraction, tools)
    asked = state.asked
    if state.status is not Status.ACTIVE:
        if not (extraction.changes or extraction.go_to or extraction.waived or extraction.guarded):
            return _turn(state, after, "", extraction, tools)
        after.status, after.confirmed = Status.ACTIVE, [StageName.WORKFLOW]
    fields.apply(after, extraction, tools)
    said = _act(after, act, extraction, asked, bool(_changed(state, after)))
    if extraction.go_to:
        reopen_stage(after, extraction.go_to)
    elif after.reopened and _has_answered(state, after, after.reopened):
        after.reopened = None
    _unconfirm(state, after)
    return _turn(state, after, said, extraction, tools)


def _turn(before: DesignState, after: DesignState, said: str, extraction: Extraction, tools: Catalogue) -> Turn:
    is_undo = bool(extraction.acts) and extraction.acts[-1].kind is ActKind.UNDO and not extraction.changes
    settle(after)
    changed = _changed(before, after)
    if not is_undo:
        _remember(before, after)
    reply = _reply(before, after, said, changed, extraction, tools)
    return Turn(
        state=after,
        reply=reply,
        changed=changed,
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
    elif asked in CONFIRMING and not is_yes and not is_changed:
        return "What should be different? Name it, or go back to a stage."
    elif asked in CONFIRMING and is_yes and not (is_changed and asked == StageName.PROMPT):
        _confirm(state, StageName(asked))
    elif state.reopened and not is_changed:
        state.reopened = None
    elif not is_changed and asked in set(FieldName):
        return questions.help_with(asked)
    return ""


def _skip(state: DesignState, asked: str | None) -> None:
    if state.reopened:
        state.reopened = None
    elif asked in CONFIRMING:
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
    for stage in CONFIRMING:
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
    state.reopened = None if stage in CONFIRMING or stage not in stages.REOPENABLE else stage
    if stage not in stages.REOPENABLE:
        state.reopened = StageName.AGENT_TYPE


def _has_answered(before: DesignState, after: DesignState, stage: StageName) -> bool:
    return any(name in stages.BY_NAME[stage].needs for name in _changed(before, after))


def _unconfirm(before: DesignState, after: DesignState) -> None:
    """A workflow or prompt that was agreed to is shown again when what it is made of changes."""
    changed = set(_changed(before, after)) - set(fields.OPTIONAL)
    optional = {name for name in _changed(before, after) if name not in changed}
    if changed & _SHAPES and before.stage is not StageName.WORKFLOW:
        after.confirmed = [name for name in after.confirmed if name not in CONFIRMING]
    elif changed or optional:
        after.confirmed = [name for name in after.confirmed if name is not StageName.PROMPT]


def _changed(before: DesignState, after: DesignState) -> Changed:
    """Fields whose value differs, or is no longer merely assumed: before and after."""
    found: Changed = {}
    for name in FieldName:
        old, new = before.collected_fields.get(name), after.collected_fields.get(name)
        if _value(old) != _value(new):
            found[name] = (_value(old), _value(new))
    return found


def _value(field: Collected | None) -> Value | None:
    return field.value if field else None


def _reply(
    before: DesignState, after: DesignState, said: str, changed: Changed, extraction: Extraction, tools: Catalogue
) -> str:
    assumed = [name for name in changed if (held := after.collected_fields.get(name)) and held.source is Source.ASSUMED]
    shown = {name: pair for name, pair in changed.items() if name not in fields.OPTIONAL or name not in assumed}
    wished = {tool.name for tool in before.wishes}
    parts = [said, questions.told(shown, assumed)]
    parts += [
        f"The catalogue has no tool for {tool.title!r}: I made the generic tool {tool.name}."
        for tool in after.wishes
        if tool.name not in wished
    ]
    parts.append(_about_approvals(before, after))
    if not any(parts) and not extraction.acts and not extraction.go_to and before.status is Status.ACTIVE:
        parts.append(f"I did not find anything new in that. {questions.help_with(before.asked)}")
    if extraction.failure_class:
        parts.append("(The model could not be asked, so I read this by rules.)")
    parts.append(_shown(before, after, tools, bool(changed)))
    parts.append(questions.question(after.asked))
    return " ".join(part for part in parts if part)


def _shown(before: DesignState, after: DesignState, tools: Catalogue, is_changed: bool) -> str:
    """What the next question is about, where it was not shown just before."""
    if after.reopened:
        return questions.again(after, after.asked)
    is_new = is_changed or before.stage != after.stage or before.waived != after.waived
    if after.stage not in CONFIRMING or not is_new:
        return ""
    design, flow, made = preview(after, tools)
    if after.stage is StageName.WORKFLOW:
        return summary(flow, design)
    return f"The prompt has {len(made.sections)} sections and at most {made.tokens} tokens."


def _about_approvals(before: DesignState, after: DesignState) -> str:
    waived = [tool for tool in after.waived if tool not in before.waived]
    chosen = after.items(FieldName.TOOLS)
    guarded = [tool for tool in before.waived if tool not in after.waived and tool in chosen]
    parts = [f"{', '.join(waived)} will write without approval."] if waived else []
    return " ".join([*parts, f"{', '.join(guarded)} will ask before writing."] if guarded else parts)


def _remember(before: DesignState, after: DesignState) -> None:
    """Keeps what is needed to take the change back, if there was one."""
    names = [name for name in FieldName if before.collected_fields.get(name) != after.collected_fields.get(name)]
    is_same = not names and all(
        getattr(before, part) == getattr(after, part) for part in ("confirmed", "waived", "reopened", "status")
    )
    if is_same or (before.turn == 0 and not names):
        return
    kept = Before(
        stage=before.stage,
        status=before.status,
        asked=before.asked,
        reopened=before.reopened,
        confirmed=before.confirmed,
        waived=before.waived,
        wishes=[*before.wishes, *before.own_tools],
        fields={name: before.collected_fields.get(name) for name in names},
    )
    after.undo = [*after.undo, kept][-UNDO_DEPTH:]


def _undone(state: DesignState) -> str:
    if not state.undo:
        return "There is nothing to take back."
    _restore(state)
    return "I took the last change back."


def _restore(state: DesignState) -> None:
    kept = state.undo.pop()
    for name, held in kept.fields.items():
        if held is None:
            state.collected_fields.pop(name, None)
        else:
            state.collected_fields[name] = held
    state.status, state.reopened = kept.status, kept.reopened
    state.confirmed, state.waived = list(kept.confirmed), list(kept.waived)
    state.wishes = [tool for tool in kept.wishes if tool.origin is Origin.WISH]
    state.own_tools = [tool for tool in kept.wishes if tool.origin is Origin.USER]


def undo(state: DesignState) -> DesignState:
    """The session with its last change taken back.

    Raises:
        NothingToUndo
    """
    if not state.undo:
        raise NothingToUndo()
    after = state.model_copy(deep=True)
    after.version += 1
    _restore(after)
    settle(after)
    return after


def reopen(state: DesignState, stage: StageName) -> DesignState:
    """The session back in one stage, active.

    Raises:
        SessionEnded: it was abandoned.
    """
    if state.status is Status.ABANDONED:
        raise SessionEnded("The session was deleted.")
    after = state.model_copy(deep=True)
    after.version += 1
    reopen_stage(after, stage)
    settle(after)
    _remember(state, after)
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
    after = state.model_copy(deep=True)
    after.version += 1
    after.turn = max(after.turn, 1)
    after.reopened = None
    for stage in CONFIRMING:
        _confirm(after, stage)
    settle(after)
    _remember(state, after)
    return after


def edit(state: DesignState, values: dict[str, object], tools: Catalogue | None = None) -> tuple[DesignState, Changed]:
    """The session with fields as the user typed them, and what changed.

    Raises:
        InvalidField, SessionEnded
    """
    if state.status is not Status.ACTIVE:
        raise SessionEnded()
    after = state.model_copy(deep=True)
    after.version += 1
    fields.edit(after, values, tools or catalogue())
    if after.reopened and _has_answered(state, after, after.reopened):
        after.reopened = None
    _unconfirm(state, after)
    settle(after)
    _remember(state, after)
    return after, _changed(state, after)
