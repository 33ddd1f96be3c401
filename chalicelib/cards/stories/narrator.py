"""Who tells a story: the digest, or a model with the digest to fall back on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chalicelib.adapters.clock import Monotonic
from chalicelib.cards.asking import Asking
from chalicelib.cards.extractors import RULES_PROVIDER
from chalicelib.cards.stories import digest
from chalicelib.cards.stories.models import DIGEST_VERSION, Narration, Narrator, Paragraph, Source, cited_by
from chalicelib.cards.stories.prompts import INSTRUCTIONS, PROMPT_VERSION, StoryPrompt, story_prompt
from chalicelib.conversations.titles import shortened
from chalicelib.explaining.models import Call
from chalicelib.llm.client import ModelClient
from chalicelib.llm.failures import FailureClass, LLMError
from chalicelib.llm.text import storable

if TYPE_CHECKING:
    from tenacity import Retrying

CONTEXT_MESSAGES = 40  # the newest of a topic that a model may be shown


class StoryNarrator(Protocol):
    identity: Narrator
    context_messages: int

    def narrate(self, source: Source) -> Narration:
        """The story of a topic that has cards."""


class DigestNarrator:
    context_messages = 0

    def __init__(self, monotonic: Monotonic) -> None:
        self.identity = Narrator(RULES_PROVIDER, None, DIGEST_VERSION)
        self._monotonic = monotonic

    def narrate(self, source: Source) -> Narration:
        started = self._monotonic()
        title, paragraphs = digest.tell(source)
        taken = Call(RULES_PROVIDER, None, started, self._monotonic())
        seen = cited_by(card for paragraph in paragraphs for card in paragraph.cards)
        return Narration(shortened(title) if title else None, paragraphs, self.identity, None, [taken], seen)


class ModelParagraph(BaseModel):
    model_config = ConfigDict(extra="ignore", defer_build=True)

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
    cards: list[int] = Field(max_length=300, description="The numbers of the cards it rests on.")


class ModelStory(BaseModel):
    """What the model is asked for."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
    paragraphs: list[ModelParagraph] = Field(max_length=24)


class ModelNarrator:
    """Asks the model once; where that fails for good the digest stands in."""

    context_messages = CONTEXT_MESSAGES

    def __init__(
        self,
        client: ModelClient,
        fallback: DigestNarrator,
        retrying: Callable[[], Retrying],
        monotonic: Monotonic,
        context_tokens: int,
    ) -> None:
        self.identity = Narrator(client.provider, client.model, PROMPT_VERSION)
        self._fallback = fallback
        self._asking = Asking(client, retrying, monotonic, context_tokens, INSTRUCTIONS)

    def narrate(self, source: Source) -> Narration:
        tries: list[Call] = []
        asked = story_prompt(source, self._asking.limit)
        try:
            story = self._asking.ask(asked.prompt, ModelStory, tries)
        except LLMError as error:
            return self._stand_in(source, error.failure_class, tries)
        paragraphs = [told for paragraph in story.paragraphs if (told := _resting(paragraph, asked))]
        if not paragraphs:
            return self._stand_in(source, FailureClass.SCHEMA, tries)
        seen = cited_by(asked.cards.values()) | {message.message_id for message in asked.messages}
        title = shortened(storable(story.title)) or None
        dropped = len(story.paragraphs) - len(paragraphs)
        return Narration(title, paragraphs, self.identity, None, tries, seen, dropped)

    def _stand_in(self, source: Source, failure: FailureClass, tries: list[Call]) -> Narration:
        told = self._fallback.narrate(source)
        return replace(told, failure_class=failure, tries=[*tries, *told.tries])


def _resting(paragraph: ModelParagraph, asked: StoryPrompt) -> Paragraph | None:
    """The paragraph with its cards; None if none of the numbers is a card's."""
    numbers = sorted(set(paragraph.cards) & asked.cards.keys())
    text = storable(paragraph.text)
    return Paragraph(text, tuple(asked.cards[number] for number in numbers)) if numbers and text else None
