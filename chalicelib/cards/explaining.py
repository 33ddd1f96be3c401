"""Tries of models and of the rules, as the steps of an explanation. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from chalicelib.explaining.models import Call, Facts, Step, Watch, call_step
from chalicelib.jobs.models import Job


def about_job(job: Job, topic_id: UUID) -> dict[str, Any]:
    return {"glia.job.id": str(job.job_id), "glia.cause": job.cause, "glia.topic.id": str(topic_id)}


def steps_of(name: str, tries: Iterable[Call], watch: Watch, asked: Facts) -> list[Step]:
    """Each try as a step; the rules' is called what they are."""
    return [_step(name, one, watch, asked) for one in tries]


def _step(name: str, one: Call, watch: Watch, asked: Facts) -> Step:
    is_model = one.model is not None
    return call_step(name if is_model else one.provider, one, watch, is_model=is_model, asked=asked, found={})


def ends(steps: Sequence[Step], watch: Watch) -> Any:
    """When the last of the steps ended; the beginning if there is none."""
    return max((step.ended_at for step in steps), default=watch.started_at)
