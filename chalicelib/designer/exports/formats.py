"""All export formats by id, and the way back from Glia's own."""

from __future__ import annotations

import json

from pydantic import ValidationError

from chalicelib.designer import stages
from chalicelib.designer.design import Design
from chalicelib.designer.errors import InvalidDesign
from chalicelib.designer.exports.agent_spec import agent_spec_json, agent_spec_yaml
from chalicelib.designer.exports.code import langgraph, openai_agents
from chalicelib.designer.exports.data_formats import (
    DESIGN_FORMAT,
    DESIGN_VERSION,
    adk,
    claude_subagent,
    glia,
    mcp,
    mermaid_diagram,
    openai_tools,
)
from chalicelib.designer.exports.dify import dify
from chalicelib.designer.exports.models import Draft, Export, Exporter, FormatId
from chalicelib.designer.models import DesignState, FieldName
from chalicelib.designer.tools.models import Origin
from chalicelib.designer.workflow import Workflow, synthesize

FORMATS: dict[FormatId, Exporter] = {
    "agent-spec-json": agent_spec_json,
    "agent-spec-yaml": agent_spec_yaml,
    "openai-agents": openai_agents,
    "openai-tools": openai_tools,
    "langgraph": langgraph,
    "adk": adk,
    "dify": dify,
    "mcp": mcp,
    "mermaid": mermaid_diagram,
    "claude-subagent": claude_subagent,
    "glia": glia,
}


def export(design: Design, format_id: FormatId, flow: Workflow | None = None) -> Export:
    """A design in one of `FORMATS`."""
    draft = Draft(design, flow or synthesize(design))
    made = FORMATS[format_id](draft)
    if design.missing and format_id != "glia":
        names = ", ".join(name.value for name in design.missing)
        made.losses.append(f"This is a draft: {names} were not said and are assumed.")
    return made


def read_design(text: str) -> Design:
    """The design in a file of Glia's own format.

    Raises:
        InvalidDesign: it is no such file, of another version, or its design is not whole.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidDesign("The file is not JSON.") from None
    if not isinstance(document, dict) or document.get("format") != DESIGN_FORMAT:
        raise InvalidDesign(f"The file's `format` is not {DESIGN_FORMAT}.")
    if document.get("version") != DESIGN_VERSION:
        raise InvalidDesign(f"Only version {DESIGN_VERSION} can be read.")
    try:
        return Design.model_validate(document.get("design"))
    except ValidationError as error:
        problems = [".".join(str(part) for part in entry["loc"])[:100] for entry in error.errors()[:5]]
        raise InvalidDesign("The design is not whole.", fields=problems) from None


def state_of(design: Design) -> DesignState:
    """A session's state with what a design holds, each field with the origin it had."""
    state = DesignState(turn=max((field.turn for field in design.origins.values()), default=0) or 1)
    state.collected_fields = {
        name: field.model_copy(deep=True) for name, field in design.origins.items() if name not in design.missing
    }
    state.own_tools = [tool for tool in design.tools if tool.origin is Origin.USER]
    state.wishes = [tool for tool in design.tools if tool.origin is Origin.WISH]
    chosen = state.items(FieldName.TOOLS)
    state.waived = [name for name in design.waived if name in chosen]
    state.stage = stages.current(state)
    return state
