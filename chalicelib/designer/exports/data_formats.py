"""Exports that are data: OpenAI tools, MCP client configuration, Mermaid, Claude subagent, Google ADK, Glia's own."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.designer.acceptance import cases
from chalicelib.designer.exports.models import IN_WORDS, NO_CASES, NO_ORIGINS, Draft, Export, Runnable
from chalicelib.designer.exports.yaml_text import dump
from chalicelib.designer.tools.models import McpServer
from chalicelib.designer.tools.schema import strict
from chalicelib.designer.workflow import mermaid

DESIGN_FORMAT, DESIGN_VERSION = "glia-design", 1


def dumps(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def openai_tools(draft: Draft) -> Export:
    """Function tools as OpenAI's Responses API takes them."""
    entries = []
    for tool in draft.design.tools:
        schema, is_strict = strict(tool.parameters)
        entries.append(
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": schema,
                "strict": is_strict,
            }
        )
        if not is_strict:
            draft.lose(f"{tool.name} is not in strict mode: its parameters are open.")
    draft.lose("Only tools are exported: no prompt, workflow or agent.")
    if draft.guarded:
        draft.lose(f"Approval before writing is up to your program: {', '.join(draft.guarded)}.")
    if draft.credentials:
        draft.lose("Credentials are not part of this format.")
    return Export(
        artifact=dumps(entries),
        filename=f"{draft.design.slug}.tools.json",
        target="OpenAI tools (Responses API)",
        target_version="openai 3",
        losses=draft.losses,
        runnable=Runnable(
            env=["OPENAI_API_KEY"],
            placeholders=[tool.name for tool in draft.design.tools],
            confirmations=draft.guarded,
        ),
    )


def mcp(draft: Draft) -> Export:
    """The `mcpServers` object that MCP clients read; credentials as ${VARIABLES}."""
    servers: dict[str, McpServer] = {}
    for tool in draft.design.tools:
        if tool.mcp is None:
            draft.lose(f"No MCP server is suggested for {tool.name}.")
        elif tool.mcp.name in servers:
            held = servers[tool.mcp.name]
            servers[tool.mcp.name] = held.model_copy(update={"env": list(dict.fromkeys([*held.env, *tool.mcp.env]))})
        else:
            servers[tool.mcp.name] = tool.mcp
    draft.lose("Only servers are exported: no prompt, workflow or agent.")
    if draft.guarded:
        draft.lose(f"Approval before writing is up to the client: {', '.join(draft.guarded)}.")
    variables = list(dict.fromkeys(name for server in servers.values() for name in server.env))
    return Export(
        artifact=dumps({"mcpServers": {name: _server(server) for name, server in servers.items()}}),
        filename="mcp.json",
        target="MCP client configuration",
        target_version="2025-11-25",
        losses=draft.losses,
        runnable=Runnable(
            env=variables,
            placeholders=[argument for server in servers.values() for argument in server.args if "<" in argument],
            confirmations=draft.guarded,
        ),
    )


def _server(server: McpServer) -> dict[str, Any]:
    if server.url:
        return {"url": server.url}
    made: dict[str, Any] = {"command": server.command, "args": server.args}
    return {**made, "env": {name: f"${{{name}}}" for name in server.env}} if server.env else made


def mermaid_diagram(draft: Draft) -> Export:
    draft.lose("Only the workflow's shape is exported: no prompt, no parameters, no data passed between steps.")
    return Export(
        artifact=mermaid(draft.flow),
        filename=f"{draft.design.slug}.mmd",
        target="Mermaid flowchart",
        target_version="11",
        losses=draft.losses,
        runnable=Runnable(confirmations=draft.guarded),
    )


CLAUDE_TOOLS = {
    "web_search": ["WebSearch"],
    "fetch_page": ["WebFetch"],
    "files": ["Read", "Write", "Glob"],
    "shell": ["Bash"],
    "git": ["Bash"],
    "code_execution": ["Bash"],
    "pdf_reader": ["Read"],
}


def claude_subagent(draft: Draft) -> Export:
    """A Markdown file with front matter, as Claude Code reads it from `.claude/agents`."""
    named: list[str] = []
    for tool in draft.design.tools:
        if tool.name in CLAUDE_TOOLS:
            named += CLAUDE_TOOLS[tool.name]
        elif tool.mcp is not None:
            named.append(f"mcp__{tool.mcp.name}")
        else:
            draft.lose(f"Claude Code has no tool for {tool.name}, and no MCP server is suggested.")
    if draft.guarded:
        draft.lose(f"Approval before writing is up to Claude Code's permissions: {', '.join(draft.guarded)}.")
    for loss in (IN_WORDS, NO_CASES, NO_ORIGINS):
        draft.lose(loss)
    slug = draft.design.slug.replace("_", "-")
    front = {"name": slug, "description": f"{draft.design.agent_type}. {draft.description}"[:500]}
    front["tools"] = ", ".join(dict.fromkeys(named)) if named else "Read"
    if not named:
        draft.lose("A subagent without a list of tools inherits all; it was given Read alone.")
    return Export(
        artifact=f"---\n{dump(front)}---\n\n{draft.instructions('anthropic')}",
        filename=f".claude/agents/{slug}.md",
        target="Claude Code subagent",
        target_version="2",
        losses=draft.losses,
        runnable=Runnable(command="claude", env=draft.credentials, confirmations=draft.guarded),
    )


ADK_MODULE = "agent_tools"


def adk(draft: Draft) -> Export:
    """A Google ADK agent configuration; its tools are functions of a module of yours."""
    functions = [f"{ADK_MODULE}.{tool.name}" for tool in draft.design.tools]
    config: dict[str, Any] = {
        "agent_class": "LlmAgent",
        "name": draft.design.slug,
        "model": "gemini-2.5-flash",
        "description": draft.description,
        "instruction": _without_state_references(draft),
    }
    if functions:
        config["tools"] = [{"name": name} for name in functions]
        draft.lose(
            f"Tools are functions that you write in the module {ADK_MODULE}; their parameters are read from there."
        )
    if draft.guarded:
        draft.lose(f"Approval before writing is only asked for in the instruction: {', '.join(draft.guarded)}.")
    for loss in (IN_WORDS, NO_CASES, NO_ORIGINS):
        draft.lose(loss)
    return Export(
        artifact=dump(config),
        filename="root_agent.yaml",
        target="Google ADK agent config",
        target_version="google-adk 2.13",
        losses=draft.losses,
        runnable=Runnable(
            env=["GOOGLE_API_KEY", *draft.credentials],
            command="adk web",
            placeholders=functions,
            confirmations=draft.guarded,
        ),
    )


def _without_state_references(draft: Draft) -> str:
    """ADK reads `{name}` in an instruction as a reference to its state; other brackets say the same to a model."""
    text = draft.instructions("gemini")
    if "{" in text or "}" in text:
        draft.lose("Curly brackets in the instruction became round ones: ADK reads them as references to its state.")
    return text.replace("{", "(").replace("}", ")")


def glia(draft: Draft) -> Export:
    """Everything, as Glia imports it again without loss."""
    document = {
        "format": DESIGN_FORMAT,
        "version": DESIGN_VERSION,
        "design": draft.design.model_dump(mode="json"),
        "workflow": draft.flow.model_dump(mode="json"),
        "prompt": draft.instructions(),
        "acceptance_cases": [case.model_dump(mode="json") for case in cases(draft.design)],
    }
    return Export(
        artifact=dumps(document),
        filename=f"{draft.design.slug}.glia.json",
        target="Glia design",
        target_version=str(DESIGN_VERSION),
        losses=[],
        runnable=Runnable(env=draft.credentials, command="glia design validate FILE", confirmations=draft.guarded),
    )
