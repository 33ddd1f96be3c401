"""Who extracts for a batch: the extractor in use, or the one that a preview names."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.cards.extractors import CardExtractor
from chalicelib.cards.prompts import INSTRUCTIONS, PROMPT_VERSION
from chalicelib.cards.reextraction.errors import ModelUnconfigured, UnknownPromptVersion
from chalicelib.cards.reextraction.models import Choice

ByModel = Callable[[str, str], CardExtractor]  # model and prompt version


class Choosing:
    """
    Args:
        in_use: what extracts unless something else is asked for.
        by_model: makes an extractor; None where no model can be reached.
        model: the one in use; may be empty.
    """

    def __init__(self, in_use: CardExtractor, by_rules: CardExtractor, by_model: ByModel | None, model: str) -> None:
        self.in_use = in_use
        self._by_rules = by_rules
        self._by_model = by_model
        self._model = model

    def extractor(self, choice: Choice | None) -> CardExtractor:
        """
        Raises:
            UnknownPromptVersion, ModelUnconfigured
        """
        if choice is None:
            return self.in_use
        if choice.provider == "rules":
            return self._by_rules
        version, model = choice.prompt_version or PROMPT_VERSION, choice.model or self._model
        if version not in INSTRUCTIONS:
            raise UnknownPromptVersion(known=sorted(INSTRUCTIONS))
        if self._by_model is None or not model:
            raise ModelUnconfigured()
        return self._by_model(model, version)
