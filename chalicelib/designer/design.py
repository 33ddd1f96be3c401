"""A design: what a session has agreed on, whole. What is still missing is assumed, and said to be."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from chalicelib.designer import fields, stages
from chalicelib.designer.models import Collected, DesignState, FieldName, Strict
from chalicelib.designer.tools.catalogue import Catalogue, name_of
from chalicelib.designer.tools.models import Tool


class Design(Strict):
    """Everything that prompt, workflow and exports are made of. `missing` names required fields that were assumed
    because the session has not come to them: the design is a draft then."""

    agent_type: str
    name: str
    goals: list[str] = Field(min_length=1)
    audience: str
    tone: str
    constraints: list[str]
    use_tools: bool
    tools: list[Tool]
    inputs: str
    outputs: str
    examples: list[str]
    language: str
    channel: str
    waived: list[str] = Field(default_factory=list)
    missing: list[FieldName] = Field(default_factory=list)
    origins: dict[FieldName, Collected] = Field(default_factory=dict)

    @property
    def slug(self) -> str:
        """The name as an identifier of lower-case letters, digits and underscores."""
        return name_of(self.name)

    def needs_approval(self, tool: Tool) -> bool:
        return tool.writes and tool.name not in self.waived


def design_of(state: DesignState, catalogue: Catalogue) -> Design:
    """The design of a session as it stands."""
    draft = state.copied()
    missing = stages.missing(draft)
    for name in FieldName:
        lacks_tools = name is FieldName.TOOLS and draft.value(FieldName.USE_TOOLS) is not True
        if draft.value(name) in (None, []) and not lacks_tools:
            fields.assume(draft, name)
    values: dict[str, Any] = {name.value: draft.value(name) for name in FieldName if name is not FieldName.TOOLS}
    return Design(
        **values,
        tools=fields.tools_of(draft, catalogue),
        waived=list(draft.waived),
        missing=missing,
        origins=draft.collected_fields,
    )
