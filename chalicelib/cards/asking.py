"""Asking a model for structured output: passing failures retried, one attempt at repair, every try on record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from chalicelib.adapters.clock import Monotonic
from chalicelib.cards.prompts import repair_prompt
from chalicelib.explaining.asking import ask
from chalicelib.explaining.models import Call
from chalicelib.llm.client import InvalidAnswer, ModelClient, Prompt, Schema
from chalicelib.llm.tokens import clip, tokens

if TYPE_CHECKING:
    from tenacity import Retrying

REPAIR_SHARE = 0.25  # of the tokens left beside the instructions, kept for an answer that is sent back for repair
REPAIR_OVERHEAD = 80  # tokens of the words around that answer


class Asking:
    """One model, asked under one set of instructions.

    Attributes:
        limit: the tokens that are left for what it is shown, beside the instructions and an answer to be repaired.
    """

    def __init__(
        self,
        client: ModelClient,
        retrying: Callable[[], Retrying],
        monotonic: Monotonic,
        context_tokens: int,
        instructions: str,
    ) -> None:
        self._client = client
        self._retrying = retrying
        self._monotonic = monotonic
        room = context_tokens - tokens(instructions)
        self._repair_limit = int(room * REPAIR_SHARE)
        self.limit = room - self._repair_limit

    def ask(self, prompt: Sequence[Prompt], schema: type[Schema], tries: list[Call]) -> Schema:
        """An answer that fits `schema`. Every try is added to `tries`, also those that fail.

        Raises:
            LLMError
        """
        try:
            return self._call(prompt, schema, tries)
        except InvalidAnswer as invalid:  # one attempt at repair
            answer = clip(invalid.answer, self._repair_limit - REPAIR_OVERHEAD)
            return self._call(repair_prompt(prompt, answer, invalid.problem), schema, tries)

    def _call(self, prompt: Sequence[Prompt], schema: type[Schema], tries: list[Call]) -> Schema:
        for attempt in self._retrying():
            with attempt:
                return ask(self._client, prompt, schema, self._monotonic, tries)
        raise AssertionError("retrying returns or raises")
