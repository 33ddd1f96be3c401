"""A model that is asked for structured output, with the call on record whatever comes of it."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.adapters.clock import Monotonic
from chalicelib.explaining.models import Call
from chalicelib.llm.client import InvalidAnswer, ModelClient, Prompt, Schema, Usage
from chalicelib.llm.failures import LLMError


def ask(
    client: ModelClient, prompt: Sequence[Prompt], schema: type[Schema], monotonic: Monotonic, calls: list[Call]
) -> Schema:
    """An answer that fits `schema`. The call is added to `calls`, also if it fails.

    Raises:
        LLMError
    """
    started, usage, failure = monotonic(), Usage(), None
    try:
        answer, usage = client.structured(prompt, schema)
        return answer
    except LLMError as error:
        failure = error.failure_class
        usage = error.usage if isinstance(error, InvalidAnswer) else usage
        raise
    finally:
        told = usage.input_tokens, usage.output_tokens
        calls.append(Call(client.provider, client.model, started, monotonic(), failure, *told))
