"""What a compatible endpoint does not understand, learnt from its refusals, so that it is asked in its own dialect.

OpenAI's own API takes everything. Others refuse, with status 400, an argument they do not know: usage in streams,
`max_completion_tokens` (older: `max_tokens`), a JSON schema or any `response_format`. Each refusal is learnt once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Arguments = dict[str, Any]
IN_WORDS = "Answer with one JSON object and nothing else. It must fit this JSON Schema:\n"


def _without_stream_options(arguments: Arguments) -> None:
    arguments.pop("stream_options", None)


def _with_max_tokens(arguments: Arguments) -> None:
    if (limit := arguments.pop("max_completion_tokens", None)) is not None:
        arguments["max_tokens"] = limit


def _with_json_object(arguments: Arguments) -> None:
    if schema := _schema_of(arguments):
        arguments["response_format"] = {"type": "json_object"}
        _explain(arguments, schema)


def _without_format(arguments: Arguments) -> None:
    if schema := _schema_of(arguments):
        _explain(arguments, schema)
    arguments.pop("response_format", None)


def _schema_of(arguments: Arguments) -> Any:
    return arguments.get("response_format", {}).get("json_schema", {}).get("schema")


def _explain(arguments: Arguments, schema: Any) -> None:
    """Says in words what the refused argument would have said."""
    words = {"role": "system", "content": IN_WORDS + json.dumps(schema)}
    arguments["messages"] = [words, *arguments["messages"]]


# What is refused, and what to do instead: first one, then, where that is refused too, the next.
INSTEAD: dict[str, tuple[Callable[[Arguments], None], ...]] = {
    "stream_options": (_without_stream_options,),
    "max_completion_tokens": (_with_max_tokens,),
    "response_format": (_with_json_object, _without_format),
}
ALSO_CALLED = {
    "json_schema": "response_format",
    "structured output": "response_format",
    "include_usage": "stream_options",
}


class Dialect:
    """What one endpoint has refused so far."""

    def __init__(self) -> None:
        self._level: dict[str, int] = {}

    def adapt(self, arguments: Arguments) -> Arguments:
        """The arguments as this endpoint takes them."""
        adapted = dict(arguments)
        for name, level in self._level.items():
            if name in arguments:
                INSTEAD[name][level - 1](adapted)
        return adapted

    def learn(self, arguments: Arguments, refusal: str) -> bool:
        """Whether the words of a refusal name one of these arguments for which there is something else to try."""
        words = refusal.lower()
        named = {name for name in INSTEAD if name in words} | {ALSO_CALLED[w] for w in ALSO_CALLED if w in words}
        for name in sorted(named & set(arguments)):
            if self._level.get(name, 0) < len(INSTEAD[name]):
                self._level[name] = self._level.get(name, 0) + 1
                return True
        return False
