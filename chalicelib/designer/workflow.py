"""The workflow of a design: typed nodes and edges, made from its goals and tools."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from pydantic import Field

from chalicelib.designer.design import Design
from chalicelib.designer.models import Strict
from chalicelib.designer.text import words
from chalicelib.designer.tools.models import Tool

MAX_ROUNDS = 5
LONGEST_TITLE = 80
COLUMN, ROW = 260, 120  # distance of nodes, in pixels


class NodeKind(StrEnum):
    START = "start"
    MODEL = "model"
    TOOL = "tool"
    CONDITION = "condition"
    LOOP = "loop"
    HUMAN_APPROVAL = "human_approval"
    END = "end"


class EdgeKind(StrEnum):
    """`case` and `otherwise` leave a condition; `approved` and `rejected` an approval; `again` and `done` a loop."""

    NEXT = "next"
    CASE = "case"
    OTHERWISE = "otherwise"
    APPROVED = "approved"
    REJECTED = "rejected"
    AGAIN = "again"
    DONE = "done"


class Node(Strict):
    """`reads` and `writes` name data. `goals` are the indices of the goals that it serves. `tool` is the tool that a
    tool node calls, or that an approval is about. A loop goes around `max_rounds` times at most."""

    id: str
    kind: NodeKind
    title: str
    tool: str | None = None
    goals: list[int] = Field(default_factory=list)
    reads: list[str] = Field(default_factory=list)
    writes: list[str] = Field(default_factory=list)
    max_rounds: int | None = None
    x: int = 0
    y: int = 0


class Edge(Strict):
    """`data` names what is passed on; `label` says when a `case` is taken."""

    source: str
    target: str
    kind: EdgeKind = EdgeKind.NEXT
    label: str = ""
    data: list[str] = Field(default_factory=list)


class Workflow(Strict):
    nodes: list[Node]
    edges: list[Edge]


def synthesize(design: Design) -> Workflow:
    """Understands the request, routes it to its goal, calls that goal's tools (those that write behind an approval),
    goes around until the request is met, and answers."""
    flow = Workflow(nodes=[], edges=[])
    _node(flow, "start", NodeKind.START, "Start", writes=["message"])
    _node(flow, "understand", NodeKind.MODEL, "Understand the request", reads=["message"], writes=["request"])
    _edge(flow, "start", "understand", data=["message"])
    served = assign(design.goals, design.tools)
    ends = [_goal(flow, design, index, served[index]) for index in range(len(design.goals))]
    _route(flow, design)
    _node(flow, "met", NodeKind.LOOP, "Is the request met?", reads=["result"], max_rounds=MAX_ROUNDS)
    for end in ends:
        for source, kind in end:
            _edge(flow, source, "met", kind, data=["result"])
    _edge(flow, "met", "understand", EdgeKind.AGAIN, data=["result"])
    _node(flow, "respond", NodeKind.MODEL, "Write the reply", reads=["request", "result"], writes=["reply"])
    _edge(flow, "met", "respond", EdgeKind.DONE, data=["result"])
    if len(design.goals) > 1:
        _edge(flow, "route", "respond", EdgeKind.OTHERWISE, "none of them", data=["request"])
    _node(flow, "end", NodeKind.END, "End", reads=["reply"])
    _edge(flow, "respond", "end", data=["reply"])
    return laid_out(flow)


def _route(flow: Workflow, design: Design) -> None:
    if len(design.goals) == 1:
        _edge(flow, "understand", "goal_1", data=["request"])
        return
    _node(flow, "route", NodeKind.CONDITION, "Which goal is it about?", reads=["request"])
    _edge(flow, "understand", "route", data=["request"])
    for index, goal in enumerate(design.goals, 1):
        _edge(flow, "route", f"goal_{index}", EdgeKind.CASE, goal[:LONGEST_TITLE], data=["request"])


Ends = list[tuple[str, EdgeKind]]


def _goal(flow: Workflow, design: Design, index: int, tools: Sequence[Tool]) -> Ends:
    """A goal's model step and tool calls. Returns the open ends of that branch."""
    name = f"goal_{index + 1}"
    title = design.goals[index][:LONGEST_TITLE]
    _node(flow, name, NodeKind.MODEL, title, goals=[index], reads=["request"], writes=["result"])
    open_ends: Ends = [(name, EdgeKind.NEXT)]
    for tool in tools:
        open_ends = _call(flow, design, index, tool, open_ends)
    return open_ends


def _call(flow: Workflow, design: Design, index: int, tool: Tool, open_ends: Ends) -> Ends:
    asks = f"needs_{tool.name}_{index + 1}"
    calls = f"call_{tool.name}_{index + 1}"
    _node(flow, asks, NodeKind.CONDITION, f"Is {tool.title} needed?", reads=["request"])
    for source, kind in open_ends:
        _edge(flow, source, asks, kind, data=["result"])
    _node(flow, calls, NodeKind.TOOL, tool.title, tool=tool.name, goals=[index], reads=["request"], writes=["result"])
    if not design.needs_approval(tool):
        _edge(flow, asks, calls, EdgeKind.CASE, "yes", data=["request"])
        return [(asks, EdgeKind.OTHERWISE), (calls, EdgeKind.NEXT)]
    approves = f"approve_{tool.name}_{index + 1}"
    _node(flow, approves, NodeKind.HUMAN_APPROVAL, f"Approve {tool.title}", tool=tool.name, reads=["request"])
    _edge(flow, asks, approves, EdgeKind.CASE, "yes", data=["request"])
    _edge(flow, approves, calls, EdgeKind.APPROVED, data=["request"])
    return [(asks, EdgeKind.OTHERWISE), (approves, EdgeKind.REJECTED), (calls, EdgeKind.NEXT)]


def _node(
    flow: Workflow,
    name: str,
    kind: NodeKind,
    title: str,
    *,
    tool: str | None = None,
    goals: Sequence[int] = (),
    reads: Sequence[str] = (),
    writes: Sequence[str] = (),
    max_rounds: int | None = None,
) -> None:
    flow.nodes.append(
        Node(
            id=name,
            kind=kind,
            title=title,
            tool=tool,
            goals=list(goals),
            reads=list(reads),
            writes=list(writes),
            max_rounds=max_rounds,
        )
    )


def _edge(
    flow: Workflow, source: str, target: str, kind: EdgeKind = EdgeKind.NEXT, label: str = "", data: Iterable[str] = ()
) -> None:
    flow.edges.append(Edge(source=source, target=target, kind=kind, label=label, data=list(data)))


def assign(goals: Sequence[str], tools: Sequence[Tool]) -> list[list[Tool]]:
    """For each goal the tools that serve it: each tool goes to the goal that shares most words with it, a tool that
    shares none with any to the first."""
    served: list[list[Tool]] = [[] for _ in goals]
    spoken = [{_root(word.text) for word in words(goal)} for goal in goals]
    for tool in tools:
        about = {_root(word.text) for text in (*tool.covers, *tool.synonyms, tool.title) for word in words(text)}
        shared = [len(about & said) for said in spoken]
        served[shared.index(max(shared))].append(tool)
    return served


def covers(goal: str, tool: Tool) -> bool:
    """Whether a goal's words speak of what the tool is for."""
    about = {_root(word) for word in tool.covers}
    return bool(about & {_root(word.text) for word in words(goal)})


def _root(word: str) -> str:
    """A word without the commonest endings, so that `orders` meets `order`."""
    for ending in ("ing", "ies", "es", "s", "ed", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def laid_out(flow: Workflow) -> Workflow:
    """The workflow with places to draw its nodes at: rows by distance from the start, columns in order."""
    following: dict[str, list[str]] = {}
    for edge in flow.edges:
        if edge.kind is not EdgeKind.AGAIN:
            following.setdefault(edge.source, []).append(edge.target)
    depth = _depths(flow, following)
    rows: dict[int, int] = {}
    for node in flow.nodes:
        row = depth.get(node.id, 0)
        node.x, node.y = rows.get(row, 0) * COLUMN, row * ROW
        rows[row] = rows.get(row, 0) + 1
    return flow


def _depths(flow: Workflow, following: dict[str, list[str]]) -> dict[str, int]:
    """The longest way from the start to each node, without going around."""
    waiting: dict[str, int] = {node.id: 0 for node in flow.nodes}
    for targets in following.values():
        for target in targets:
            waiting[target] = waiting.get(target, 0) + 1
    ready = [name for name, count in waiting.items() if count == 0]
    depth = dict.fromkeys(ready, 0)
    while ready:
        name = ready.pop()
        for target in following.get(name, ()):
            depth[target] = max(depth.get(target, 0), depth[name] + 1)
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    return depth


SHAPES = {
    NodeKind.START: ("([", "])"),
    NodeKind.END: ("([", "])"),
    NodeKind.MODEL: ("[", "]"),
    NodeKind.TOOL: ("[[", "]]"),
    NodeKind.CONDITION: ("{", "}"),
    NodeKind.LOOP: ("{{", "}}"),
    NodeKind.HUMAN_APPROVAL: ("[/", "/]"),
}


def mermaid(flow: Workflow) -> str:
    """The workflow as a Mermaid flowchart."""
    ids = {node.id: f"n{index}" for index, node in enumerate(flow.nodes)}
    lines = ["flowchart TD"]
    for node in flow.nodes:
        opening, closing = SHAPES[node.kind]
        lines.append(f'    {ids[node.id]}{opening}"{_escaped(node.title)}"{closing}')
    for edge in flow.edges:
        label = edge.label or ("" if edge.kind is EdgeKind.NEXT else edge.kind.value)
        arrow = f'-->|"{_escaped(label)}"|' if label else "-->"
        lines.append(f"    {ids[edge.source]} {arrow} {ids[edge.target]}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """Text inside Mermaid's quotes: everything with a meaning there as a numbered entity."""
    flat = " ".join(text.split())
    return "".join(c if c.isalnum() or c in " .,:!?'()-_/+" else f"#{ord(c)};" for c in flat)
