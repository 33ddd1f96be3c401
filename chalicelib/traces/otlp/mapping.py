"""What OpenTelemetry's attributes mean: one versioned table of names, and of kinds.

Sources: the OpenTelemetry semantic conventions for generative AI (older names, up to 1.27, too) and OpenInference's
semantic conventions. What is not in the table keeps its name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

MAPPING_VERSION = "otel-1"

# Step kind by `gen_ai.operation.name` and by `openinference.span.kind`; by other signs if there is neither.
KINDS_BY_OPERATION = {
    "chat": "model", "text_completion": "model", "generate_content": "model", "completion": "model",
    "embeddings": "model", "embedding": "model", "execute_tool": "tool", "invoke_agent": "agent",
    "create_agent": "agent", "invoke_workflow": "agent", "plan": "planner", "retrieval": "retriever",
}  # fmt: skip
KINDS_BY_OPENINFERENCE = {
    "LLM": "model", "EMBEDDING": "model", "TOOL": "tool", "RETRIEVER": "retriever", "RERANKER": "retriever",
    "AGENT": "agent", "CHAIN": "agent", "GUARDRAIL": "safety", "EVALUATOR": "validator", "PROMPT": "planner",
}  # fmt: skip
SIGNS = (
    ("gen_ai.tool.name", "tool"),
    ("gen_ai.agent.name", "agent"),
    ("gen_ai.request.model", "model"),
    ("gen_ai.response.model", "model"),
)

# Other names of the same thing, oldest last. The canonical name, where it is there too, wins.
SYNONYMS = {
    "gen_ai.provider.name": ("gen_ai.system", "llm.provider", "llm.system", "ai.model.provider"),
    "gen_ai.operation.name": ("llm.request.type", "ai.operationId"),
    "gen_ai.request.model": ("llm.model_name", "embedding.model_name", "llm.request.model", "ai.model.id"),
    "gen_ai.response.model": ("llm.response.model", "ai.response.model"),
    "gen_ai.usage.input_tokens": (
        "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "llm.usage.prompt_tokens", "ai.usage.promptTokens",
    ),
    "gen_ai.usage.output_tokens": (
        "gen_ai.usage.completion_tokens", "llm.token_count.completion", "llm.usage.completion_tokens",
        "ai.usage.completionTokens",
    ),
    "gen_ai.usage.cost": ("llm.cost.total",),
    "gen_ai.input.messages": ("gen_ai.prompt", "ai.prompt.messages"),
    "gen_ai.output.messages": ("gen_ai.completion",),
    "gen_ai.system_instructions": ("gen_ai.system_instruction",),
    "gen_ai.tool.definitions": ("gen_ai.request.tools", "llm.tools", "llm.request.functions", "ai.prompt.tools"),
    "gen_ai.tool.name": ("tool.name", "tool_call.function.name", "ai.toolCall.name"),
    "gen_ai.tool.call.id": ("tool_call.id", "ai.toolCall.id"),
    "gen_ai.tool.call.arguments": (
        "tool.parameters", "tool_call.function.arguments", "ai.toolCall.args", "tool_arguments",
    ),
    "gen_ai.tool.call.result": ("tool.output", "ai.toolCall.result", "tool_response"),
    "gen_ai.conversation.id": ("session.id", "gen_ai.thread.id"),
    "gen_ai.agent.name": ("agent.name",),
    "error.type": ("exception.type",),
    "error.message": ("exception.message",),
}  # fmt: skip
# OpenInference and OpenLLMetry write lists as numbered names: `llm.input_messages.0.message.content`.
NUMBERED = (
    ("llm.input_messages.", "gen_ai.input.messages"),
    ("llm.output_messages.", "gen_ai.output.messages"),
    ("llm.tools.", "gen_ai.tool.definitions"),
    ("gen_ai.prompt.", "gen_ai.input.messages"),
    ("gen_ai.completion.", "gen_ai.output.messages"),
    ("retrieval.documents.", "gen_ai.retrieval.documents"),
    ("llm.prompts.", "gen_ai.input.messages"),
)
# Values that are JSON as text where the canonical form has a value.
PARSED = frozenset({
    "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions",
    "gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "gen_ai.retrieval.documents",
})  # fmt: skip
COUNTS = frozenset({"gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"})
# Span events of the older conventions whose attributes are messages.
MESSAGE_EVENTS: Mapping[str, tuple[str, str]] = {
    "gen_ai.system.message": ("gen_ai.input.messages", "system"),
    "gen_ai.user.message": ("gen_ai.input.messages", "user"),
    "gen_ai.assistant.message": ("gen_ai.input.messages", "assistant"),
    "gen_ai.tool.message": ("gen_ai.input.messages", "tool"),
    "gen_ai.choice": ("gen_ai.output.messages", "assistant"),
}
DETAILS = "gen_ai.client.inference.operation.details"  # an event that carries canonical attributes
LONGEST_LIST = 10_000
_CANONICAL = {other: (rank, name) for name, others in SYNONYMS.items() for rank, other in enumerate(others)}
_PREFIXES = tuple(prefix for prefix, _ in NUMBERED)
_NUMBER = re.compile(r"[0-9]{1,5}")
MOST_NAMES, LONGEST_NAMES = 64, 4096  # together, of a plan that is remembered


class _Part(NamedTuple):
    """Of an item of a list: which, where in it, and the name that holds it."""

    number: int
    path: tuple[str, ...]
    name: str


class _List(NamedTuple):
    """A list of what numbered names hold.

    Args:
        rows: of each item, in order, the (key, name) pairs; None if there is more to the items than that.
    """

    name: str
    parts: tuple[_Part, ...]
    rows: tuple[tuple[tuple[str, str], ...], ...] | None


class _Plan(NamedTuple):
    """What names mean that stand together: which one holds each canonical name, and what lists are made of."""

    named: tuple[tuple[str, str], ...]
    lists: tuple[_List, ...]
    parsed: frozenset[str]
    counts: frozenset[str]


def canonical(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes under canonical names, lists made of numbered names, JSON text read where a value is meant."""
    names = tuple(attributes)
    is_short = len(names) <= MOST_NAMES and sum(map(len, names)) <= LONGEST_NAMES
    plan = _known_plan(names) if is_short else _plan(names)
    found = {meant: attributes[name] for meant, name in plan.named}
    for meant, parts, rows in plan.lists:
        if rows is None:
            found[meant] = _items(attributes, parts)
        else:
            found[meant] = [{key: _listed(attributes[name]) for key, name in row} for row in rows]
    for name in plan.parsed:
        found[name] = _read(found[name])
    for name in plan.counts:
        found[name] = _number(found[name])
    return found


def _plan(names: tuple[str, ...]) -> _Plan:
    named: dict[str, str] = {}
    foreign: list[tuple[int, str, str]] = []
    lists: dict[str, list[_Part]] = {}
    for name in names:
        if name in _CANONICAL:
            foreign.append((*_CANONICAL[name], name))
        elif name.startswith(_PREFIXES):
            prefix = next(prefix for prefix in _PREFIXES if name.startswith(prefix))
            lists.setdefault(prefix, []).extend(_parts(name, prefix))
        else:
            named[name] = name
    of_name: dict[str, tuple[_Part, ...]] = {}
    for prefix, meant in NUMBERED:
        if lists.get(prefix) and meant not in named:
            of_name.setdefault(meant, tuple(lists[prefix]))
    for _, meant, name in sorted(foreign, key=itemgetter(0)):
        if meant not in of_name:
            named.setdefault(meant, name)
    both = named.keys() | of_name.keys()
    made = tuple(_List(name, parts, _rows(parts)) for name, parts in of_name.items())
    return _Plan(tuple(named.items()), made, PARSED & both, COUNTS & both)


_known_plan = lru_cache(maxsize=512)(_plan)  # programs say the same things in every span


def _parts(name: str, prefix: str) -> list[_Part]:
    """Where in its list `prefix.0.message.role` and its like belong; one without a number belongs nowhere."""
    head, *rest = name[len(prefix) :].split(".")
    if not _NUMBER.fullmatch(head) or int(head) >= LONGEST_LIST:
        return []
    path = rest[1:] if rest[:1] in (["message"], ["document"], ["prompt"]) else rest
    return [_Part(int(head), tuple(path), name)]


def _rows(parts: Sequence[_Part]) -> tuple[tuple[tuple[str, str], ...], ...] | None:
    """The items of a list of flat objects, each key once; None of other lists."""
    rows: dict[int, dict[str, str]] = {}
    for number, path, name in parts:
        row = rows.setdefault(number, {})
        if len(path) != 1 or _NUMBER.fullmatch(path[0]) or path[0] in row:
            return None
        row[path[0]] = name
    return tuple(tuple(rows[number].items()) for number in sorted(rows))


def with_events(
    attributes: dict[str, Any], events: list[tuple[int, str, dict[str, Any]]]
) -> list[tuple[int, str, dict[str, Any]]]:
    """Takes what older conventions say by span events into the attributes. Returns the events that are left."""
    left = []
    for at, name, said in events:
        if name == DETAILS:
            for key, value in canonical(said).items():
                attributes.setdefault(key, value)
        elif name in MESSAGE_EVENTS:
            key, role = MESSAGE_EVENTS[name]
            messages = attributes.setdefault(key, [])
            if isinstance(messages, list):
                messages.append({"role": role, **{k: _read(v) for k, v in said.items() if k != "gen_ai.system"}})
        elif name == "exception":
            attributes.setdefault("error.type", said.get("exception.type"))
            attributes.setdefault("error.message", said.get("exception.message"))
            if "exception.stacktrace" in said:
                attributes.setdefault("error.stack", said["exception.stacktrace"])
        else:
            left.append((at, name, said))
    return left


def kind_of(attributes: Mapping[str, Any]) -> str | None:
    """The step kind of canonical attributes; None if nothing tells."""
    operation = str(attributes.get("gen_ai.operation.name", "")).lower()
    if operation in KINDS_BY_OPERATION:
        return KINDS_BY_OPERATION[operation]
    named = str(attributes.get("openinference.span.kind") or attributes.get("traceloop.span.kind") or "").upper()
    if named in KINDS_BY_OPENINFERENCE:
        return KINDS_BY_OPENINFERENCE[named]
    return next((kind for name, kind in SIGNS if name in attributes), None)


def _items(attributes: Mapping[str, Any], parts: Sequence[_Part]) -> list[Any]:
    items: dict[int, Any] = {}
    for number, path, name in parts:
        _put(items, number, path, attributes[name])
    return [_listed(items[number]) for number in sorted(items)]


def _put(items: dict[int, Any], number: int, path: Sequence[str], value: Any) -> None:
    if not path:
        items[number] = value
        return
    here = items.setdefault(number, {})
    for part in path[:-1]:
        if not isinstance(here, dict):
            return
        here = here.setdefault(part, {})
    if isinstance(here, dict):
        here.setdefault(path[-1], value)


def _listed(value: Any) -> Any:
    """Objects whose names are all numbers are lists."""
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(item) for name, item in value.items()}
    if inner and all(_NUMBER.fullmatch(name) for name in inner):
        items = [inner[name] for name in sorted(inner, key=int)]
        return [
            item["tool_call"] if isinstance(item, dict) and item.keys() == {"tool_call"} else item for item in items
        ]
    return inner


def _read(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return [_read(item) for item in value]
    return value


def _number(value: Any) -> Any:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return value
