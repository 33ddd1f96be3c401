"""What an export is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from chalicelib.designer.design import Design
from chalicelib.designer.models import Strict
from chalicelib.designer.prompt import prompt
from chalicelib.designer.workflow import Workflow

FormatId = Literal[
    "agent-spec-json",
    "agent-spec-yaml",
    "openai-agents",
    "openai-tools",
    "langgraph",
    "adk",
    "dify",
    "mcp",
    "mermaid",
    "claude-subagent",
    "glia",
]


class Runnable(Strict):
    """What it takes to run the artifact: variables to set, the command, tools to fill in, and those that will ask a
    person before they write."""

    env: list[str] = Field(default_factory=list)
    command: str | None = None
    placeholders: list[str] = Field(default_factory=list)
    confirmations: list[str] = Field(default_factory=list)


class Export(Strict):
    """A design in another program's format. `losses` tells what that format cannot say."""

    artifact: str
    filename: str
    target: str
    target_version: str
    losses: list[str]
    runnable: Runnable


@dataclass(slots=True)
class Draft:
    """A design on its way into a format: `lose` notes what that cannot express."""

    design: Design
    flow: Workflow
    losses: list[str] = field(default_factory=list)

    def lose(self, what: str) -> None:
        if what not in self.losses:
            self.losses.append(what)

    def instructions(self, platform: str = "markdown") -> str:
        return prompt(self.design, self.flow, platform).text

    @property
    def guarded(self) -> list[str]:
        """Tools that write only with approval."""
        return [tool.name for tool in self.design.tools if self.design.needs_approval(tool)]

    @property
    def credentials(self) -> list[str]:
        return list(dict.fromkeys(name for tool in self.design.tools for name in tool.credentials))

    @property
    def description(self) -> str:
        return " ".join("; ".join(self.design.goals).split())[:500]


Exporter = Callable[[Draft], Export]

NO_CASES = "The acceptance cases are not part of this format."
IN_WORDS = "The workflow's graph is told to the agent in its instructions; the format has no place for it."
NO_ORIGINS = "Where each field came from (sources, turns and quotes) is not part of this format."
