"""Errors of traces."""

from __future__ import annotations

from chalicelib.errors import BadRequest, Conflict, NotFound, TooLarge


class TraceRunNotFound(NotFound):
    """There is no such run."""

    code = "run_not_found"


class TraceStepNotFound(NotFound):
    """There is no such step in this run."""

    code = "step_not_found"


class UnreadableBody(BadRequest):
    """The body cannot be read as events."""

    code = "body_not_events"


class BrokenCompression(BadRequest):
    """The body says that it is gzip, and is not, or ends too early."""

    code = "body_not_gzip"


class InflatedTooLarge(TooLarge):
    """The body is too large once it is unpacked."""

    code = "inflated_too_large"


class TooManyEvents(TooLarge):
    """There are too many events in one body."""

    code = "too_many_events"


class CompletionConflict(Conflict):
    """The run has ended already, and otherwise; or another event has this place in it."""

    code = "sequence_conflict"


class PrivacyRisk(Conflict):
    """This run may hold what should have been redacted; exporting it needs a recorded override."""

    code = "privacy_risk"


class NoPrivacyRisk(Conflict):
    """There is nothing to override: the run is no privacy risk."""

    code = "no_privacy_risk"
