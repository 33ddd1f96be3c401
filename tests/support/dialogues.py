"""Ten scripted design sessions, each with what must have come of it, for whoever reads the messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Dialogue:
    """Messages that end completed; `values` are fields at the end, `stages` the stage after each message."""

    name: str
    messages: tuple[str, ...]
    values: dict[str, Any]
    stages: tuple[str, ...] = field(default=())


DIALOGUES = (
    Dialogue(
        "question by question",
        ("hi", "a support bot", "answer questions about orders", "friendly", "yes", "Slack", "yes", "yes"),
        {"goals": ["answer questions about orders"], "tone": "friendly", "tools": ["slack"]},
        ("agent_type", "goals", "tone", "tools", "tools", "workflow", "prompt", "completed"),
    ),
    Dialogue(
        "all at once",
        ("I want a formal sales bot that qualifies leads, using HubSpot", "yes", "yes"),
        {"agent_type": "sales bot", "goals": ["qualifies leads"], "tone": "formal", "tools": ["crm"]},
        ("workflow", "prompt", "completed"),
    ),
    Dialogue(
        "corrections",
        (
            "a support bot that answers questions",
            "friendly",
            "Slack and calendar",
            "actually formal",
            "not Slack, email",
            "also add search",
            "forget the calendar",
            "yes",
            "yes",
        ),
        {"tone": "formal", "tools": ["email", "web_search"]},
    ),
    Dialogue(
        "out of order",
        ("use Slack", "formal", "write summaries of meetings", "a meeting assistant", "write summaries", "yes", "yes"),
        {"tools": ["slack"], "tone": "formal"},
    ),
    Dialogue(
        "undo",
        (
            "a poem bot that writes poems",
            "playful",
            "no",
            "actually sad poems are not wanted",
            "make it formal",
            "undo",
            "yes",
            "yes",
        ),
        {"tone": "playful", "use_tools": False},
    ),
    Dialogue(
        "back to a stage",
        (
            "a poem bot that writes poems",
            "playful",
            "no",
            "go back to tone",
            "calm",
            "yes",
            "go back to goals",
            "it should also explain metres",
            "yes",
            "yes",
        ),
        {"tone": "patient", "goals": ["writes poems", "explain metres"]},
    ),
    Dialogue(
        "nothing but skip",
        ("skip",) * 6,
        {"agent_type": "general assistant", "use_tools": False},
        ("goals", "tone", "tools", "workflow", "prompt", "completed"),
    ),
    Dialogue(
        "reopened when complete",
        ("a tutor that explains maths", "patient", "no", "yes", "yes", "actually playful", "yes"),
        {"tone": "playful"},
        ("tone", "tools", "workflow", "prompt", "completed", "prompt", "completed"),
    ),
    Dialogue(
        "waived approvals and a wish",
        (
            "a shop bot that tracks parcels",
            "concise",
            "yes",
            "Slack, our Frobnicator",
            "no approval for Slack",
            "yes",
            "yes",
        ),
        {"tools": ["slack", "frobnicator"]},
    ),
    Dialogue(
        "help, small talk and indecision",
        (
            "hello",
            "help",
            "a travel planner",
            "what's the weather in Paris?",
            "skip",
            "I'm not sure",
            "skip",
            "repeat that",
            "no",
            "thanks",
            "that's all",
        ),
        {"agent_type": "travel planner", "tone": "friendly and enthusiastic", "use_tools": False},
    ),
)
