"""An extraction that has ended, explained: which windows were read, what each gave, and what became of the cards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from chalicelib.cards.explaining import about_job, ends, steps_of
from chalicelib.cards.models import SHOWN, Extractor, WindowResult, total
from chalicelib.cards.replacing import Plan
from chalicelib.cards.results.store import Dirty
from chalicelib.cards.runs.store import Abandoned, Claimed, Source
from chalicelib.cards.runs.work import Found, Work
from chalicelib.explaining.models import TAG, Explanation, Facts, Step, Watch
from chalicelib.jobs.models import Job

NAME = "cards.extract"
TAGS = (TAG, "extraction")
MOST_WINDOWS = 200  # that a model was asked about and that are told one by one; the others are added up
Extracted = tuple[Dirty, WindowResult]


def finished(
    work: Work, found: Found, job: Job, asked: Extractor, planned: Plan, count: int, *, since: datetime
) -> Explanation:
    """
    Args:
        count: how many cards the topic shows now.
        since: when merging began.
    """
    merged = Step("tool", "merge", since, work.watch.now(), {}, _merged(planned, count))
    return _told(work, found, job, asked, "finished", [merged])


def superseded(work: Work, found: Found, job: Job, asked: Extractor) -> Explanation:
    return _told(work, found, job, asked, "superseded", [])


def failed(work: Work, found: Found, job: Job, asked: Extractor, failure_class: str) -> Explanation:
    return _told(work, found, job, asked, "failed", [], failure_class)


def abandoned(run: Abandoned) -> Explanation | None:
    """A run whose worker died, and that nobody takes over; None for one older than explanations."""
    if run.trace_run_id is None:
        return None
    about = {
        "glia.extract_run.id": str(run.run_id), "glia.extract_run.attempt": run.attempt,
        "glia.extract_run.status": "failed", "glia.topic.id": str(run.topic_id), "glia.job.id": str(run.job_id),
        "glia.cause": run.cause,
    }  # fmt: skip
    return Explanation(run.trace_run_id, NAME, run.ended_at, run.ended_at, about, [], run.failure_class, TAGS)


def applied(
    run: Claimed, source: Source, job: Job, topic_id: UUID, asked: Extractor, planned: Plan, count: int, watch: Watch
) -> Explanation:
    """A preview that was applied: nothing was called."""
    merged = Step("tool", "merge", watch.started_at, watch.now(), _source(source), _merged(planned, count))
    about = _about(run, job, topic_id, "finished", asked)
    return Explanation(run.trace_run_id, NAME, watch.started_at, merged.ended_at, about, [merged], None, TAGS)


def _told(
    work: Work, found: Found, job: Job, asked: Extractor, status: str, more: Sequence[Step],
    failure_class: str | None = None,
) -> Explanation:  # fmt: skip
    about = _about(work.run, job, job.subject, status, asked)
    extracted = list(zip(found.windows, found.results, strict=False))  # one may have been read and given nothing yet
    steps = [_read(work), *extracted_steps(extracted, work.watch), *more]
    return Explanation(
        work.run.trace_run_id, NAME, work.watch.started_at, ends(steps, work.watch), about, steps, failure_class, TAGS
    )  # fmt: skip


def _about(run: Claimed, job: Job, topic_id: UUID, status: str, asked: Extractor) -> dict[str, Any]:
    return about_job(job, topic_id) | {
        "glia.extract_run.id": str(run.run_id), "glia.extract_run.attempt": run.attempt,
        "glia.extract_run.status": status, "glia.extractor": asked.name,
    }  # fmt: skip


def _read(work: Work) -> Step:
    found = _source(work.source) | {
        "glia.windows.changed": len(work.dirty), "glia.windows.kept": len(work.cached),
    }  # fmt: skip
    return Step("retriever", "windows", work.watch.started_at, work.read_at, {}, found)


def _source(source: Source) -> dict[str, Any]:
    return {
        "glia.messages.first_id": source.start_id, "glia.messages.last_id": source.end_id,
        "glia.messages.count": source.message_count, "glia.windows.count": source.window_count,
        "glia.source.sha256": source.hash.hex(),
    }  # fmt: skip


def extracted_steps(extracted: Sequence[Extracted], watch: Watch) -> Iterator[Step]:
    """Windows one by one where a model was asked, added up where the rules did it by themselves."""
    told = 0
    for by_model, group in groupby(extracted, lambda one: _is_by_model(one[1])):
        several = list(group)
        one_by_one = several[: max(0, MOST_WINDOWS - told)] if by_model else []
        told += len(one_by_one)
        for window, result in one_by_one:
            yield _window(window, result, watch)
        if rest := several[len(one_by_one) :]:
            yield _several([result for _, result in rest], watch, by_model=by_model)


def _is_by_model(result: WindowResult) -> bool:
    return any(one.model for one in result.tries)


def _window(window: Dirty, result: WindowResult, watch: Watch) -> Step:
    asked = {
        "glia.window.first_id": window.start_id, "glia.window.last_id": window.end_id,
        "glia.window.sha256": window.hash.hex(),
    }  # fmt: skip
    steps = steps_of("cards", result.tries, watch, {"glia.prompt.version": result.extractor.prompt_version})
    at = ends(steps, watch)
    verified = Step("validator", "citations", at, at, {}, _verified([result]))
    found = {"glia.fallback": result.failure_class, "glia.agreement": result.agreement}
    return Step("agent", "window", steps[0].started_at, at, asked, found, None, [*steps, verified])


def _several(results: Sequence[WindowResult], watch: Watch, *, by_model: bool) -> Step:
    tries = [one for result in results for one in result.tries]
    extractor = results[0].extractor
    asked: Facts = {"gen_ai.provider.name": extractor.provider, "gen_ai.request.model": extractor.model}
    found = {
        "glia.windows.count": len(results), **_verified(results),
        "gen_ai.usage.input_tokens": total(one.input_tokens for one in tries),
        "gen_ai.usage.output_tokens": total(one.output_tokens for one in tries),
    }  # fmt: skip
    started, ended = watch.at(tries[0].started), watch.at(tries[-1].ended)
    if not by_model:
        asked = {"gen_ai.tool.name": extractor.provider}
    return Step("agent" if by_model else "tool", "windows" if by_model else "rules", started, ended, asked, found)


def _verified(results: Sequence[WindowResult]) -> dict[str, Any]:
    """Cards whose quotes stand in the messages, and those that were dropped."""
    kept, dropped = sum(len(result.drafts) for result in results), sum(result.dropped for result in results)
    return {"glia.cards.verified": kept, "glia.cards.dropped": dropped}


def _merged(planned: Plan, count: int) -> dict[str, Any]:
    """What happened to the cards, by how a reader sees it; `kept` are those that look as they did."""
    seen = [change for change in planned.changes if change.action]
    touched = sum(change.after.is_found and change.after.status in SHOWN for change in seen)
    by_action = Counter(change.action for change in seen)
    return {
        "glia.cards.count": count, "glia.cards.kept": max(0, count - touched),
        **{f"glia.cards.{action}": number for action, number in sorted(by_action.items())},
    }  # fmt: skip
