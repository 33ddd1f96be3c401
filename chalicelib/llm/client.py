"""Chat and structured output from any endpoint that speaks OpenAI's wire format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar

from pydantic import BaseModel, ValidationError

from chalicelib.llm.dialect import Dialect
from chalicelib.llm.failures import FailureClass, LLMError, classify
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from openai import OpenAI

PROVIDER = "openai"
STRUCTURE = 2  # times the tokens of an answer: JSON says everything with many words
_FENCE = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)  # how endpoints without structured output wrap it
Schema = TypeVar("Schema", bound=BaseModel)


class Prompt(TypedDict):
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call, where the endpoint says."""

    input_tokens: int | None = None
    output_tokens: int | None = None


class InvalidAnswer(LLMError):
    """An answer that does not fit the schema. `answer` and `problem` go back to the model once, never into a log."""

    def __init__(self, answer: str, problem: str, usage: Usage) -> None:
        super().__init__(FailureClass.SCHEMA)
        self.answer = answer
        self.problem = problem
        self.usage = usage


class ModelClient:
    """One model of one endpoint. The openai package is loaded with the first call."""

    provider = PROVIDER

    def __init__(self, settings: Settings, model: str) -> None:
        self.model = model
        self._settings = settings
        self._dialect = Dialect()

    @cached_property
    def _client(self) -> OpenAI:
        from openai import OpenAI

        settings = self._settings
        if settings.openai_api_key is None and settings.openai_base_url is None:
            raise LLMError(FailureClass.UNCONFIGURED)
        key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else "none"
        return OpenAI(base_url=settings.openai_base_url, api_key=key, timeout=settings.llm_timeout, max_retries=0)

    def _create(self, arguments: dict[str, Any]) -> Any:
        """One call, in the dialect of the endpoint; a refused argument is learnt and asked otherwise at once."""
        from openai import BadRequestError

        while True:
            try:
                return self._client.chat.completions.create(**self._dialect.adapt(arguments))
            except BadRequestError as error:
                if not self._dialect.learn(arguments, f"{error.param} {error.body}"):
                    raise

    def names(self, patience: float) -> list[str]:
        """The models that the endpoint names, sorted.

        Raises:
            LLMError
        """
        try:
            return sorted(model.id for model in self._client.with_options(timeout=patience).models.list())
        except Exception as error:
            if known := classify(error):
                raise known from None
            raise

    def stream(self, messages: Sequence[Prompt]) -> Iterator[str | Usage]:
        """Yields pieces of the answer, and its usage where the endpoint tells it.

        Raises:
            LLMError
        """
        try:
            yield from self._stream(messages)
        except Exception as error:
            if known := classify(error):
                raise known from None
            raise

    def _stream(self, messages: Sequence[Prompt]) -> Iterator[str | Usage]:
        arguments: dict[str, Any] = {
            "model": self.model,
            "messages": list(messages),
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_completion_tokens": self._settings.answer_tokens,
        }
        finish_reason, refusal = None, False
        with self._create(arguments) as chunks:
            for chunk in chunks:
                if chunk.usage:
                    yield Usage(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
                for choice in (chunk.choices or [])[:1]:  # compatible servers send null for both
                    finish_reason = choice.finish_reason or finish_reason
                    delta = choice.delta
                    refusal = refusal or bool(delta and delta.refusal)
                    if delta and delta.content:
                        yield delta.content
        if refusal or finish_reason == "content_filter":
            raise LLMError(FailureClass.REFUSAL)
        if finish_reason is None:  # the endpoint hung up in the middle
            raise LLMError(FailureClass.NETWORK)

    def structured(self, messages: Sequence[Prompt], schema: type[Schema]) -> tuple[Schema, Usage]:
        """An answer that fits `schema`, in one call.

        Raises:
            InvalidAnswer, LLMError
        """
        try:
            completion = self._create(self._structured_arguments(messages, schema))
        except Exception as error:
            if known := classify(error):
                raise known from None
            raise
        usage = Usage()
        if completion.usage:
            usage = Usage(completion.usage.prompt_tokens, completion.usage.completion_tokens)
        if not completion.choices:
            raise InvalidAnswer("", "the answer was empty", usage)
        choice = completion.choices[0]
        if choice.message.refusal or choice.finish_reason == "content_filter":
            raise LLMError(FailureClass.REFUSAL)
        return _parse(choice.message.content or "", schema, usage), usage

    def _structured_arguments(self, messages: Sequence[Prompt], schema: type[BaseModel]) -> dict[str, Any]:
        return {
            "model": self.model,
            "messages": list(messages),
            "max_completion_tokens": self._settings.answer_tokens * STRUCTURE,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": schema.__name__, "schema": schema.model_json_schema()},
            },
        }


def _parse(answer: str, schema: type[Schema], usage: Usage) -> Schema:
    try:
        return schema.model_validate_json(_FENCE.sub(r"\1", answer.strip()))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise InvalidAnswer(answer, problems, usage) from None
