"""Exports that are Python files. Whatever users wrote stands in them as literals only."""

from __future__ import annotations

import re
from importlib.resources import files
from pprint import pformat
from typing import Any

from chalicelib.designer.exports.models import IN_WORDS, NO_CASES, NO_ORIGINS, Draft, Export, Runnable
from chalicelib.designer.tools.schema import strict
from chalicelib.designer.workflow import MAX_ROUNDS, NodeKind

_MARK = re.compile(r"@([A-Z_]{2,20})@")
TURNS_A_ROUND = 4


def openai_agents(draft: Draft) -> Export:
    """A file for the OpenAI Agents SDK; tools that write have `needs_approval`."""
    specs = []
    for tool in draft.design.tools:
        schema, is_strict = strict(tool.parameters)
        specs.append(
            {
                "name": tool.name,
                "description": tool.description,
                "parameters": schema,
                "strict": is_strict,
                "needs_approval": draft.design.needs_approval(tool),
            }
        )
    filename = f"{draft.design.slug}_agent.py"
    artifact = _filled(
        "openai_agents.py.txt",
        FILENAME=filename,
        NAME=draft.design.name,
        INSTRUCTIONS=draft.instructions("openai"),
        MAX_TURNS=MAX_ROUNDS * TURNS_A_ROUND,
        SPECS=specs,
    )
    for loss in (IN_WORDS, NO_CASES, NO_ORIGINS):
        draft.lose(loss)
    return _export(draft, artifact, filename, "OpenAI Agents SDK", "openai-agents 0.24")


def langgraph(draft: Draft) -> Export:
    """A file for LangGraph with the workflow as its graph; approvals are interrupts."""
    nodes: list[dict[str, Any]] = []
    asks = {edge.source: edge.target for edge in draft.flow.edges if edge.kind.value == "case"}
    tools = {node.id: node.tool for node in draft.flow.nodes if node.tool}
    for node in draft.flow.nodes:
        entry: dict[str, Any] = {"id": node.id, "kind": node.kind.value, "title": node.title}
        entry |= {"writes": node.writes} if node.writes else {}
        entry |= {"tool": node.tool} if node.tool else {}
        entry |= {"max_rounds": node.max_rounds} if node.max_rounds else {}
        if node.kind is NodeKind.CONDITION and asks.get(node.id) in tools:
            entry["about"] = tools[asks[node.id]]
        nodes.append(entry)
    edges = [edge.model_dump(mode="json", exclude={"data"}, exclude_defaults=False) for edge in draft.flow.edges]
    specs = {
        tool.name: {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
        for tool in draft.design.tools
    }
    filename = f"{draft.design.slug}_graph.py"
    artifact = _filled(
        "langgraph.py.txt",
        FILENAME=filename,
        NAME=draft.design.name,
        INSTRUCTIONS=draft.instructions(),
        SPECS={name: {"type": "function", "function": spec} for name, spec in specs.items()},
        NODES=nodes,
        EDGES=edges,
        RECURSION_LIMIT=(len(nodes) + 2) * (MAX_ROUNDS + 1),
    )
    for loss in (NO_CASES, NO_ORIGINS):
        draft.lose(loss)
    return _export(draft, artifact, filename, "LangGraph", "langgraph 1.2")


def _export(draft: Draft, artifact: str, filename: str, target: str, version: str) -> Export:
    return Export(
        artifact=artifact,
        filename=filename,
        target=target,
        target_version=version,
        losses=draft.losses,
        runnable=Runnable(
            env=["OPENAI_API_KEY", *draft.credentials],
            command=f"python {filename}",
            placeholders=[tool.name for tool in draft.design.tools],
            confirmations=draft.guarded,
        ),
    )


def _filled(template: str, *, FILENAME: str, **values: Any) -> str:  # noqa: N803 - the template's own marks
    """The template with each mark replaced once, by a literal; marks inside values stay what they are."""
    text = files("chalicelib.designer.exports").joinpath("templates", template).read_text(encoding="utf-8")
    literals = {name: _literal(value) for name, value in values.items()} | {"FILENAME": FILENAME}
    return _MARK.sub(lambda found: literals[found[1]], text)


def _literal(value: Any) -> str:
    """A Python literal in ASCII: nothing in it can end it."""
    shown = pformat(value, width=110, sort_dicts=False)
    return shown if shown.isascii() else ascii_literal(shown)


def ascii_literal(shown: str) -> str:
    return "".join(c if c.isascii() else _escaped(c) for c in shown)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
