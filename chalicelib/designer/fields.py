"""Changing what a session has gathered: extractions, edits and assumptions, each with its origin. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.designer.errors import InvalidField
from chalicelib.designer.gazetteers import Kind
from chalicelib.designer.models import (
    LISTS,
    LONGEST_TEXT,
    MOST_ITEMS,
    REQUIRED,
    Change,
    Collected,
    DesignState,
    Extraction,
    FieldName,
    Op,
    Quote,
    Source,
    Span,
    Value,
)
from chalicelib.designer.rules_agent import kind_of, nearly
from chalicelib.designer.tools.catalogue import Catalogue, tool_for_wish
from chalicelib.designer.tools.models import Origin, Tool

OPTIONAL = tuple(name for name in FieldName if name not in REQUIRED)
DEFAULT_TOOL = "web_search"


def kind(state: DesignState) -> Kind:
    """The common kind of agent that the session is about; the general one until it is known."""
    return kind_of(nearly(str(state.value(FieldName.AGENT_TYPE) or "")))


def tools_of(state: DesignState, catalogue: Catalogue) -> list[Tool]:
    """The tools the design uses, in the order they were chosen."""
    by_name = {tool.name: tool for tool in (*state.own_tools, *state.wishes)}
    found = [by_name.get(name) or catalogue.get(name) for name in state.items(FieldName.TOOLS)]
    return [tool for tool in found if tool is not None]


def apply(state: DesignState, extraction: Extraction, catalogue: Catalogue) -> None:
    """Applies an extraction's changes in order. What does not fit a field is left out; what is so already stays as it
    is, with the origin it has."""
    for change in extraction.changes:
        _apply(state, change, extraction.source, catalogue)
    named = state.items(FieldName.TOOLS)
    for tool in extraction.waived:
        if tool in named and tool not in state.waived:
            state.waived.append(tool)
    state.waived = [tool for tool in state.waived if tool not in extraction.guarded]
    _settle(state)


def _apply(state: DesignState, change: Change, source: Source, catalogue: Catalogue) -> None:
    name = change.field
    if name is FieldName.TOOLS:
        _apply_tools(state, change, source, catalogue)
    elif name is FieldName.USE_TOOLS:
        if isinstance(change.value, bool):
            _put(state, name, change.value, source, _quotes(state, change.spans))
    elif name in LISTS:
        _apply_list(state, change, source, _texts(change.value))
    elif change.op is Op.REMOVE:
        state.collected_fields.pop(name, None)
    else:
        texts = _texts(change.value)
        if texts:
            _put(state, name, texts[0], source, _quotes(state, change.spans))


def _apply_tools(state: DesignState, change: Change, source: Source, catalogue: Catalogue) -> None:
    names = []
    for wish in _texts(change.value):
        tool = _tool(state, wish, catalogue, change.op, change.is_wish)
        if tool:
            names.append(tool)
    if names or change.op is Op.REMOVE:
        _apply_list(state, change, source, names)


def _tool(state: DesignState, wish: str, catalogue: Catalogue, op: Op, is_wish: bool) -> str | None:
    """The name of the tool meant; a generic one is made for a wish that nothing meets."""
    known = {tool.title.lower(): tool for tool in state.wishes} | {tool.name: tool for tool in state.wishes}
    tool = known.get(wish.lower()) or catalogue.resolve(wish)
    if tool is None and op is not Op.REMOVE and is_wish:
        tool = tool_for_wish(wish, [*catalogue.by_name, *(made.name for made in state.wishes)])
        state.wishes.append(tool)
    if tool is not None and tool.origin is Origin.USER and op is not Op.REMOVE:
        state.own_tools = [*(own for own in state.own_tools if own.name != tool.name), tool]
    return tool.name if tool else None


def _apply_list(state: DesignState, change: Change, source: Source, values: list[str]) -> None:
    name = change.field
    held = state.collected_fields.get(name)
    is_assumed = held is not None and held.source is Source.ASSUMED
    before = [] if is_assumed and change.op is not Op.REMOVE else state.items(name)
    if change.op is Op.SET:
        after = list(dict.fromkeys(values))
    elif change.op is Op.ADD:
        after = list(dict.fromkeys([*before, *values]))
    elif change.op is Op.REMOVE:
        after = [item for item in before if item not in values]
    else:
        after = _replaced(before, change.old, values)
    spans = change.spans if len(change.spans) == len(values) else change.spans * len(values)
    new = [(value, span) for value, span in zip(values, spans, strict=False) if value not in before]
    quotes = [quote for quote in (held.quotes if held and not is_assumed else []) if quote.item in after]
    if change.op is not Op.REMOVE:
        quotes += [_quote(state, span, value) for value, span in new]
    if after:
        _put(state, name, after[:MOST_ITEMS], source, quotes)
    else:
        state.collected_fields.pop(name, None)


def _replaced(before: list[str], old: str | None, values: list[str]) -> list[str]:
    if old not in before:
        return list(dict.fromkeys([*before, *values]))
    place = before.index(old)
    return list(dict.fromkeys([*before[:place], *values, *before[place + 1 :]]))


def _put(state: DesignState, name: FieldName, value: Value, source: Source, quotes: list[Quote]) -> None:
    held = state.collected_fields.get(name)
    if held is not None and held.value == value and held.source is not Source.ASSUMED:
        return
    state.collected_fields[name] = Collected(value=value, source=source, turn=state.turn, quotes=quotes)


def _texts(value: Value) -> list[str]:
    values = value if isinstance(value, list) else [value]
    cut = [text.strip()[:LONGEST_TEXT].strip() for text in values if isinstance(text, str)]
    return [text for text in cut if text]


def _quotes(state: DesignState, spans: Iterable[Span]) -> list[Quote]:
    return [_quote(state, span, None) for span in spans]


def _quote(state: DesignState, span: Span, item: str | None) -> Quote:
    return Quote(text=span.text, start=span.start, end=span.end, turn=state.turn, item=item)


def _settle(state: DesignState) -> None:
    """Without tools there are none in the list; waivers and made tools go with the tools they are about."""
    if state.value(FieldName.USE_TOOLS) is False:
        state.collected_fields.pop(FieldName.TOOLS, None)
    chosen = state.items(FieldName.TOOLS)
    state.waived = [tool for tool in state.waived if tool in chosen]
    state.wishes = [tool for tool in state.wishes if tool.name in chosen]
    state.own_tools = [tool for tool in state.own_tools if tool.name in chosen]


def answer(state: DesignState, name: FieldName, value: bool, source: Source, span: Span) -> None:
    """Sets a yes-or-no field by an answer such as `yes`."""
    _put(state, name, value, source, [_quote(state, span, None)])
    _settle(state)


def edit(state: DesignState, values: Mapping[str, Any], catalogue: Catalogue) -> None:
    """Sets fields to what the user typed into them; None empties a field.

    Raises:
        InvalidField: names the first field that cannot be set to that; nothing is set then.
    """
    checked = [(name, _checked(name, value, state, catalogue)) for name, value in values.items()]
    for name, value in checked:
        if value is None or value == []:
            state.collected_fields.pop(FieldName(name), None)
        else:
            state.collected_fields[FieldName(name)] = Collected(
                value=value, source=Source.USER_EDIT, turn=state.turn, quotes=[]
            )
    if FieldName.TOOLS in values and FieldName.USE_TOOLS not in values and state.items(FieldName.TOOLS):
        state.collected_fields[FieldName.USE_TOOLS] = Collected(
            value=True, source=Source.USER_EDIT, turn=state.turn, quotes=[]
        )
    for own in (catalogue.get(tool) for tool in state.items(FieldName.TOOLS)):
        if own is not None and own.origin is Origin.USER and own.name not in {tool.name for tool in state.own_tools}:
            state.own_tools.append(own)
    _settle(state)


def _checked(name: str, value: Any, state: DesignState, catalogue: Catalogue) -> Value | None:
    if name not in set(FieldName):
        raise InvalidField(f"There is no field {name[:40]!r}.", field=name[:40])
    field = FieldName(name)
    if value is None:
        return None
    if field is FieldName.USE_TOOLS:
        if not isinstance(value, bool):
            raise InvalidField("use_tools is true or false.", field=name)
        return value
    if field not in LISTS:
        if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT:
            raise InvalidField(f"{name} is a text of 1 to {LONGEST_TEXT} characters.", field=name)
        return value.strip()
    if not isinstance(value, list) or len(value) > MOST_ITEMS:
        raise InvalidField(f"{name} is a list of at most {MOST_ITEMS} texts.", field=name)
    if not all(isinstance(item, str) and item.strip() and len(item) <= LONGEST_TEXT for item in value):
        raise InvalidField(f"Each entry of {name} is a text of 1 to {LONGEST_TEXT} characters.", field=name)
    items = list(dict.fromkeys(item.strip() for item in value))
    if field is FieldName.TOOLS:
        known = {tool.name for tool in state.wishes}
        for item in items:
            if item not in catalogue and item not in known:
                raise InvalidField(f"The catalogue has no tool {item[:48]!r}.", field=name)
    return items


def default(state: DesignState, name: FieldName) -> Value:
    """What is assumed of a field that the user leaves open."""
    common = kind(state)
    agent = str(state.value(FieldName.AGENT_TYPE) or common.name)
    defaults: dict[FieldName, Value] = {
        FieldName.AGENT_TYPE: common.name,
        FieldName.NAME: " ".join(word[:1].upper() + word[1:] for word in agent.split())[:80],
        FieldName.GOALS: [common.goal],
        FieldName.AUDIENCE: common.audience,
        FieldName.TONE: common.tone,
        FieldName.CONSTRAINTS: ["Say so when you do not know something; never make up facts."],
        FieldName.USE_TOOLS: bool(state.items(FieldName.TOOLS)),
        FieldName.TOOLS: [DEFAULT_TOOL],
        FieldName.INPUTS: "messages of the user, as text",
        FieldName.OUTPUTS: "replies to the user, as text",
        FieldName.EXAMPLES: [],
        FieldName.LANGUAGE: "English",
        FieldName.CHANNEL: "chat",
    }
    return defaults[name]


def assume(state: DesignState, name: FieldName) -> None:
    """Gives a field its default, marked as assumed."""
    value = default(state, name)
    state.collected_fields[name] = Collected(value=value, source=Source.ASSUMED, turn=state.turn, quotes=[])


def assume_optional(state: DesignState) -> None:
    """Gives every optional field that is not known its default, and renews those assumed before."""
    for name in OPTIONAL:
        held = state.collected_fields.get(name)
        if held is None or (held.source is Source.ASSUMED and held.value != default(state, name)):
            assume(state, name)
