"""Background work: the jobs and the worker that does them."""

from __future__ import annotations

from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.jobs.models import JobKind
from chalicelib.jobs.service import JobService
from chalicelib.jobs.worker import Handler, Worker
from chalicelib.wiring.outside import Outside


def jobs(outside: Outside) -> JobService:
    def on_redriven(tx: Transaction, user_id: UUID, dead: UUID, standing: UUID) -> None:
        from chalicelib.wiring.cards import progress

        progress(outside).on_redriven(tx, user_id, dead, standing)

    return JobService(
        outside.db, outside.system_db, outside.outbox(), on_redriven, sweep_after=outside.settings.sweep_after
    )


def worker(outside: Outside) -> Worker:
    return Worker(
        outside.db,
        outside.outbox(),
        _handlers(outside),
        outside.new_id,
        outside.crash_points,
        max_attempts=outside.settings.max_attempts,
        backoff_base=outside.settings.backoff_base,
    )


def _handlers(outside: Outside) -> dict[JobKind, Handler]:
    from chalicelib.wiring.cards import extraction_handler, reextraction_handler, story_handler
    from chalicelib.wiring.conversations import responder

    return {
        JobKind.TURN: responder(outside),
        JobKind.EXTRACT: extraction_handler(outside),
        JobKind.REEXTRACT: reextraction_handler(outside),
        JobKind.STORY: story_handler(outside),
    }
