"""Errors of the jobs domain."""

from chalicelib.errors import Conflict, GliaError


class UnknownJob(GliaError):
    """The queue message points at no job."""

    code = "unknown_job"


class DeadJob(GliaError):
    """The job used up its attempts; its message goes to the dead-letter queue."""

    code = "dead_job"


class JobNotDead(Conflict):
    """Only a dead job can be redriven."""

    code = "job_not_dead"


class JobOfTurn(Conflict):
    """The turn has ended as failed; retry the turn instead of its job."""

    code = "job_of_turn"


class IdempotencyConflict(Conflict):
    """This key was used before with another request."""

    code = "idempotency_conflict"
