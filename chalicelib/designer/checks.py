"""Is a workflow sound, and does a design agree with itself? Findings, worst first; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chalicelib.designer.design import Design
from chalicelib.designer.gazetteers import TONES
from chalicelib.designer.models import Strict
from chalicelib.designer.text import words
from chalicelib.designer.tools.catalogue import common_tools
from chalicelib.designer.tools.models import Origin
from chalicelib.designer.workflow import Edge, EdgeKind, NodeKind, Workflow, covers


class Finding(Strict):
    """`severity` is `error` or `warning`; `about` is a node, tool, goal or field."""

    code: str
    severity: str
    about: str
    message: str


def check_workflow(flow: Workflow, design: Design) -> list[Finding]:
    """Reachable, terminating, no dangling edge, every tool used, every goal covered, every write approved."""
    found = [*_ids(flow), *_edges(flow)]
    if not found:  # the rest walks the graph
        found = [*_reach(flow), *_loops(flow), *_branches(flow), *_data(flow)]
    found += [*_tools(flow, design), *_goals(flow, design), *_approvals(flow, design)]
    return sorted(found, key=lambda finding: finding.severity)


def _error(code: str, about: str, message: str) -> Finding:
    return Finding(code=code, severity="error", about=about[:100], message=message)


def _warning(code: str, about: str, message: str) -> Finding:
    return Finding(code=code, severity="warning", about=about[:100], message=message)


def _ids(flow: Workflow) -> Iterator[Finding]:
    seen: set[str] = set()
    for node in flow.nodes:
        if node.id in seen:
            yield _error("duplicate_node", node.id, "Two nodes have the same id.")
        seen.add(node.id)
    starts = [node for node in flow.nodes if node.kind is NodeKind.START]
    if len(starts) != 1:
        yield _error("one_start", "workflow", f"There are {len(starts)} start nodes; there must be one.")
    if not any(node.kind is NodeKind.END for node in flow.nodes):
        yield _error("no_end", "workflow", "There is no end node.")


def _edges(flow: Workflow) -> Iterator[Finding]:
    ids = {node.id for node in flow.nodes}
    for edge in flow.edges:
        for end in (edge.source, edge.target):
            if end not in ids:
                yield _error("dangling_edge", end, "An edge names a node that is not there.")


def _following(edges: Iterable[Edge]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for edge in edges:
        found.setdefault(edge.source, []).append(edge.target)
    return found


def _walk(begin: Iterable[str], following: dict[str, list[str]]) -> set[str]:
    seen = set(begin)
    ready = list(seen)
    while ready:
        for target in following.get(ready.pop(), ()):
            if target not in seen:
                seen.add(target)
                ready.append(target)
    return seen


def _reach(flow: Workflow) -> Iterator[Finding]:
    starts = [node.id for node in flow.nodes if node.kind is NodeKind.START]
    ends = [node.id for node in flow.nodes if node.kind is NodeKind.END]
    reached = _walk(starts, _following(flow.edges))
    backwards = [Edge(source=edge.target, target=edge.source) for edge in flow.edges]
    ending = _walk(ends, _following(backwards))
    for node in flow.nodes:
        if node.id not in reached:
            yield _error("unreachable", node.id, "No way leads here from the start.")
        elif node.id not in ending:
            yield _error("never_ends", node.id, "No way leads from here to an end.")


def _loops(flow: Workflow) -> Iterator[Finding]:
    """Every way around goes through a loop node, and those are bounded."""
    loops = {node.id for node in flow.nodes if node.kind is NodeKind.LOOP}
    for node in flow.nodes:
        if node.id in loops and not (node.max_rounds and node.max_rounds > 0):
            yield _error("unbounded_loop", node.id, "A loop needs max_rounds.")
    rest = [edge for edge in flow.edges if edge.source not in loops and edge.target not in loops]
    if around := _on_a_cycle([node.id for node in flow.nodes], rest):
        yield _error("cycle_without_loop", around, "A way around goes through no loop node, so nothing bounds it.")


def _on_a_cycle(ids: list[str], edges: list[Edge]) -> str | None:
    """A node that is on a cycle or behind one, or None."""
    following = _following(edges)
    waiting = dict.fromkeys(ids, 0)
    for edge in edges:
        waiting[edge.target] += 1
    ready = [name for name, count in waiting.items() if count == 0]
    left = set(ids)
    while ready:
        name = ready.pop()
        left.discard(name)
        for target in following.get(name, ()):
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    return min(left, default=None)


def _branches(flow: Workflow) -> Iterator[Finding]:
    leaving: dict[str, list[EdgeKind]] = {}
    for edge in flow.edges:
        leaving.setdefault(edge.source, []).append(edge.kind)
    needed = {
        NodeKind.CONDITION: (EdgeKind.CASE, EdgeKind.OTHERWISE),
        NodeKind.HUMAN_APPROVAL: (EdgeKind.APPROVED, EdgeKind.REJECTED),
        NodeKind.LOOP: (EdgeKind.AGAIN, EdgeKind.DONE),
    }
    for node in flow.nodes:
        kinds = leaving.get(node.id, [])
        for kind in needed.get(node.kind, ()):
            if kind not in kinds:
                yield _error("missing_branch", node.id, f"It has no edge of kind {kind.value}.")
        if node.kind in (NodeKind.START, NodeKind.MODEL, NodeKind.TOOL) and len(kinds) > 1:
            yield _error("too_many_edges", node.id, "Only conditions, approvals and loops have several ways out.")
        if node.kind is NodeKind.END and kinds:
            yield _error("leaves_end", node.id, "Nothing follows an end.")


def _data(flow: Workflow) -> Iterator[Finding]:
    following = _following(flow.edges)
    written: dict[str, set[str]] = {}
    for node in flow.nodes:
        for reached in _walk(following.get(node.id, []), following) if node.writes else ():
            written.setdefault(reached, set()).update(node.writes)
    for node in flow.nodes:
        for name in node.reads:
            if name not in written.get(node.id, set()):
                yield _error("unwritten_data", node.id, f"It reads {name}, which nothing before it writes.")


def _tools(flow: Workflow, design: Design) -> Iterator[Finding]:
    used = {node.tool for node in flow.nodes if node.kind is NodeKind.TOOL}
    known = {tool.name for tool in design.tools}
    for name in sorted(known - used):
        yield _warning("unused_tool", name, "No step of the workflow uses this tool.")
    for name in sorted(str(name) for name in used - known):
        yield _error("unknown_tool", name, "A step uses a tool that the design does not have.")


def _goals(flow: Workflow, design: Design) -> Iterator[Finding]:
    covered = {index for node in flow.nodes for index in node.goals}
    for index, goal in enumerate(design.goals):
        if index not in covered:
            yield _error("uncovered_goal", goal, "No step of the workflow serves this goal.")


def _approvals(flow: Workflow, design: Design) -> Iterator[Finding]:
    """A tool that writes is entered by `approved` edges of its own approval only, unless that was waived."""
    kinds = {node.id: node for node in flow.nodes}
    guarded = {tool.name for tool in design.tools if design.needs_approval(tool)}
    for node in flow.nodes:
        if node.kind is not NodeKind.TOOL or node.tool not in guarded:
            continue
        for edge in flow.edges:
            if edge.target == node.id and not _approves(kinds.get(edge.source), edge, node.tool):
                yield _error("unapproved_write", node.id, f"{node.tool} may write here without approval.")
                break


def _approves(source: object, edge: Edge, tool: str) -> bool:
    kind, about = getattr(source, "kind", None), getattr(source, "tool", None)
    return kind is NodeKind.HUMAN_APPROVAL and about == tool and edge.kind is EdgeKind.APPROVED


_CONTRARY = (
    {"formal", "casual"},
    {"formal", "playful"},
    {"concise", "detailed"},
    {"serious", "playful"},
    {"direct", "less direct"},
    {"formal", "less formal"},
)
_READ_ONLY = frozenset(("read only", "read-only", "never write", "never change", "do not change", "don't change"))


def check_design(design: Design) -> list[Finding]:
    """What in a design contradicts itself, or deserves a second look."""
    found = [
        *_missing(design),
        *_tone(design),
        *_writes(design),
        *_wished(design),
        *_unserved(design),
        *_doubled(design),
    ]
    return sorted(found, key=lambda finding: finding.severity)


def _missing(design: Design) -> Iterator[Finding]:
    for name in design.missing:
        yield _warning("assumed_required", name, "This is required, was not said, and is assumed.")


def _tone(design: Design) -> Iterator[Finding]:
    tones = {match.entry for match in TONES.find(words(design.tone))}
    for pair in _CONTRARY:
        if pair <= tones:
            yield _warning("contrary_tone", "tone", f"{' and '.join(sorted(pair))} contradict each other.")


def _writes(design: Design) -> Iterator[Finding]:
    said = " ".join(design.constraints).lower()
    for tool in design.tools:
        if tool.writes and any(phrase in said for phrase in _READ_ONLY):
            yield _warning("writes_against_constraint", tool.name, "A constraint forbids writing; this tool can.")
        if tool.writes and tool.name in design.waived:
            yield _warning("approval_waived", tool.name, "It writes without a person's approval, as you wished.")


def _wished(design: Design) -> Iterator[Finding]:
    for tool in design.tools:
        if tool.origin is Origin.WISH:
            yield _warning("generic_tool", tool.name, "The catalogue has no such tool; this one is generic.")


def _unserved(design: Design) -> Iterator[Finding]:
    """Goals that speak of a tool which the design does not have, by the words that mean it anywhere."""
    chosen = {tool.name for tool in design.tools}
    for goal in design.goals:
        said = [word.text for word in words(goal)]
        for tool in common_tools():
            if tool.name not in chosen and _names(said, tool.synonyms):
                yield _warning("goal_without_tool", tool.name, f"A goal speaks of it: {goal[:80]}")
    for tool in design.tools:
        if not any(covers(goal, tool) for goal in design.goals):
            yield _warning("tool_without_goal", tool.name, "No goal speaks of what this tool does.")


def _names(said: list[str], phrases: Iterable[str]) -> bool:
    text = f" {' '.join(said)} "
    return any(f" {' '.join(word.text for word in words(phrase))} " in text for phrase in phrases)


def _doubled(design: Design) -> Iterator[Finding]:
    seen: set[tuple[str, ...]] = set()
    for goal in design.goals:
        key = tuple(sorted({word.text for word in words(goal)}))
        if key in seen:
            yield _warning("doubled_goal", goal, "Two goals say the same.")
        seen.add(key)
