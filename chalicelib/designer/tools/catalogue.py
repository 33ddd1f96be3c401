"""The closed catalogue of tools, and what a user adds to it. Nothing outside of both is invented."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from importlib.resources import files

from chalicelib.designer.text import Gazetteer, vocabulary, words
from chalicelib.designer.tools.models import Effect, Origin, Tool
from chalicelib.patterns import regex

LONGEST_NAME = 48
_NOT_IN_NAMES = regex(r"[^a-z0-9]")


class Catalogue:
    """Tools by name: Glia's (`common`), then the user's own, whose names and titles come first where both have them.

    `tool_words` finds tools by words that mean them anywhere; `hinted_words` by those that do only where tools are
    spoken of, as well as by the former.
    """

    def __init__(self, tools: Iterable[Tool], common: Catalogue | None = None) -> None:
        self._added = list(tools)
        self._common = common
        self.by_name: dict[str, Tool] = (common.by_name if common else {}) | {tool.name: tool for tool in self._added}

    @cached_property
    def tool_words(self) -> Gazetteer[str]:
        return Gazetteer(_phrases(self._added, hints=False), self._common.tool_words if self._common else None)

    @cached_property
    def hinted_words(self) -> Gazetteer[str]:
        return Gazetteer(_phrases(self._added, hints=True), self._common.hinted_words if self._common else None)

    def __contains__(self, name: object) -> bool:
        return name in self.by_name

    def __iter__(self) -> Iterator[Tool]:
        return iter(self.by_name.values())

    def get(self, name: str) -> Tool | None:
        return self.by_name.get(name)

    def resolve(self, wish: str) -> Tool | None:
        """The tool that a name, title or synonym means; None where nothing in the catalogue does."""
        wish = wish.strip().lower()
        if wish in self.by_name:
            return self.by_name[wish]
        found = words(wish.replace("_", " "))
        matches = self.hinted_words.find(found)
        whole = [match for match in matches if match.first == 0 and match.last == len(found)]
        return self.by_name[whole[0].entry] if whole else None


def _phrases(tools: Iterable[Tool], *, hints: bool) -> Iterator[tuple[str, str]]:
    for tool in tools:
        named = tool.synonyms if tool.origin is Origin.CATALOGUE else [tool.title, *tool.synonyms]
        several = [tool.name.replace("_", " ")] if "_" in tool.name or tool.origin is not Origin.CATALOGUE else []
        for phrase in [*named, *several, *([*tool.hints, tool.title, tool.name] if hints else [])]:
            yield phrase, tool.name


@cache
def common_tools() -> tuple[Tool, ...]:
    """Glia's catalogue, as `catalogue.json` has it."""
    text = files("chalicelib.designer.tools").joinpath("catalogue.json").read_text(encoding="utf-8")
    return tuple(Tool.model_validate(entry) for entry in json.loads(text))


@cache
def _common() -> Catalogue:
    return Catalogue(common_tools())


def catalogue(own: Iterable[Tool] = ()) -> Catalogue:
    """Glia's catalogue with a user's own tools. An own tool never takes the place of a common one: names differ."""
    added = list(own)
    return Catalogue(added, _common()) if added else _common()


def name_of(words_of_user: str, taken: Iterable[str] = ()) -> str:
    """A tool name made of some words, such as `foo_crm`; numbered where it is taken."""
    plain = "_".join(_NOT_IN_NAMES.sub("_", words_of_user.lower()).split("_"))
    name = "_".join(part for part in plain.split("_") if part)[:LONGEST_NAME].strip("_") or "tool"
    name = name if name[0].isalpha() else f"tool_{name}"[:LONGEST_NAME].strip("_")
    used = set(taken)
    if name not in used:
        return name
    for number in range(2, len(used) + 3):
        candidate = f"{name[: LONGEST_NAME - 4]}_{number}"
        if candidate not in used:
            return candidate
    raise AssertionError("one of the numbers is free")


_HTTP_WORDS = vocabulary(
    """
    api apis http https rest endpoint webhook server service url website
    """
)


def tool_for_wish(wish: str, taken: Iterable[str]) -> Tool:
    """A generic tool for a wish that the catalogue does not meet: an HTTP call, or a function to be written.

    It may write, as nobody knows what it does.
    """
    title = " ".join(wish.split())[:80]
    speaks_http = bool(_HTTP_WORDS & {word.text for word in words(title)})
    return Tool(
        name=name_of(title, taken),
        title=title,
        description=(
            f"Calls the HTTP interface of: {title}. Generic: the catalogue has no tool for it."
            if speaks_http
            else f"A function to be written for: {title}. Generic: the catalogue has no tool for it."
        ),
        parameters=_HTTP if speaks_http else _FUNCTION,
        effects=[Effect.READ, Effect.WRITE],
        covers=[word.text for word in words(title)][:8],
        origin=Origin.WISH,
    )


_FUNCTION = {
    "type": "object",
    "properties": {"request": {"type": "string", "description": "What is asked of it, in words"}},
    "required": ["request"],
    "additionalProperties": False,
}
_HTTP = {
    "type": "object",
    "properties": {
        "method": {"type": "string", "enum": ["GET", "POST", "PUT", "PATCH", "DELETE"], "description": "The method"},
        "path": {"type": "string", "description": "The path below the address that you configure"},
        "body": {"type": "string", "description": "The body to send"},
    },
    "required": ["method", "path"],
    "additionalProperties": False,
}
