"""Extracts topics from the queue.

Claim job and run in one transaction; extract outside of any; then, in one transaction and only if the topic is still
what it was, replace the cards, finish the run and complete the job. Whatever dies in between, a redelivery does again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from chalicelib.adapters.clock import Monotonic, NewId
from chalicelib.adapters.crashpoints import CrashPoints
from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.cards import store as cards
from chalicelib.cards.extractors import CardExtractor
from chalicelib.cards.identity import card_ids
from chalicelib.cards.models import DraftCard, Extraction, SourceMessage
from chalicelib.cards.runs import store
from chalicelib.cards.runs.store import TopicState
from chalicelib.cards.windows import SIZE, Window, cut, source_hash
from chalicelib.jobs import store as jobs
from chalicelib.jobs.models import Claim, JobKind, JobMessage, Outcome
from chalicelib.jobs.outbox import Outbox
from chalicelib.jobs.worker import Claims

log = logging.getLogger(__name__)
PAGE = 8 * SIZE  # messages read at a time, so that a long topic is never in memory whole
NO_END = 2**62


class Meter(Protocol):
    def count(self, name: str, value: float = 1) -> None:
        """Adds to a metric."""


class SubjectHeld(Exception):
    """Another extraction of this topic is under way; when it ends it sends this one again."""


class LostRun(Exception):
    """Another worker has taken the run over: nothing may be written."""


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed run: what to extract, and what must still be so when it is applied."""

    run_id: UUID
    attempt: int
    topic: TopicState
    end_id: int


class ExtractionHandler:
    """The handler of extraction jobs (`jobs.worker.Handler`)."""

    def __init__(
        self,
        db: Database,
        outbox: Outbox,
        claims: Claims,
        extractor: CardExtractor,
        new_id: NewId,
        monotonic: Monotonic,
        crash_points: CrashPoints,
        meter: Meter,
        *,
        lease: int,
    ) -> None:
        self.lease = lease
        self._db = db
        self._outbox = outbox
        self._claims = claims
        self._extractor = extractor
        self._new_id = new_id
        self._monotonic = monotonic
        self._reach = crash_points
        self._meter = meter

    def handle(self, message: JobMessage, token: UUID) -> Outcome:
        try:
            with self._db.user(message.user_id) as tx:
                claim = self._claims.claim(tx, message, token, self.lease)
                if claim is None:
                    return Outcome.NOTHING_TO_DO
                work = self._begin(tx, claim)
        except SubjectHeld:
            return Outcome.NOTHING_TO_DO
        if work is None:
            return Outcome.DONE
        self._reach("after_claim")
        try:
            self._extract(claim, work)
        except LostRun:
            return Outcome.NOTHING_TO_DO
        except Exception:
            self._record_failure(claim, work)
            raise
        return Outcome.DONE

    def _begin(self, tx: Transaction, claim: Claim) -> Work | None:
        """Claims the run of the topic's present state; None if the job could be ended at once."""
        user_id, topic_id = claim.user_id, claim.job.subject
        topic = store.lock_topic(tx, user_id, topic_id)
        if jobs.subject_is_held(tx, topic_id, claim.job.job_id):
            raise SubjectHeld
        found = self._windows(tx, user_id, topic_id) if topic else []
        if topic is None or not found:
            self._complete(tx, claim, {"ok": True, "reason": "no_messages"})
            return None
        digest = source_hash(found, self._extractor.identity)
        row = store.claim(
            tx, user_id, topic_id, topic, digest, self._extractor.identity, found,
            run_id=self._new_id(), token=claim.token, job_id=claim.job.job_id,
            request_id=claim.job.request_id, cause=claim.job.cause,
        )  # fmt: skip
        if row is not None:
            return Work(row.run_id, row.attempt, topic, found[-1].end_id)
        self._show_again(tx, claim, topic, store.finished(tx, user_id, topic_id, digest))
        return None

    def _windows(self, tx: Transaction, user_id: UUID, topic_id: UUID) -> list[Window]:
        """The topic's windows; those that have become full are kept, so that they are hashed once."""
        kept = store.windows(tx, user_id, topic_id)
        known = len(kept)
        after = kept[-1].end_id if kept else 0
        while page := store.messages(tx, user_id, topic_id, after, NO_END, PAGE):
            kept += cut(page, len(kept))
            after = page[-1].message_id
        if new := [window for window in kept[known:] if window.is_full]:
            store.insert_windows(tx, user_id, topic_id, new)
        return kept

    def _show_again(self, tx: Transaction, claim: Claim, topic: TopicState, run: Any) -> None:
        """The topic has come back to a state that was extracted before: nothing is called, its cards are shown."""
        if topic.cards_run_id == run.run_id:
            self._complete(tx, claim, {"ok": True, "reason": "unchanged", "run_id": str(run.run_id)})
            return
        drafts = store.drafts_of(run.card_set)
        self._replace(tx, claim, topic, run.run_id, run.messages_range_end_id, drafts)
        result = {"ok": True, "reason": "restored", "run_id": str(run.run_id), "cards": len(drafts)}
        self._complete(tx, claim, result)

    def _extract(self, claim: Claim, work: Work) -> None:
        started = self._monotonic()
        extraction = self._extractor.extract(lambda: self._read(claim, work))
        latency_ms = round((self._monotonic() - started) * 1000)
        with self._db.user(claim.user_id) as tx:
            applied = self._apply(tx, claim, work, extraction, latency_ms)
            self._reach("mid_transaction")
        self._meter.count("Extracted" if applied else "Superseded")
        if extraction.fallback_used:
            self._meter.count("Fallback")

    def _read(self, claim: Claim, work: Work) -> Iterator[Sequence[SourceMessage]]:
        """The topic's messages, window by window, up to the one the run ends with."""
        after, renewed_at = 0, self._monotonic()
        while True:
            with self._db.user(claim.user_id) as tx:
                page = store.messages(tx, claim.user_id, claim.job.subject, after, work.end_id, PAGE)
            for position in range(0, len(page), SIZE):
                if self._monotonic() - renewed_at > self.lease / 8:  # a window may take a model several tries
                    with self._db.user(claim.user_id) as tx:
                        jobs.renew(tx, claim.job.job_id, claim.token, self.lease)
                    renewed_at = self._monotonic()
                yield page[position : position + SIZE]
            if len(page) < PAGE:
                return
            after = page[-1].message_id

    def _apply(self, tx: Transaction, claim: Claim, work: Work, extraction: Extraction, latency_ms: int) -> bool:
        """Shows the run's cards, or marks it superseded if the topic has moved on. Returns whether they are shown."""
        user_id, topic_id = claim.user_id, claim.job.subject
        topic = store.lock_topic(tx, user_id, topic_id)
        if topic is None:
            raise LostRun
        is_changed = topic.revision != work.topic.revision
        if is_changed or _is_older(work, topic):
            store.supersede(tx, work.run_id, claim.token)
            self._finish_attempt(tx, claim, work, extraction, {"ok": True, "reason": "superseded"})
            if is_changed:
                self._outbox.add(
                    tx, user_id, JobKind.EXTRACT, topic_id, cause="superseded", request_id=claim.job.request_id
                )
            return False
        if not store.finish(tx, work.run_id, claim.token, extraction, latency_ms):
            raise LostRun
        self._replace(tx, claim, topic, work.run_id, work.end_id, extraction.drafts)
        self._finish_attempt(tx, claim, work, extraction, {"ok": True, "cards": len(extraction.drafts)})
        return True

    def _replace(
        self, tx: Transaction, claim: Claim, topic: TopicState, run_id: UUID, end_id: int, drafts: Sequence[DraftCard]
    ) -> None:
        user_id, topic_id = claim.user_id, claim.job.subject
        ids = card_ids(topic_id, drafts)
        cards.replace_for_topic(tx, user_id, topic.conversation_id, topic_id, run_id, ids, drafts)
        store.show(tx, user_id, topic_id, run_id, end_id)

    def _finish_attempt(
        self, tx: Transaction, claim: Claim, work: Work, extraction: Extraction, result: dict[str, Any]
    ) -> None:
        store.insert_attempts(tx, claim.user_id, work.run_id, work.attempt, extraction.tries)
        self._complete(tx, claim, {**result, "run_id": str(work.run_id)})

    def _complete(self, tx: Transaction, claim: Claim, result: dict[str, Any]) -> None:
        """Ends the job, and sends the extraction of this topic that waited for it, if any."""
        if not jobs.complete(tx, claim.job.job_id, claim.token, result):
            raise LostRun
        self._outbox.send_waiting(tx, claim.user_id, claim.job.subject, but=claim.job.job_id)

    def _record_failure(self, claim: Claim, work: Work) -> None:
        self._meter.count("Failed")
        try:
            with self._db.user(claim.user_id) as tx:
                store.fail(tx, work.run_id, claim.token, "server")
        except Exception as error:  # noqa: BLE001 - the failure being recorded is the one to report
            log.warning("run not marked as failed", extra={"run_id": str(work.run_id), "error": type(error).__name__})

    def on_dead(self, tx: Transaction, user_id: UUID, subject: UUID, request_id: str) -> None:
        store.fail_of_topic(tx, user_id, subject)


def _is_older(work: Work, topic: TopicState) -> bool:
    """A run on later messages of the same revision has been applied since."""
    return topic.cards_revision == work.topic.revision and (topic.cards_end_id or 0) > work.end_id
