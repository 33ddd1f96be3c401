"""Who answers: a model, or without one the rules, which say only what is so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from chalicelib.conversations.models import Message
from chalicelib.conversations.turns.context import CARD_SHARE, Context, Note, fit, system_prompt
from chalicelib.llm.client import ModelClient, Prompt, Usage
from chalicelib.llm.tokens import tokens

RULES_PROVIDER = "rules"
MOST_NOTED = 3


class Replier(Protocol):
    provider: str
    model: str | None

    def reply(self, context: Context) -> Iterator[str | Usage]:
        """Yields the answer piece by piece.

        Raises:
            LLMError
        """


class ModelReplier:
    def __init__(self, client: ModelClient, context_tokens: int) -> None:
        self.provider = client.provider
        self.model: str | None = client.model
        self._client = client
        self._limit = context_tokens

    def reply(self, context: Context) -> Iterator[str | Usage]:
        system = system_prompt(context.notes, int(self._limit * CARD_SHARE))
        messages: list[Prompt] = [{"role": "system", "content": system}]
        for message in fit(context.messages, self._limit - tokens(system)):
            role = "assistant" if message.role == "assistant" else "user"
            messages.append({"role": role, "content": message.content})  # type: ignore[typeddict-item]
        return self._client.stream(messages)


class RulesReplier:
    """Answers without a model: what the message was noted as, and a question that is still open."""

    provider = RULES_PROVIDER
    model: str | None = None

    def __init__(self, note: Callable[[Message], Sequence[Note]]) -> None:
        """
        Args:
            note: the notes that the rules take of one message.
        """
        self._note = note

    def reply(self, context: Context) -> Iterator[str | Usage]:
        noted = self._note(context.messages[-1])
        yield _acknowledgement(noted)
        if question := _open_question(context.notes, noted):
            yield f"\nStill open in this topic: “{question.body}”"


def _acknowledgement(noted: Sequence[Note]) -> str:
    if not noted:
        return "I have kept your message in this topic; there was nothing in it to note down."
    lines = [f"Noted as {_article(note.kind)} {note.kind}: “{note.body}”" for note in noted[:MOST_NOTED]]
    if more := len(noted) - MOST_NOTED:
        lines += [f"And {more} more."] if more > 0 else []
    return "\n".join(lines)


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _open_question(notes: Sequence[Note], noted: Sequence[Note]) -> Note | None:
    """The newest question of the topic that this message did not ask itself."""
    asked_now = {note.body for note in noted}
    questions = [note for note in notes if note.kind == "question" and note.body not in asked_now]
    return questions[-1] if questions else None
