"""Open Agent Spec: an agent with server tools, as JSON or YAML."""

from __future__ import annotations

import uuid
from typing import Any

from chalicelib.designer.exports.data_formats import dumps
from chalicelib.designer.exports.models import NO_CASES, Draft, Export, Runnable
from chalicelib.designer.exports.yaml_text import dump
from chalicelib.designer.tools.models import Tool

VERSION = "25.4.2"  # of the specification; the first with `requires_confirmation`
_NAMESPACE = uuid.UUID("6f0f6f5e-6c1b-5e0a-9a55-6b7a6f2d8c11")


def agent_spec_json(draft: Draft) -> Export:
    return _export(draft, dumps(_agent(draft)), "json")


def agent_spec_yaml(draft: Draft) -> Export:
    return _export(draft, dump(_agent(draft)), "yaml")


def _export(draft: Draft, artifact: str, ending: str) -> Export:
    draft.lose("The workflow's graph is told to the agent in its instructions and kept under metadata.")
    draft.lose(NO_CASES)
    return Export(
        artifact=artifact,
        filename=f"{draft.design.slug}.agent-spec.{ending}",
        target="Open Agent Spec",
        target_version=VERSION,
        losses=draft.losses,
        runnable=Runnable(
            env=["OPENAI_API_KEY", *draft.credentials],
            placeholders=[tool.name for tool in draft.design.tools],
            confirmations=draft.guarded,
        ),
    )


def _agent(draft: Draft) -> dict[str, Any]:
    design = draft.design
    return {
        "component_type": "Agent",
        "id": _id(design.slug),
        "name": design.slug,
        "description": draft.description,
        "metadata": {
            "glia": {"workflow": draft.flow.model_dump(mode="json", exclude={"nodes": {"__all__": {"x", "y"}}})}
        },
        "inputs": [],
        "outputs": [],
        "llm_config": {
            "component_type": "OpenAiConfig",
            "id": _id(f"{design.slug}/llm"),
            "name": "model",
            "description": None,
            "metadata": {},
            "model_id": "gpt-5",
            "default_generation_parameters": None,
        },
        "system_prompt": _without_placeholders(draft),
        "tools": [_tool(draft, tool) for tool in design.tools],
        "toolboxes": [],
        "human_in_the_loop": True,
        "agentspec_version": VERSION,
    }


def _without_placeholders(draft: Draft) -> str:
    """Agent Spec reads `{{name}}` as an input of the agent."""
    text = draft.instructions()
    if "{{" in text or "}}" in text:
        draft.lose("Double curly brackets in the prompt were parted: Agent Spec reads them as inputs.")
    while "{{" in text or "}}" in text:
        text = text.replace("{{", "{ {").replace("}}", "} }")
    return text


def _tool(draft: Draft, tool: Tool) -> dict[str, Any]:
    required = set(tool.parameters.get("required", ()))
    properties = tool.parameters.get("properties", {})
    return {
        "component_type": "ServerTool",
        "id": _id(f"{draft.design.slug}/tool/{tool.name}"),
        "name": tool.name,
        "description": tool.description,
        "metadata": {"glia": {"effects": [effect.value for effect in tool.effects], "credentials": tool.credentials}},
        "inputs": [_property(name, schema, name in required) for name, schema in properties.items()],
        "outputs": [{"title": "result", "type": "string"}],
        "requires_confirmation": draft.design.needs_approval(tool),
    }


def _property(name: str, schema: dict[str, Any], is_required: bool) -> dict[str, Any]:
    if is_required:
        return {**schema, "title": name}
    made: dict[str, Any] = {"title": name, "anyOf": [{k: v for k, v in schema.items() if k != "description"}]}
    made["anyOf"].append({"type": "null"})
    made["default"] = None
    return {**made, "description": schema["description"]} if "description" in schema else made


def _id(path: str) -> str:
    """Ids that stay the same from export to export."""
    return str(uuid.uuid5(_NAMESPACE, path))
