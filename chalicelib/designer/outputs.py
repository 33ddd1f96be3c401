"""What a session comes to: prompt, workflow, tools configuration, acceptance cases, findings; and its own document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib.designer.acceptance import Case, cases
from chalicelib.designer.checks import Finding, check_design, check_workflow
from chalicelib.designer.design import Design, design_of
from chalicelib.designer.models import DesignState, FieldName, Strict
from chalicelib.designer.prompt import Prompt, prompt
from chalicelib.designer.tools.catalogue import Catalogue
from chalicelib.designer.workflow import NodeKind, Workflow, mermaid, synthesize


class Outputs(Strict):
    final_prompt: str
    workflow_json: Workflow
    tools_config: list[dict[str, Any]]
    acceptance_cases: list[Case]
    findings: list[Finding]
    prompt_tokens: int
    is_draft: bool


def outputs(design: Design, flow: Workflow | None = None) -> Outputs:
    """Everything that is made of a design. `workflow_json` is `flow` where the user has one of their own."""
    flow = flow or synthesize(design)
    made = prompt(design, flow)
    return Outputs(
        final_prompt=made.text,
        workflow_json=flow,
        tools_config=tools_config(design),
        acceptance_cases=cases(design),
        findings=sorted([*check_workflow(flow, design), *check_design(design)], key=lambda f: f.severity),
        prompt_tokens=made.tokens,
        is_draft=bool(design.missing),
    )


def tools_config(design: Design) -> list[dict[str, Any]]:
    """What each tool needs to run: parameters, credentials, effects, approval, and an MCP server that offers it."""
    return [
        {
            "name": tool.name,
            "title": tool.title,
            "description": tool.description,
            "parameters": tool.parameters,
            "credentials": tool.credentials,
            "effects": [effect.value for effect in tool.effects],
            "requires_approval": design.needs_approval(tool),
            "origin": tool.origin.value,
            "mcp": tool.mcp.model_dump(mode="json") if tool.mcp else None,
        }
        for tool in design.tools
    ]


def preview(state: DesignState, catalogue: Catalogue) -> tuple[Design, Workflow, Prompt]:
    """The design, workflow and prompt of a session as it stands."""
    design = design_of(state, catalogue)
    flow = synthesize(design)
    return design, flow, prompt(design, flow)


def summary(flow: Workflow, design: Design) -> str:
    """The workflow in a sentence or two, for the dialogue."""
    steps = [node.title for node in flow.nodes if node.kind is NodeKind.MODEL and node.goals]
    tools = list(dict.fromkeys(node.title for node in flow.nodes if node.kind is NodeKind.TOOL))
    guarded = [tool.title for tool in design.tools if design.needs_approval(tool)]
    told = f"Workflow: understand the request, then {' / '.join(steps)[:300]}"
    told += f", with {', '.join(tools)}" if tools else ""
    told += ", then reply."
    return f"{told} Waits for approval before writing: {', '.join(guarded)}." if guarded else told


def document(
    state: DesignState, catalogue: Catalogue, history: Sequence[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    """A session as the JSON that clients know: stage, fields, conversation, workflow and prompt.

    Args:
        history: the conversation, `{role, content, timestamp}` each, oldest first.
        more: `session_id`, `created_at`, `updated_at` and whatever else stands beside them.
    """
    _, flow, made = preview(state, catalogue)
    has_shape = state.value(FieldName.GOALS) is not None
    return {
        **more,
        "status": state.status.value,
        "stage": state.stage.value,
        **{name.value: state.value(name) for name in FieldName},
        "goals": state.value(FieldName.GOALS),
        "tools": state.items(FieldName.TOOLS),
        "conversation_history": list(history),
        "collected_fields": {n.value: field.model_dump(mode="json") for n, field in state.collected_fields.items()},
        "workflow": flow.model_dump(mode="json") if has_shape else None,
        "workflow_mermaid": mermaid(flow) if has_shape else None,
        "final_prompt": made.text if has_shape else None,
    }
