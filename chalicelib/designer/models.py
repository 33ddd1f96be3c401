"""Types of the designer: what a design session has gathered, where each of it came from, and what is made of it.

Everything here goes to and from plain JSON; `DesignState` is stored as such, with its `schema_version`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chalicelib.designer.tools.models import Tool

LONGEST_TEXT = 2_000  # code points of one value
MOST_ITEMS = 100  # of one list
UNDO_DEPTH = 50  # turns that can be taken back

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT)]
Value = str | bool | list[str]


class Source(StrEnum):
    """Where a field's value came from."""

    LLM = "llm"
    RULES = "rules"
    USER_EDIT = "user_edit"
    ASSUMED = "assumed"


class FieldName(StrEnum):
    AGENT_TYPE = "agent_type"
    NAME = "name"
    GOALS = "goals"
    AUDIENCE = "audience"
    TONE = "tone"
    CONSTRAINTS = "constraints"
    USE_TOOLS = "use_tools"
    TOOLS = "tools"
    INPUTS = "inputs"
    OUTPUTS = "outputs"
    EXAMPLES = "examples"
    LANGUAGE = "language"
    CHANNEL = "channel"


LISTS = frozenset({FieldName.GOALS, FieldName.CONSTRAINTS, FieldName.TOOLS, FieldName.EXAMPLES})
REQUIRED = (FieldName.AGENT_TYPE, FieldName.GOALS, FieldName.TONE, FieldName.USE_TOOLS, FieldName.TOOLS)


class StageName(StrEnum):
    INITIAL = "initial"
    AGENT_TYPE = "agent_type"
    GOALS = "goals"
    TONE = "tone"
    TOOLS = "tools"
    WORKFLOW = "workflow"
    PROMPT = "prompt"
    COMPLETED = "completed"


class Status(StrEnum):
    ACTIVE = "active"
    COMPLETED = "completed"
    ABANDONED = "abandoned"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)


class Quote(Strict):
    """The user's own words: `message[start:end] == text`, half-open, in code points of the message of turn `turn`.

    `item` names the list entry that rests on them; None for a single value.
    """

    text: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    turn: int = Field(ge=0)
    item: str | None = None


class Collected(Strict):
    """A field's value and its origin; `turn` is the one that changed it last, 0 before the first message."""

    value: Value
    source: Source
    turn: int = Field(ge=0)
    quotes: list[Quote] = Field(default_factory=list)


class ActKind(StrEnum):
    """What a message does beside naming values."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"
    SKIP = "skip"
    CANCEL = "cancel"
    HELP = "help"
    REPEAT = "repeat"
    GREETING = "greeting"
    THANKS = "thanks"
    DONE = "done"
    UNDO = "undo"
    OFF_TOPIC = "off_topic"


class Span(Strict):
    """Some of a message's words: half-open code-point offsets."""

    text: str
    start: int
    end: int


class Act(Strict):
    kind: ActKind
    span: Span


class Op(StrEnum):
    """Three different things: `add` keeps what is there, `remove` takes one thing out, `replace` puts one for another.
    `set` gives the field this value alone."""

    SET = "set"
    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


class Change(Strict):
    """One change to one field. `old` is what a `replace` takes out. For `tools`, `value` is a tool's name, or a wish
    that no tool of the catalogue meets where `is_wish`."""

    op: Op
    field: FieldName
    value: Value
    old: str | None = None
    spans: list[Span] = Field(default_factory=list)
    is_wish: bool = False


class Extraction(Strict):
    """What an extractor read in one message: a patch that can be applied to any version of the state.

    `asked` is what the question was about that the message answers; acts are read in its light. `waived` and `guarded`
    name tools that shall, and shall no longer, write without approval.
    """

    source: Source
    asked: str | None = None
    acts: list[Act] = Field(default_factory=list)
    changes: list[Change] = Field(default_factory=list)
    go_to: StageName | None = None
    waived: list[str] = Field(default_factory=list)
    guarded: list[str] = Field(default_factory=list)
    failure_class: str | None = None
    dropped: int = 0  # what a model claimed and the message does not bear out


class Notice(Strict):
    """Something the user should know about the design. `about` is a field or tool name."""

    code: str
    about: str
    message: str


class Before(Strict):
    """What one turn changed, as it was before: enough to take the turn back."""

    stage: StageName
    status: Status
    asked: str | None
    reopened: StageName | None
    confirmed: list[StageName]
    waived: list[str]
    tools: list[Tool] | None = None  # wishes and own tools, where they changed
    fields: dict[FieldName, Collected | None]


class DesignState(Strict):
    """The live state of a session, all of it but the words of the conversation, which are stored beside it.

    `version` rises with every change. `asked` is the field or stage that the last question was about. `reopened` is a
    stage the user went back to; it is asked again although it is known. `wishes` are tools made for wishes that the
    catalogue does not meet; `own_tools` the user's own that are in use, as they were when chosen.
    """

    schema_version: Literal[1] = 1
    version: int = 0
    turn: int = 0
    status: Status = Status.ACTIVE
    stage: StageName = StageName.INITIAL
    asked: str | None = None
    reopened: StageName | None = None
    confirmed: list[StageName] = Field(default_factory=list)
    collected_fields: dict[FieldName, Collected] = Field(default_factory=dict)
    waived: list[str] = Field(default_factory=list)
    wishes: list[Tool] = Field(default_factory=list)
    own_tools: list[Tool] = Field(default_factory=list)
    undo: list[Before] = Field(default_factory=list)

    def copied(self) -> DesignState:
        """A copy that may be changed. Tools and what can be taken back are never changed themselves, and are shared."""
        shared = {"undo": list(self.undo), "wishes": list(self.wishes), "own_tools": list(self.own_tools)}
        bare: dict[str, Any] = {name: [] for name in shared}
        return self.model_copy(update=bare).model_copy(deep=True).model_copy(update=shared)

    def value(self, name: FieldName) -> Any:
        """The field's value, or None where it is not known."""
        found = self.collected_fields.get(name)
        return found.value if found else None

    def items(self, name: FieldName) -> list[str]:
        """A list field's entries; none where it is not known."""
        found = self.value(name)
        return list(found) if isinstance(found, list) else []


class Turn(Strict):
    """What one message came to. `changed` maps a field to its value before and after."""

    state: DesignState
    reply: str
    changed: dict[FieldName, tuple[Value | None, Value | None]]
    missing: list[FieldName]
    extraction_source: Source
    failure_class: str | None = None
