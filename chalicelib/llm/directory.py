"""Which models are configured, and whether their endpoint answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.llm.client import PROVIDER, ModelClient
from chalicelib.llm.failures import FailureClass, LLMError
from chalicelib.settings import Settings

PATIENCE = 3.0  # seconds for the endpoint to name its models


@dataclass(frozen=True, slots=True)
class ConfiguredModel:
    use: str
    provider: str
    model: str
    is_reachable: bool
    failure_class: str | None


@dataclass(frozen=True, slots=True)
class Directory:
    """`names`: the models that the endpoint names; empty where it does not answer."""

    items: list[ConfiguredModel]
    names: list[str]


class ModelDirectory:
    def __init__(self, settings: Settings, uses: Mapping[str, str]) -> None:
        """
        Args:
            uses: what a model is used for, and its name; an empty name is not configured.
        """
        self._settings = settings
        self._uses = {use: model for use, model in uses.items() if model}

    def models(self) -> Directory:
        """Asks the endpoint once, if a model is configured at all. No model is called."""
        if not self._uses:
            return Directory([], [])
        names, failure = self._names()
        items = [
            ConfiguredModel(use, PROVIDER, model, failure is None, failure) for use, model in self._uses.items()
        ]  # fmt: skip
        return Directory(items, names)

    def _names(self) -> tuple[list[str], FailureClass | None]:
        try:
            return ModelClient(self._settings, "").names(PATIENCE), None
        except LLMError as error:
            return [], error.failure_class
