"""What a turn changed, and how it is taken back. Pure."""

from __future__ import annotations

from chalicelib.designer.models import UNDO_DEPTH, Before, Collected, DesignState, FieldName, Value
from chalicelib.designer.tools.models import Origin, Tool

Changed = dict[FieldName, tuple[Value | None, Value | None]]


def changed(before: DesignState, after: DesignState) -> Changed:
    """Fields whose value differs, or is no longer merely assumed: before and after."""
    found: Changed = {}
    for name in FieldName:
        old, new = before.collected_fields.get(name), after.collected_fields.get(name)
        if _value(old) != _value(new):
            found[name] = (_value(old), _value(new))
    return found


def _value(field: Collected | None) -> Value | None:
    return field.value if field else None


def remember(before: DesignState, after: DesignState) -> None:
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
        tools=None if _tools(before) == _tools(after) else _tools(before),
        fields={name: before.collected_fields.get(name) for name in names},
    )
    after.undo = [*after.undo, kept][-UNDO_DEPTH:]


def restore(state: DesignState) -> None:
    kept = state.undo.pop()
    for name, held in kept.fields.items():
        if held is None:
            state.collected_fields.pop(name, None)
        else:
            state.collected_fields[name] = held
    state.status, state.reopened = kept.status, kept.reopened
    state.confirmed, state.waived = list(kept.confirmed), list(kept.waived)
    if kept.tools is not None:
        state.wishes = [tool for tool in kept.tools if tool.origin is Origin.WISH]
        state.own_tools = [tool for tool in kept.tools if tool.origin is Origin.USER]


def _tools(state: DesignState) -> list[Tool]:
    return [*state.wishes, *state.own_tools]
