"""Extracts topics from the queue.

Claim job and run in one transaction; extract the windows that have changed, outside of any; then, in one transaction
and only if the topic is still what it was, make the cards what the windows say, finish the run and complete the job.
Whatever dies in between, a redelivery does again; what a model has answered meanwhile is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, Protocol
from uuid import UUID

from chalicelib.adapters.clock import Clock, Monotonic, NewId
from chalicelib.adapters.crashpoints import CrashPoints
from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.cards.extractors import RULES_PROVIDER, CardExtractor
from chalicelib.cards.models import SourceMessage, total
from chalicelib.cards.replacing import Plan, carry_out, plan
from chalicelib.cards.results import store as results
from chalicelib.cards.results.store import Dirty, Fresh
from chalicelib.cards.runs import explaining, source, store
from chalicelib.cards.runs.source import SourceChanged
from chalicelib.cards.runs.store import Made, TopicState
from chalicelib.cards.runs.work import Found, Work
from chalicelib.cards.stories.renewal import Renewal
from chalicelib.explaining.explainer import Explainer
from chalicelib.explaining.models import Watch
from chalicelib.jobs import store as jobs
from chalicelib.jobs.models import PRESSING, REEXTRACTION, Claim, JobKind, JobMessage, Outcome
from chalicelib.jobs.outbox import Outbox
from chalicelib.jobs.worker import Claims
from chalicelib.llm.failures import PASSING, FailureClass

log = logging.getLogger(__name__)
AGAIN = frozenset(PRESSING)  # causes that try the model again where the rules stood in


class Meter(Protocol):
    def count(self, name: str, value: float = 1) -> None:
        """Adds to a metric."""


class Batches(Protocol):
    """What waits for extractions: batches of them."""

    def on_extracted(
        self, tx: Transaction, user_id: UUID, topic_id: UUID, job_id: UUID, result: dict[str, Any]
    ) -> None:
        """The job, whose cause is a batch, is done, in the same transaction."""

    def on_dead(self, tx: Transaction, user_id: UUID, subject: UUID) -> None:
        """The extraction of a topic has been given up, in the same transaction."""


class SubjectHeld(Exception):
    """Another extraction of this topic is under way; when it ends it sends this one again."""


class LostRun(Exception):
    """Another worker has taken the run over: nothing may be written."""


class ExtractionHandler:
    """The handler of extraction jobs (`jobs.worker.Handler`)."""

    def __init__(
        self,
        db: Database,
        outbox: Outbox,
        claims: Claims,
        extractor: CardExtractor,
        renewal: Renewal,
        batches: Batches,
        explainer: Explainer,
        new_id: NewId,
        clock: Clock,
        monotonic: Monotonic,
        crash_points: CrashPoints,
        meter: Meter,
        *,
        lease: int,
        upgrade_delays: Sequence[int],
    ) -> None:
        self.lease = lease
        self._db = db
        self._outbox = outbox
        self._claims = claims
        self._extractor = extractor
        self._renewal = renewal
        self._batches = batches
        self._explainer = explainer
        self._new_id = new_id
        self._clock = clock
        self._monotonic = monotonic
        self._reach = crash_points
        self._meter = meter
        self._upgrade_delays = upgrade_delays

    def handle(self, message: JobMessage, token: UUID) -> Outcome:
        watch = Watch(self._clock, self._monotonic)
        try:
            with self._db.user(message.user_id) as tx:
                topic = self._hold_topic(tx, message)
                claim = self._claims.claim(tx, message, token, self.lease)
                if claim is None:
                    return Outcome.NOTHING_TO_DO
                work = self._begin(tx, claim, topic, watch)
        except SubjectHeld:
            return Outcome.NOTHING_TO_DO
        if work is None:
            return Outcome.DONE
        self._reach("after_claim")
        found = Found()
        try:
            self._work(claim, work, found)
        except LostRun:
            return Outcome.NOTHING_TO_DO
        except Exception:
            self._record_failure(claim, work, found)
            raise
        return Outcome.DONE

    def _hold_topic(self, tx: Transaction, message: JobMessage) -> TopicState | None:
        """Before the claim: whoever changes a topic holds it first and writes its job then, and so do we."""
        return store.lock_topic_of_job(tx, message.user_id, message.job_id)

    def _begin(self, tx: Transaction, claim: Claim, topic: TopicState | None, watch: Watch) -> Work | None:
        """Claims the run of the topic's present state; None if the job could be ended at once."""
        user_id, topic_id, identity = claim.user_id, claim.job.subject, self._extractor.identity
        if jobs.subject_is_held(tx, JobKind.EXTRACT, topic_id, claim.job.job_id):
            raise SubjectHeld
        now = source.present(tx, user_id, topic_id) if topic else None
        wanted = now.source(identity) if now else None
        if topic is None or now is None or wanted is None:
            self._complete(tx, claim, {"ok": True, "reason": "no_messages"})
            return None
        dirty = source.dirty(tx, user_id, topic_id, now, identity, claim.job.cause in AGAIN)
        cached = source.cached(tx, user_id, identity, dirty)
        run = store.claim(
            tx, user_id, topic_id, topic, wanted, identity, run_id=self._new_id(), trace_run_id=self._new_id(),
            token=claim.token, job_id=claim.job.job_id, request_id=claim.job.request_id, cause=claim.job.cause,
            redo=len(cached) < len(dirty),
        )  # fmt: skip
        if run is not None:
            return Work(run, topic, wanted, now.tail, dirty, cached, watch, watch.now())
        shown = store.finished(tx, user_id, topic_id, wanted.hash)
        self._show_again(tx, claim, Work(shown, topic, wanted, now.tail, dirty, cached, watch, watch.now()))
        return None

    def _show_again(self, tx: Transaction, claim: Claim, work: Work) -> None:
        """The topic has come back to a state that was extracted before: nothing is called, its cards are shown."""
        result = {"ok": True, "reason": "unchanged", "run_id": str(work.run.run_id)}
        planned: Plan | None = None
        if work.topic.cards_run_id != work.run.run_id or work.dirty:
            planned = self._replace(tx, claim, work, Found())
            result |= {"reason": "restored", "cards_changed": _visible(planned)}
        self._renew_story(tx, claim, planned)
        self._complete(tx, claim, result)

    def _work(self, claim: Claim, work: Work, found: Found) -> None:
        started = self._monotonic()
        try:
            self._extract(claim, work, found)
            found.latency_ms = round((self._monotonic() - started) * 1000)
            with self._db.user(claim.user_id) as tx:
                self._apply(tx, claim, work, found)
                self._reach("mid_transaction")
            self._meter.count("Extracted")
            if any(result.failure_class for result in found.results):
                self._meter.count("Fallback")
        except SourceChanged:
            with self._db.user(claim.user_id) as tx:
                self._supersede(tx, claim, work, found)
            self._meter.count("Superseded")

    def _extract(self, claim: Claim, work: Work, found: Found) -> None:
        """Extracts the windows that no result is kept of."""
        wanted = [window for window in work.dirty if window.hash not in work.cached]
        renewed_at = self._monotonic()
        for result in self._extractor.extract(self._read(claim, wanted, found)):
            found.results.append(result)
            if result.extractor.provider != RULES_PROVIDER:
                self._keep(claim, work, found)
            elif self._monotonic() - renewed_at > self.lease / 8:  # a window may take a model several tries
                with self._db.user(claim.user_id) as tx:
                    jobs.renew(tx, claim.job.job_id, claim.token, self.lease)
                renewed_at = self._monotonic()

    def _read(self, claim: Claim, wanted: Sequence[Dirty], found: Found) -> Iterator[Sequence[SourceMessage]]:
        for window, messages in source.read(self._db, claim.user_id, claim.job.subject, wanted):
            found.windows.append(window)
            found.messages.append([message.message_id for message in messages])
            yield messages

    def _keep(self, claim: Claim, work: Work, found: Found) -> None:
        """Keeps what the model has just answered, so that it is not asked again if this worker dies."""
        with self._db.user(claim.user_id) as tx:
            self._check_unchanged(store.lock_topic(tx, claim.user_id, claim.job.subject), work)
            jobs.renew(tx, claim.job.job_id, claim.token, self.lease)
            results.insert_results(
                tx, claim.user_id, [(found.windows[-1], found.messages[-1], found.results[-1])]
            )  # fmt: skip

    def _check_unchanged(self, topic: TopicState | None, work: Work) -> None:
        """
        Raises:
            LostRun, SourceChanged
        """
        if topic is None:
            raise LostRun
        is_older = topic.cards_revision == work.topic.revision and (topic.cards_end_id or 0) > work.source.end_id
        if topic.revision != work.topic.revision or is_older:
            raise SourceChanged

    def _apply(self, tx: Transaction, claim: Claim, work: Work, found: Found) -> None:
        """Shows the run's cards.

        Raises:
            LostRun, SourceChanged
        """
        user_id, topic_id, since = claim.user_id, claim.job.subject, work.watch.now()
        self._check_unchanged(store.lock_topic(tx, user_id, topic_id), work)
        results.insert_results(tx, user_id, list(zip(found.windows, found.messages, found.results, strict=True)))
        planned = self._replace(tx, claim, work, found)
        failures, tokens = results.shown_state(tx, user_id, topic_id)
        count = store.finish(tx, work.run.run_id, claim.token, self._made(found, failures), tokens)
        if count is None:
            raise LostRun
        result = {
            "ok": True,
            "cards": count,
            "cards_changed": _visible(planned),
            "windows_extracted": len(found.results),
            "tokens": sum(one.tokens for one in found.tries),
        }
        self._renew_story(tx, claim, planned)
        self._finish_attempt(tx, claim, work, found, result)
        self._try_later(tx, claim, work, failures)
        identity = self._extractor.identity
        told = explaining.finished(work, found, claim.job, identity, planned, count, since=since)
        self._explainer.explain(tx, user_id, told)

    def _replace(self, tx: Transaction, claim: Claim, work: Work, found: Found) -> Plan:
        user_id, topic_id = claim.user_id, claim.job.subject
        fresh = self._fresh(tx, claim, work, found)
        planned = plan(tx, user_id, topic_id, work.run.run_id, fresh, work.tail)
        carry_out(tx, user_id, work.topic.conversation_id, topic_id, planned)
        store.show(tx, user_id, topic_id, work.run.run_id, work.source.end_id)
        return planned

    def _renew_story(self, tx: Transaction, claim: Claim, planned: Plan | None) -> None:
        """Where the cards look different now, or messages that left have taken the story with them."""
        renew = self._renewal.after_change if planned and _visible(planned) else self._renewal.if_due
        renew(tx, claim.user_id, claim.job.subject, cause="cards", request_id=claim.job.request_id)

    def _fresh(self, tx: Transaction, claim: Claim, work: Work, found: Found) -> list[Fresh]:
        """The windows to be shown, with their results: those found now, and those kept from before."""
        user_id, intended = claim.user_id, self._extractor.identity.name
        kept = results.drafts(tx, user_id, [row.result_id for row in work.cached.values()])
        fresh = [
            Fresh(
                window.start_id, window.hash, row.message_ids, row.result_id, kept[row.result_id], intended, None,
                False, row.tokens,
            )
            for window in work.dirty
            if (row := work.cached.get(window.hash))
        ] + [
            Fresh(
                window.start_id, window.hash, messages, results.result_id(user_id, window.hash, result.extractor),
                result.drafts, intended, result.failure_class, False,
                (result.input_tokens or 0) + (result.output_tokens or 0),
            )
            for window, messages, result in zip(found.windows, found.messages, found.results, strict=True)
        ]  # fmt: skip
        return sorted(fresh, key=lambda window: window.start_id)

    def _made(self, found: Found, failures: Sequence[str]) -> Made:
        made, asked = found.results, self._extractor.identity
        by = next((result.extractor for result in made if not result.failure_class), None)
        by = by or (made[0].extractor if made else asked)
        agreements = [result.agreement for result in made if result.agreement is not None]
        own = next((result.failure_class for result in made if result.failure_class), None)
        return Made(
            by.provider, by.model, bool(failures), own or next(iter(failures), None),
            sum(result.dropped for result in made), len(made), found.latency_ms,
            total(result.input_tokens for result in made), total(result.output_tokens for result in made),
            sum(agreements) / len(agreements) if agreements else None,
        )  # fmt: skip

    def _try_later(self, tx: Transaction, claim: Claim, work: Work, failures: Sequence[str]) -> None:
        """Where the rules stand in for a failure that passes, the model is tried again later, a few times."""
        if work.run.upgrades < len(self._upgrade_delays) and PASSING.intersection(failures):
            self._outbox.add(
                tx, claim.user_id, JobKind.EXTRACT, claim.job.subject, cause="upgrade",
                request_id=claim.job.request_id, delay=self._upgrade_delays[work.run.upgrades],
            )  # fmt: skip

    def _supersede(self, tx: Transaction, claim: Claim, work: Work, found: Found) -> None:
        """The topic has moved on: the run is of no use, and a newer revision gets its own job; a batch always does."""
        topic, cause = store.lock_topic(tx, claim.user_id, claim.job.subject), claim.job.cause
        is_ours = store.supersede(tx, work.run.run_id, claim.token)
        self._finish_attempt(tx, claim, work, found, {"ok": True, "reason": "superseded"})
        if topic and (topic.revision != work.topic.revision or cause == REEXTRACTION):
            self._outbox.add(
                tx, claim.user_id, JobKind.EXTRACT, claim.job.subject,
                cause=cause if cause == REEXTRACTION else "superseded", request_id=claim.job.request_id,
            )  # fmt: skip
        if is_ours:
            told = explaining.superseded(work, found, claim.job, self._extractor.identity)
            self._explainer.explain(tx, claim.user_id, told)

    def _finish_attempt(self, tx: Transaction, claim: Claim, work: Work, found: Found, result: dict[str, Any]) -> None:
        store.insert_attempts(tx, claim.user_id, work.run.run_id, work.run.attempt, found.tries)
        self._complete(tx, claim, {**result, "run_id": str(work.run.run_id)})

    def _complete(self, tx: Transaction, claim: Claim, result: dict[str, Any]) -> None:
        """Ends the job, and sends the extraction of this topic that waited for it, if any."""
        if not jobs.complete(tx, claim.job.job_id, claim.token, result):
            raise LostRun
        if claim.job.cause == REEXTRACTION and result.get("reason") != "superseded":
            self._batches.on_extracted(tx, claim.user_id, claim.job.subject, claim.job.job_id, result)
        self._outbox.send_waiting(tx, claim.user_id, JobKind.EXTRACT, claim.job.subject, but=claim.job.job_id)

    def _record_failure(self, claim: Claim, work: Work, found: Found) -> None:
        self._meter.count("Failed")
        try:
            with self._db.user(claim.user_id) as tx:
                if store.fail(tx, work.run.run_id, claim.token, FailureClass.SERVER):
                    told = explaining.failed(work, found, claim.job, self._extractor.identity, FailureClass.SERVER)
                    self._explainer.explain(tx, claim.user_id, told)
        except Exception as error:  # noqa: BLE001 - the failure being recorded is the one to report
            log.warning(
                "run not marked as failed", extra={"run_id": str(work.run.run_id), "error": type(error).__name__}
            )

    def on_dead(self, tx: Transaction, user_id: UUID, subject: UUID, request_id: str) -> None:
        ended = store.fail_of_topic(tx, user_id, subject)
        self._batches.on_dead(tx, user_id, subject)
        for told in map(explaining.abandoned, ended):
            if told:
                self._explainer.explain(tx, user_id, told)


def _visible(planned: Plan) -> int:
    """How many cards look different now."""
    return sum(bool(change.action) for change in planned.changes)
