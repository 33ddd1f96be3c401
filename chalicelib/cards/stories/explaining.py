"""A story that was told, explained: the cards it was told of, who told it, and what of it was kept. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from chalicelib.cards.explaining import about_job, ends, steps_of
from chalicelib.cards.stories.models import Narration, Narrator, Source
from chalicelib.explaining.models import TAG, Explanation, Step, Watch
from chalicelib.jobs.models import Job

NAME = "story.tell"
TAGS = (TAG, "story")


def explained(
    run_id: UUID, job: Job, asked: Narrator, source: Source, told: Narration, watch: Watch, read_at: datetime, *,
    outcome: str, version: int | None,
) -> Explanation:  # fmt: skip
    """
    Args:
        asked: who was meant to tell.
        read_at: when it was known what to tell of.
        outcome: `told`, or why nothing was written: `superseded`, `unchanged`.
        version: the story's, if there is one.
    """
    tries = steps_of("story", told.tries, watch, {"glia.prompt.version": told.narrator.version})
    at = ends(tries, watch)
    kept = {"glia.paragraphs.kept": len(told.paragraphs), "glia.paragraphs.dropped": told.dropped}
    steps = [_read(source, watch, read_at), *tries, Step("validator", "paragraphs", at, at, {}, kept)]
    about: dict[str, Any] = about_job(job, job.subject) | {
        "glia.narrator": asked.name, "glia.story.outcome": outcome, "glia.story.version": version,
        "glia.fallback": told.failure_class,
    }  # fmt: skip
    return Explanation(run_id, NAME, watch.started_at, max(watch.now(), at), about, steps, None, TAGS)


def _read(source: Source, watch: Watch, read_at: datetime) -> Step:
    found = {
        "glia.cards.count": len(source.cards), "glia.cards.total": sum(source.totals.values()),
        "glia.source.sha256": source.hash.hex(), "glia.messages.ids": [one.message_id for one in source.messages],
    }  # fmt: skip
    return Step("retriever", "cards", watch.started_at, read_at, {}, found)
