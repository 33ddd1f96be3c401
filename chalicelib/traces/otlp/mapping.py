"""What OpenTelemetry's attributes mean: one versioned table of names, and of kinds.

Sources: the OpenTelemetry semantic conventions for generative AI (older names, up to 1.27, too) and OpenInference's
semantic conventions. What is not in the table keeps its name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
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
_NUMBER = re.compile(r"[0-9]{1,5}")


class _Rule(NamedTuple):
    """What a name is: itself (no `meant`); another's synonym; or, of the list `prefix`, a part of an item."""

    meant: str = ""
    rank: int = 0
    prefix: str = ""
    number: int = -1
    path: tuple[str, ...] = ()


_ITSELF = _Rule()


@lru_cache(maxsize=4096)  # programs use few names, again and again
def _rule(name: str) -> _Rule:
    if name in _CANONICAL:
        rank, meant = _CANONICAL[name]
        return _Rule(meant, rank)
    for prefix, meant in NUMBERED:
        if name.startswith(prefix):
            return _numbered(meant, prefix, name[len(prefix) :])
    return _ITSELF


def _numbered(meant: str, prefix: str, place: str) -> _Rule:
    """Of `prefix.0.message.role` and its like; one that has no number belongs to no item."""
    head, *rest = place.split(".")
    if not _NUMBER.fullmatch(head) or int(head) >= LONGEST_LIST:
        return _Rule(meant, 0, prefix)
    path = rest[1:] if rest[:1] in (["message"], ["document"], ["prompt"]) else rest
    return _Rule(meant, 0, prefix, int(head), tuple(path))


def canonical(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes under canonical names, lists made of numbered names, JSON text read where a value is meant."""
    plain: dict[str, Any] = {}
    foreign: list[tuple[_Rule, Any]] = []
    lists: dict[str, dict[int, Any]] = {}
    for name, value in attributes.items():
        rule = _rule(name)
        if rule is _ITSELF:
            plain[name] = value
        elif not rule.prefix:
            foreign.append((rule, value))
        elif rule.number >= 0:
            _put(lists.setdefault(rule.prefix, {}), rule.number, rule.path, value)
    for prefix, name in NUMBERED if lists else ():
        if prefix in lists:
            items = lists[prefix]
            plain.setdefault(name, [_listed(items[number]) for number in sorted(items)])
    for rule, value in sorted(foreign, key=_by_rank):
        plain.setdefault(rule.meant, value)
    for name in PARSED & plain.keys():
        plain[name] = _read(plain[name])
    for name in COUNTS & plain.keys():
        plain[name] = _number(plain[name])
    return plain


def _by_rank(given: tuple[_Rule, Any]) -> int:
    return given[0].rank


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
