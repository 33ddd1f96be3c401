"""A preview that has ended, explained: what each window gave, and how much of the cards it would change. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from chalicelib.cards.explaining import about_job
from chalicelib.cards.models import Extractor
from chalicelib.cards.reextraction.models import ItemStatus
from chalicelib.cards.runs.explaining import TAGS, Extracted, extracted_steps
from chalicelib.explaining.models import Explanation, Step, Watch
from chalicelib.jobs.models import Job

NAME = "cards.preview"


def explained(
    run_id: UUID, job: Job, topic_id: UUID, batch_id: UUID, asked: Extractor, extracted: Sequence[Extracted],
    watch: Watch, *, status: ItemStatus, changed: int | None = None, failure_class: str | None = None,
) -> Explanation:  # fmt: skip
    """
    Args:
        extracted: the windows of which no result was kept.
        changed: how many cards would look different; None where that was not found out.
    """
    now = watch.now()
    about = about_job(job, topic_id) | {
        "glia.batch.id": str(batch_id), "glia.extractor": asked.name, "glia.preview.status": status.value,
    }  # fmt: skip
    steps = list(extracted_steps(extracted, watch))
    if changed is not None:
        steps.append(Step("tool", "compare", now, now, {}, {"glia.cards.changed": changed}))
    return Explanation(run_id, NAME, watch.started_at, now, about, steps, failure_class, TAGS)
