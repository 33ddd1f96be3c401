"""Every way a model call can fail, as a class; which of them pass; and how they are retried.

Classes: `auth`, `quota`, `rate_limit`, `timeout`, `network`, `server`, `schema`, `refusal`, `context_length`,
`cancelled`, `unconfigured`. Retried: rate_limit, timeout, network, server.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

LONGEST_WAIT = 20.0  # seconds, whatever Retry-After says


class FailureClass(StrEnum):
    AUTH = "auth"
    QUOTA = "quota"
    RATE_LIMIT = "rate_limit"
    TIMEOUT = "timeout"
    NETWORK = "network"
    SERVER = "server"
    SCHEMA = "schema"
    REFUSAL = "refusal"
    CONTEXT_LENGTH = "context_length"
    CANCELLED = "cancelled"
    UNCONFIGURED = "unconfigured"


PASSING = frozenset({FailureClass.RATE_LIMIT, FailureClass.TIMEOUT, FailureClass.NETWORK, FailureClass.SERVER})

WORDS = {
    FailureClass.AUTH: "The model's endpoint refused Glia's key.",
    FailureClass.QUOTA: "The quota of the model's account is used up.",
    FailureClass.RATE_LIMIT: "The model's endpoint is rate limited; try again later.",
    FailureClass.TIMEOUT: "The model did not answer in time; try again.",
    FailureClass.NETWORK: "The model's endpoint could not be reached; try again.",
    FailureClass.SERVER: "The model's endpoint failed; try again.",
    FailureClass.SCHEMA: "The model's answer was not of the form asked for.",
    FailureClass.REFUSAL: "The model declined to answer.",
    FailureClass.CONTEXT_LENGTH: "The message is too long for the model.",
    FailureClass.CANCELLED: "The turn was cancelled.",
    FailureClass.UNCONFIGURED: "A model is named, but neither a key nor an address for it is set.",
}


class LLMError(Exception):
    """A model call failed. Carries no words of the endpoint: they may quote the prompt."""

    def __init__(self, failure_class: FailureClass, retry_after: float | None = None) -> None:
        self.failure_class = failure_class
        self.retry_after = retry_after
        super().__init__(failure_class.value)


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, LLMError) and error.failure_class in PASSING


def _wait(state: RetryCallState) -> float:
    from tenacity import wait_random_exponential

    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, LLMError) and error.retry_after is not None:
        return min(error.retry_after, LONGEST_WAIT)
    return float(wait_random_exponential(multiplier=0.5, max=8)(state))


def retrying(max_tries: int, sleep: Callable[[float], None] = time.sleep) -> Retrying:
    """A bounded, jittered retry of passing failures, honouring Retry-After."""
    from tenacity import Retrying, retry_if_exception, stop_after_attempt

    return Retrying(
        retry=retry_if_exception(_is_passing), stop=stop_after_attempt(max_tries), wait=_wait, sleep=sleep, reraise=True
    )


def classify(error: Exception) -> LLMError | None:
    """The failure class of an exception of the openai client or of its transport; None for one of our own making."""
    import httpx2
    import openai

    if isinstance(error, LLMError):
        return error
    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
        return LLMError(FailureClass.TIMEOUT)
    if isinstance(error, openai.APIStatusError):
        return LLMError(_of_status(error.status_code, error.code, error.body), _retry_after(error))
    if isinstance(error, openai.APIConnectionError | httpx2.TransportError):
        return LLMError(FailureClass.NETWORK)
    if isinstance(error, openai.APIError):  # an error object inside a stream
        return LLMError(_of_code(error.code) or FailureClass.SERVER)
    if isinstance(error, json.JSONDecodeError):  # broken off or garbled on the way
        return LLMError(FailureClass.SERVER)
    return None


_CODES = {
    "insufficient_quota": FailureClass.QUOTA,
    "billing_hard_limit_reached": FailureClass.QUOTA,
    "context_length_exceeded": FailureClass.CONTEXT_LENGTH,
    "invalid_api_key": FailureClass.AUTH,
    "rate_limit_exceeded": FailureClass.RATE_LIMIT,
    "content_filter": FailureClass.REFUSAL,
    "content_policy_violation": FailureClass.REFUSAL,
}
_STATUSES = {
    401: FailureClass.AUTH,
    402: FailureClass.QUOTA,
    403: FailureClass.AUTH,
    408: FailureClass.TIMEOUT,
    409: FailureClass.SERVER,
    413: FailureClass.CONTEXT_LENGTH,
    429: FailureClass.RATE_LIMIT,
}


def _of_code(code: Any) -> FailureClass | None:
    return _CODES.get(code) if isinstance(code, str) else None


def _of_status(status: int, code: Any, body: Any) -> FailureClass:
    if known := _of_code(code):
        return known
    if status in _STATUSES:
        return _STATUSES[status]
    if status >= 500:
        return FailureClass.SERVER
    words = str(body).lower()
    if "context length" in words or "context window" in words or "too many tokens" in words:
        return FailureClass.CONTEXT_LENGTH
    return FailureClass.SCHEMA


def _retry_after(error: Any) -> float | None:
    try:
        return max(float(error.response.headers["retry-after"]), 0.0)
    except (KeyError, ValueError):
        return None
