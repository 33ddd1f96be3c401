"""What a tool is."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

ToolName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]


class Effect(StrEnum):
    READ = "read"
    WRITE = "write"


class Origin(StrEnum):
    """Whose tool it is: of the closed catalogue, the user's own, or made for a wish that neither meets."""

    CATALOGUE = "catalogue"
    USER = "user"
    WISH = "wish"


class McpServer(BaseModel):
    """A server that offers such a tool: started as `command` with `args`, or reached at `url`.

    `env` names the variables it reads its credentials from.
    """

    model_config = ConfigDict(extra="forbid", defer_build=True)

    name: str
    command: str | None = None
    args: list[str] = Field(default_factory=list)
    url: str | None = None
    env: list[str] = Field(default_factory=list)


class Tool(BaseModel):
    """A function that an agent may call. `parameters` is a JSON Schema of type object.

    `synonyms` are words that mean this tool wherever they stand; `hints` do so only where tools are spoken of.
    `covers` are the verbs and nouns of goals that it serves.
    """

    model_config = ConfigDict(extra="forbid", defer_build=True)

    name: ToolName
    title: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    description: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
    parameters: dict[str, Any]
    credentials: list[str] = Field(default_factory=list)
    effects: list[Effect]
    synonyms: list[str] = Field(default_factory=list)
    hints: list[str] = Field(default_factory=list)
    covers: list[str] = Field(default_factory=list)
    mcp: McpServer | None = None
    origin: Origin = Origin.CATALOGUE

    @property
    def writes(self) -> bool:
        return Effect.WRITE in self.effects
