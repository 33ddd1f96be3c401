"""Errors of batch re-extraction."""

from chalicelib.errors import Conflict, Invalid, NotFound


class BatchNotFound(NotFound):
    """There is no such re-extraction."""

    code = "reextraction_not_found"


class BatchEnded(Conflict):
    """The re-extraction has ended."""

    code = "reextraction_ended"


class BatchNotReady(Conflict):
    """There is no preview to decide about: it is not ready yet, or has been decided about."""

    code = "reextraction_not_ready"


class TooManyTopics(Invalid):
    """The filter finds more topics than one request may; start it by a message on the queue."""

    code = "too_many_topics"


class UnknownPromptVersion(Invalid):
    """There is no such prompt version; `details.known` names those there are."""

    code = "unknown_prompt_version"


class ModelUnconfigured(Invalid):
    """No model is configured here, so none can be asked."""

    code = "model_unconfigured"
