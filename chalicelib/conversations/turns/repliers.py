"""Who answers: a model, or without one the rules, which say only what is so."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from glia_wire.canonical import canonical_json

from chalicelib.conversations.models import Message
from chalicelib.conversations.turns.context import CARD_SHARE, PROMPT_VERSION, Context, Note, fit, system_prompt
from chalicelib.llm.client import ModelClient, Prompt, Usage
from chalicelib.llm.tokens import tokens

RULES_PROVIDER = "rules"
MOST_NOTED = 3


@dataclass(frozen=True, slots=True)
class Question:
    """A context as a replier will answer it.

    Attributes:
        pieces: answers, each time it is called, piece by piece; raises LLMError.
        messages, notes: how many of the newest messages, and of the first notes, are shown to who answers.
        prompt_sha256: of everything that a model is shown; None where none is asked.
    """

    pieces: Callable[[], Iterator[str | Usage]]
    messages: int
    notes: int
    prompt_version: str | None = None
    prompt_sha256: str | None = None


class Replier(Protocol):
    provider: str
    model: str | None

    def question(self, context: Context) -> Question:
        """Calls nobody yet."""


class ModelReplier:
    def __init__(self, client: ModelClient, context_tokens: int) -> None:
        self.provider = client.provider
        self.model: str | None = client.model
        self._client = client
        self._limit = context_tokens

    def question(self, context: Context) -> Question:
        system, notes = system_prompt(context.notes, int(self._limit * CARD_SHARE))
        messages: list[Prompt] = [{"role": "system", "content": system}]
        for message in fit(context.messages, self._limit - tokens(system)):
            role = "assistant" if message.role == "assistant" else "user"
            messages.append({"role": role, "content": message.content})  # type: ignore[typeddict-item]
        digest = hashlib.sha256(canonical_json(messages)).hexdigest()
        return Question(lambda: self._client.stream(messages), len(messages) - 1, notes, PROMPT_VERSION, digest)


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

    def question(self, context: Context) -> Question:
        return Question(lambda: self._pieces(context), 1, len(context.notes))

    def _pieces(self, context: Context) -> Iterator[str | Usage]:
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
