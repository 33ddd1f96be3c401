"""Dify: an application of mode `workflow` in Dify's DSL."""

from __future__ import annotations

from typing import Any

from chalicelib.designer.exports.models import NO_CASES, NO_ORIGINS, Draft, Export, Runnable
from chalicelib.designer.exports.yaml_text import dump
from chalicelib.designer.tools.models import Tool
from chalicelib.designer.workflow import assign

VERSION = "0.5.0"
MODEL = {
    "provider": "langgenius/openai/openai",
    "name": "gpt-5",
    "mode": "chat",
    "completion_params": {"temperature": 0.7},
}
START, ROUTE, END = "start", "route", "end"
WIDE, HIGH = 320, 160


def dify(draft: Draft) -> Export:
    """Start, a classifier where there are several goals, an HTTP request for each tool, a model step and an end for
    each goal. Tools that write are asked only if the start form approves them."""
    graph = _Graph(draft)
    served = assign(draft.design.goals, draft.design.tools)
    graph.node(START, "start", "Start", {"variables": _variables(draft)}, 0, 0)
    entries = _route(graph, draft)
    for index, tools in enumerate(served):
        _branch(graph, draft, index, tools, entries[index])
    if len(entries) > len(served):
        _end(graph, draft, "none", entries[-1], [], len(served))
    _lose(draft)
    document = {
        "app": {
            "description": draft.description,
            "icon": "robot_face",
            "icon_background": "#FFEAD5",
            "mode": "workflow",
            "name": draft.design.name,
            "use_icon_as_answer_icon": False,
        },
        "dependencies": [],
        "kind": "app",
        "version": VERSION,
        "workflow": {
            "conversation_variables": [],
            "environment_variables": [_address(tool) for tool in draft.design.tools],
            "features": {"file_upload": {"enabled": False}, "retriever_resource": {"enabled": False}},
            "graph": {"nodes": graph.nodes, "edges": graph.edges, "viewport": {"x": 0, "y": 0, "zoom": 1}},
        },
    }
    return Export(
        artifact=dump(document),
        filename=f"{draft.design.slug}.dify.yml",
        target="Dify DSL",
        target_version=VERSION,
        losses=draft.losses,
        runnable=Runnable(
            env=[_variable(tool) for tool in draft.design.tools],
            placeholders=[tool.name for tool in draft.design.tools],
            confirmations=draft.guarded,
        ),
    )


def _lose(draft: Draft) -> None:
    if draft.design.tools:
        draft.lose(
            "Each tool is an HTTP request to an address that you set; its parameters are sent as the request's text."
        )
    if draft.guarded:
        draft.lose(f"Approval is given beforehand in the start form, not at each call: {', '.join(draft.guarded)}.")
    draft.lose("The loop until the request is met is left out: each goal's branch runs once.")
    for loss in (NO_CASES, NO_ORIGINS):
        draft.lose(loss)


class _Graph:
    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.nodes: list[dict[str, Any]] = []
        self.edges: list[dict[str, Any]] = []
        self._kinds: dict[str, str] = {}

    def node(self, name: str, kind: str, title: str, data: dict[str, Any], column: int, row: int) -> None:
        self._kinds[name] = kind
        place = {"x": column * WIDE, "y": row * HIGH}
        self.nodes.append(
            {
                "id": name,
                "type": "custom",
                "data": {"type": kind, "title": title[:80], "desc": "", "selected": False, **data},
                "position": place,
                "positionAbsolute": dict(place),
                "sourcePosition": "right",
                "targetPosition": "left",
                "width": 244,
                "height": 90,
            }
        )

    def edge(self, source: str, target: str, handle: str = "source") -> None:
        self.edges.append(
            {
                "id": f"{source}-{handle}-{target}-target",
                "source": source,
                "sourceHandle": handle,
                "target": target,
                "targetHandle": "target",
                "type": "custom",
                "zIndex": 0,
                "data": {
                    "sourceType": self._kinds[source],
                    "targetType": self._kinds[target],
                    "isInIteration": False,
                    "isInLoop": False,
                },
            }
        )


Entry = tuple[str, str]  # a node and the handle that leaves it


def _variables(draft: Draft) -> list[dict[str, Any]]:
    message = {"variable": "message", "label": "Message", "type": "paragraph", "required": True, "max_length": 8000}
    made: list[dict[str, Any]] = [{**message, "options": []}]
    for name in draft.guarded:
        label = f"May {name} write?"
        made.append(
            {
                "variable": f"approve_{name}"[:48],
                "label": label,
                "type": "select",
                "required": True,
                "options": ["no", "yes"],
            }
        )
    return made


def _route(graph: _Graph, draft: Draft) -> list[Entry]:
    """Where each goal's branch starts; with several goals one more for what is none of them."""
    if len(draft.design.goals) == 1:
        return [(START, "source")]
    classes = [{"id": f"goal_{index}", "name": goal} for index, goal in enumerate(draft.design.goals, 1)]
    classes.append({"id": "none", "name": "none of these"})
    data = {
        "query_variable_selector": [START, "message"],
        "model": MODEL,
        "classes": classes,
        "instruction": "",
        "topics": [],
        "vision": {"enabled": False},
    }
    graph.node(ROUTE, "question-classifier", "Which goal is it about?", data, 1, 0)
    graph.edge(START, ROUTE)
    return [(ROUTE, str(entry["id"])) for entry in classes]


def _branch(graph: _Graph, draft: Draft, index: int, tools: list[Tool], entry: Entry) -> None:
    """A goal's tools one after the other, then its model step. A refused tool is passed over."""
    open_ends = [entry]
    for place, tool in enumerate(tools):
        calls = f"call_{index + 1}_{place + 1}"
        skipped: list[Entry] = []
        if draft.design.needs_approval(tool):
            asks = f"approve_{index + 1}_{place + 1}"
            graph.node(asks, "if-else", f"May {tool.title} write?", _approval(tool), 2 + 2 * place, index)
            _join(graph, open_ends, asks)
            open_ends, skipped = [(asks, "true")], [(asks, "false")]
        graph.node(calls, "http-request", tool.title, _request(tool), 3 + 2 * place, index)
        _join(graph, open_ends, calls)
        open_ends = [(calls, "source"), *skipped]
    results = [f"call_{index + 1}_{place + 1}" for place in range(len(tools))]
    _end(graph, draft, f"goal_{index + 1}", open_ends[0], results, index, open_ends[1:])


def _join(graph: _Graph, open_ends: list[Entry], target: str) -> None:
    for source, handle in open_ends:
        graph.edge(source, target, handle)


def _approval(tool: Tool) -> dict[str, Any]:
    selector = [START, f"approve_{tool.name}"[:48]]
    condition = {
        "id": "1",
        "varType": "string",
        "variable_selector": selector,
        "comparison_operator": "is",
        "value": "yes",
    }
    return {"cases": [{"id": "true", "case_id": "true", "logical_operator": "and", "conditions": [condition]}]}


def _request(tool: Tool) -> dict[str, Any]:
    body = [{"id": "1", "key": "", "type": "text", "value": "{{#start.message#}}"}]
    return {
        "method": "post",
        "url": f"{{{{#env.{_variable(tool)}#}}}}",
        "authorization": {"type": "no-auth", "config": None},
        "headers": "Content-Type: text/plain",
        "params": "",
        "body": {"type": "raw-text", "data": body},
        "timeout": {"connect": 10, "read": 60, "write": 20},
        "retry_config": {"retry_enabled": False, "max_retries": 1, "retry_interval": 1000},
        "variables": [],
    }


def _end(
    graph: _Graph, draft: Draft, name: str, entry: Entry, results: list[str], row: int, more: list[Entry] | None = None
) -> None:
    user = "\n".join(["{{#start.message#}}", *(f"{{{{#{result}.body#}}}}" for result in results)])
    data = {
        "model": MODEL,
        "prompt_template": [
            {"id": "system", "role": "system", "text": _without_references(draft)},
            {"id": "user", "role": "user", "text": user},
        ],
        "context": {"enabled": False, "variable_selector": []},
        "vision": {"enabled": False},
        "variables": [],
    }
    column = 4 + 2 * max((len(draft.design.tools)), 1)
    graph.node(f"reply_{name}", "llm", f"Reply: {name}", data, column, row)
    _join(graph, [entry, *(more or [])], f"reply_{name}")
    outputs = {"outputs": [{"variable": "reply", "value_selector": [f"reply_{name}", "text"], "value_type": "string"}]}
    graph.node(f"{END}_{name}", "end", "End", outputs, column + 1, row)
    graph.edge(f"reply_{name}", f"{END}_{name}")


def _without_references(draft: Draft) -> str:
    """Dify reads `{{#node.name#}}` and Jinja in prompts as references."""
    text = draft.instructions()
    if "{{" in text or "}}" in text:
        draft.lose("Double curly brackets in the prompt were parted: Dify reads them as references.")
    while "{{" in text or "}}" in text:
        text = text.replace("{{", "{ {").replace("}}", "} }")
    return text


def _variable(tool: Tool) -> str:
    return f"{tool.name.upper()}_URL"


def _address(tool: Tool) -> dict[str, Any]:
    return {
        "id": tool.name,
        "name": _variable(tool),
        "description": f"Where {tool.title} answers",
        "value_type": "string",
        "value": "https://example.invalid/",
        "selector": ["env", _variable(tool)],
    }
