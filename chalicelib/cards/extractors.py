"""Who extracts: the rules, or a model with the rules to fall back on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chalicelib.adapters.clock import Monotonic
from chalicelib.cards.asking import Asking
from chalicelib.cards.citations import locate
from chalicelib.cards.matching import agree
from chalicelib.cards.models import (
    RULES_VERSION,
    CardKind,
    Citation,
    DraftCard,
    Extractor,
    SourceMessage,
    WindowResult,
)
from chalicelib.cards.prompts import INSTRUCTIONS, PROMPT_VERSION, extraction_prompt
from chalicelib.explaining.models import Call
from chalicelib.llm.client import ModelClient
from chalicelib.llm.failures import FailureClass, LLMError
from chalicelib.llm.text import storable
from chalicelib.llm.tokens import clip, tokens

if TYPE_CHECKING:
    from tenacity import Retrying

RULES_PROVIDER = "rules"
MESSAGE_OVERHEAD = 24  # tokens of the tag around a message
ALONE = frozenset({FailureClass.SCHEMA, FailureClass.REFUSAL, FailureClass.CONTEXT_LENGTH})  # a window's own fault
Windows = Iterable[Sequence[SourceMessage]]


class CardExtractor(Protocol):
    identity: Extractor

    def extract(self, windows: Windows) -> Iterator[WindowResult]:
        """What each window gives by itself, in order."""


class RulesExtractor:
    def __init__(self, roles: frozenset[str], monotonic: Monotonic) -> None:
        self.identity = Extractor(RULES_PROVIDER, None, None, RULES_VERSION)
        self._roles = roles
        self._monotonic = monotonic

    def extract(self, windows: Windows) -> Iterator[WindowResult]:
        for window in windows:
            started = self._monotonic()
            drafts = self.drafts(window)
            taken = Call(RULES_PROVIDER, None, started, self._monotonic())
            yield WindowResult(drafts, self.identity, None, 0, [taken])

    def drafts(self, window: Sequence[SourceMessage]) -> list[DraftCard]:
        from chalicelib.cards import rules  # compiles its cues: only who extracts pays for that

        return rules.extract_window(window, self._roles)


class Evidence(BaseModel):
    model_config = ConfigDict(extra="ignore", defer_build=True)

    message_id: int
    quote: str
    start: int | None = None
    end: int | None = None


class ModelCard(BaseModel):
    model_config = ConfigDict(extra="ignore", defer_build=True)

    kind: CardKind
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    body: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
    confidence: float = Field(ge=0, le=1)
    evidence: list[Evidence] = Field(min_length=1, max_length=8)


class ModelCards(BaseModel):
    """What the model is asked for."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    cards: list[ModelCard] = Field(max_length=64)


class ModelExtractor:
    """Asks the model window by window. Where it fails for good the rules stand in: for that window if the window is to
    blame, else for all that follow."""

    def __init__(
        self,
        client: ModelClient,
        fallback: RulesExtractor,
        retrying: Callable[[], Retrying],
        roles: frozenset[str],
        monotonic: Monotonic,
        context_tokens: int,
        prompt_version: str = PROMPT_VERSION,
    ) -> None:
        self.identity = Extractor(client.provider, client.model, prompt_version, RULES_VERSION)
        self._fallback = fallback
        self._roles = roles
        self._instructions = INSTRUCTIONS[prompt_version]
        self._asking = Asking(client, retrying, monotonic, context_tokens, self._instructions)
        self._limit = self._asking.limit

    def extract(self, windows: Windows) -> Iterator[WindowResult]:
        failure: FailureClass | None = None
        for window in windows:
            if failure is None or failure in ALONE:
                result = self._window(window)
                failure = FailureClass(result.failure_class) if result.failure_class else None
            else:
                result = self._stand_in(window, failure, [])
            yield result

    def _window(self, window: Sequence[SourceMessage]) -> WindowResult:
        tries: list[Call] = []
        try:
            return self._with_model(window, tries)
        except LLMError as error:
            return self._stand_in(window, error.failure_class, tries)

    def _stand_in(self, window: Sequence[SourceMessage], failure: FailureClass, tries: list[Call]) -> WindowResult:
        (fallen,) = self._fallback.extract([window])
        return replace(fallen, failure_class=failure, tries=[*tries, *fallen.tries])

    def _with_model(self, window: Sequence[SourceMessage], tries: list[Call]) -> WindowResult:
        from chalicelib.cards.rules import combine

        found: list[list[DraftCard]] = []
        dropped = 0
        for part in parts(window, self._limit):
            cards = self._ask(part, tries)
            drafts = [draft for card in cards if (draft := self._draft(card, part))]
            dropped += len(cards) - len(drafts)
            found.append(drafts)
        drafts = sorted(combine(found), key=_reading_order)
        agreement = agree(drafts, self._fallback.drafts(window))
        return WindowResult(drafts, self.identity, None, dropped, tries, agreement)

    def _ask(self, messages: Sequence[SourceMessage], tries: list[Call]) -> list[ModelCard]:
        shown = [_clipped(message, self._limit) for message in messages]
        prompt = extraction_prompt(self._instructions, shown, self._roles)
        return self._asking.ask(prompt, ModelCards, tries).cards

    def _draft(self, card: ModelCard, messages: Sequence[SourceMessage]) -> DraftCard | None:
        """The card with its citations, or None if one of its quotes does not stand in the evidence."""
        by_id = {message.message_id: message for message in messages if message.role in self._roles}
        citations: list[Citation] = []
        for evidence in card.evidence:
            message = by_id.get(evidence.message_id)
            citation = message and locate(message, evidence.quote, evidence.start, evidence.end)
            if not citation:
                return None
            if citation not in citations:
                citations.append(citation)
        return DraftCard(
            card.kind, storable(card.title), storable(card.body), card.confidence, tuple(sorted(citations, key=_place))
        )


def parts(window: Sequence[SourceMessage], limit: int) -> Iterator[Sequence[SourceMessage]]:
    """A window in as few runs of messages as fit into `limit` tokens each; a longer message makes a run by itself."""
    part: list[SourceMessage] = []
    left = limit
    for message in window:
        cost = tokens(message.content) + MESSAGE_OVERHEAD
        if part and cost > left:
            yield part
            part, left = [], limit
        part.append(message)
        left -= cost
    if part:
        yield part


def _clipped(message: SourceMessage, limit: int) -> SourceMessage:
    return SourceMessage(message.message_id, message.role, clip(message.content, limit - MESSAGE_OVERHEAD))


def _place(citation: Citation) -> tuple[int, int]:
    return citation.message_id, citation.start


def _reading_order(draft: DraftCard) -> tuple[int, int]:
    return _place(draft.citations[0])
