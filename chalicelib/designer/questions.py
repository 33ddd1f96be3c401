"""What the designer says: one question for each thing asked, help, and how changes are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chalicelib.designer.fields import default
from chalicelib.designer.models import DesignState, FieldName, StageName, Value

GREETING = "Hello! I help you design an AI agent, from its goals to a prompt, a workflow and tools that run elsewhere."
Asked = FieldName | StageName

_QUESTIONS: dict[str, str] = {
    FieldName.AGENT_TYPE: "What kind of agent do you want to build?",
    FieldName.GOALS: "What should the agent do for its users?",
    FieldName.TONE: "In which tone should it speak?",
    FieldName.USE_TOOLS: "Should it use tools, such as web search, email or a database?",
    FieldName.TOOLS: "Which tools should it use?",
    StageName.WORKFLOW: "Shall I go on with this workflow?",
    StageName.PROMPT: "Shall I complete the design with this prompt?",
}
_HELP: dict[str, str] = {
    FieldName.AGENT_TYPE: "Say in a few words what it is, for example: a customer support bot for a shoe shop.",
    FieldName.GOALS: "Name one or more tasks, for example: answer questions about orders, and write summaries.",
    FieldName.TONE: "For example: friendly, formal, concise, patient, playful, or words of your own.",
    FieldName.USE_TOOLS: "Tools let it act and look things up. Answer yes or no, or name them right away.",
    FieldName.TOOLS: "Name them, for example: email, Slack and web search. What I do not know becomes a generic tool.",
    StageName.WORKFLOW: "Answer yes, or say what to change, for example: also add search; no approval for Slack.",
    StageName.PROMPT: "Answer yes, or say what to change, for example: actually formal; go back to goals.",
}
ALWAYS = "You can say skip, go back to a stage (for example: go back to tone), undo, or repeat."
NAMES: dict[FieldName, str] = {name: name.value.replace("_", " ") for name in FieldName}


def question(asked: str | None) -> str:
    return _QUESTIONS.get(asked or "", "The design is complete. You can export it, or say what to change.")


def help_with(asked: str | None) -> str:
    return f"{_HELP.get(asked or '', '')} {ALWAYS}".strip()


def suggestion(state: DesignState, asked: str | None) -> str:
    """What would be assumed."""
    if asked not in set(FieldName):
        return ""
    return f"If you say skip, I assume: {shown(default(state, FieldName(asked)))}."


def again(state: DesignState, asked: str | None) -> str:
    """What is there already, for a stage that the user went back to."""
    if asked not in set(FieldName) or state.value(FieldName(asked)) is None:
        return ""
    return f"So far {NAMES[FieldName(asked)]} is: {shown(state.value(FieldName(asked)))}."


def shown(value: Value | None) -> str:
    """A value in words, cut where it is long."""
    if value is None or value == []:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "; ".join(value) if isinstance(value, list) else value
    return text if len(text) <= 300 else f"{text[:300]}…"


def told(changed: Mapping[FieldName, tuple[Value | None, Value | None]], assumed: Sequence[FieldName]) -> str:
    """The changes in words: what was added, removed, set or assumed."""
    return " ".join(_told(name, old, new, name in assumed) for name, (old, new) in changed.items())


def _told(name: FieldName, old: Value | None, new: Value | None, is_assumed: bool) -> str:
    label = NAMES[name].capitalize()
    if is_assumed:
        return f"{label} (assumed): {shown(new)}."
    if isinstance(new, list) and isinstance(old, list):
        added = [item for item in new if item not in old]
        removed = [item for item in old if item not in new]
        parts = [f"added {shown(added)}"] if added else []
        parts += [f"removed {shown(removed)}"] if removed else []
        return f"{label}: {', '.join(parts) or 'in another order'}."
    if new is None:
        return f"{label}: removed."
    return f"{label}: {shown(new)}."
