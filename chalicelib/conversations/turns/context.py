"""What a model is told about a topic, within a bound of tokens. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.conversations.models import Message
from chalicelib.llm.tokens import clip, tokens

PROMPT_VERSION = "chat-1"
SYSTEM = (
    "You are Glia, a thinking partner in one long conversation. Answer the user's last message plainly and briefly. "
    "Build on what the notes below say was decided, asked, learnt, preferred or planned in this topic; "
    "say so when something new contradicts them. Do not invent facts about the user."
)
RECENT = 40  # messages looked at, at most
CARD_SHARE = 0.25  # of the tokens, at most, for notes


@dataclass(frozen=True, slots=True)
class Note:
    """A card, as far as an answer needs it."""

    card_id: str
    kind: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Context:
    """The topic as the responder sees it. `messages` oldest first, the last one being the one to answer."""

    messages: Sequence[Message]
    notes: Sequence[Note]


def system_prompt(notes: Sequence[Note], limit: int) -> tuple[str, int]:
    """The instructions, and as many notes as fit; and how many those are."""
    lines = [SYSTEM]
    left = limit - tokens(SYSTEM)
    for note in notes:
        line = f"- {note.kind}: {note.body}"
        left -= tokens(line)
        if left < 0:
            break
        lines.append(line)
    return "\n".join(lines), len(lines) - 1


def fit(messages: Sequence[Message], limit: int) -> list[Message]:
    """The newest messages that fit into `limit` tokens, oldest first. The last is always there, clipped if need be."""
    last = messages[-1]
    fitting = [Message(last.message_id, last.topic_id, last.role, clip(last.content, limit), last.created_at)]
    left = limit - tokens(fitting[0].content)
    for message in reversed(messages[:-1]):
        left -= tokens(message.content)
        if left < 0:
            break
        fitting.append(message)
    return fitting[::-1]
