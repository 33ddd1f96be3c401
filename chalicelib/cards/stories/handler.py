"""Tells stories from the queue.

Claim the job and read the topic's cards in one transaction; tell of them outside of any; then, in one transaction and
only if the cards are still what was read, write the version and complete the job. Whatever dies in between, a
redelivery does again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from chalicelib.adapters.clock import Clock, Monotonic, NewId
from chalicelib.adapters.crashpoints import CrashPoints
from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.cards.runs.store import TopicState, lock_topic, lock_topic_of_job
from chalicelib.cards.stories import store
from chalicelib.cards.stories.explaining import explained
from chalicelib.cards.stories.models import Narration, Source
from chalicelib.cards.stories.narrator import StoryNarrator
from chalicelib.cards.stories.renewal import Renewal
from chalicelib.explaining.explainer import Explainer
from chalicelib.explaining.models import Watch
from chalicelib.jobs import store as jobs
from chalicelib.jobs.models import Claim, JobKind, JobMessage, Outcome
from chalicelib.jobs.outbox import Outbox
from chalicelib.jobs.worker import Claims


class Meter(Protocol):
    def count(self, name: str, value: float = 1) -> None:
        """Adds to a metric."""


class TopicHeld(Exception):
    """Another story of this topic is being told; when that ends it sends this job again."""


class LostJob(Exception):
    """Another worker has taken the job over: nothing may be written."""


@dataclass(frozen=True, slots=True)
class Work:
    """What to tell of, and what must still be so when it is written: messages that were shown may go without any card
    changing, and a worker whose lease has run out may find it told. `version` is that of the story before."""

    topic: TopicState
    source: Source
    version: int
    watch: Watch
    read_at: datetime


class StoryHandler:
    """The handler of story jobs (`jobs.worker.Handler`)."""

    def __init__(
        self,
        db: Database,
        outbox: Outbox,
        claims: Claims,
        narrator: StoryNarrator,
        renewal: Renewal,
        explainer: Explainer,
        new_id: NewId,
        clock: Clock,
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
        self._narrator = narrator
        self._renewal = renewal
        self._explainer = explainer
        self._new_id = new_id
        self._clock = clock
        self._monotonic = monotonic
        self._reach = crash_points
        self._meter = meter

    def handle(self, message: JobMessage, token: UUID) -> Outcome:
        watch = Watch(self._clock, self._monotonic)
        try:
            with self._db.user(message.user_id) as tx:
                topic = lock_topic_of_job(tx, message.user_id, message.job_id)  # whoever changes cards holds it, too
                claim = self._claims.claim(tx, message, token, self.lease)
                if claim is None or topic is None:
                    return Outcome.NOTHING_TO_DO
                work = self._begin(tx, claim, topic, watch)
            if work is not None:
                self._reach("after_claim")
                self._work(claim, work)
        except (TopicHeld, LostJob):
            return Outcome.NOTHING_TO_DO
        return Outcome.DONE

    def _begin(self, tx: Transaction, claim: Claim, topic: TopicState, watch: Watch) -> Work | None:
        """Reads what there is to tell of; None if the job could be ended at once."""
        user_id, job = claim.user_id, claim.job
        if jobs.subject_is_held(tx, JobKind.STORY, job.subject, job.job_id):
            raise TopicHeld
        hashes = store.hashes(tx, user_id, job.subject)
        if hashes.present is None:
            store.tell_nothing(tx, user_id, job.subject)
            self._complete(tx, claim, {"reason": "no_cards"})
        elif self._is_told(tx, claim, hashes):
            store.settle(tx, user_id, job.subject)
            self._complete(tx, claim, {"reason": "unchanged"})
        elif version := store.insert_again(tx, user_id, job, self._narrator.identity, hashes.present):
            self._complete(tx, claim, {"reason": "restored", "version": version})
        else:
            source = store.source(tx, user_id, job.subject, hashes.present, self._narrator.context_messages)
            return Work(topic, source, hashes.version, watch, watch.now())
        return None

    def _is_told(self, tx: Transaction, claim: Claim, hashes: store.Hashes) -> bool:
        """Whether the newest story will do. By hand, another narrator is given a try, and so is one that failed."""
        if hashes.present != hashes.told:
            return False
        return claim.job.cause != "manual" or store.is_by(
            tx, claim.user_id, claim.job.subject, self._narrator.identity
        )  # fmt: skip

    def _work(self, claim: Claim, work: Work) -> None:
        told = self._narrator.narrate(work.source)
        with self._db.user(claim.user_id) as tx:
            is_true = self._write(tx, claim, work, told)
            self._reach("mid_transaction")
        self._meter.count("Told" if is_true else "Superseded")
        if told.failure_class:
            self._meter.count("Fallback")

    def _write(self, tx: Transaction, claim: Claim, work: Work, told: Narration) -> bool:
        """Returns whether the story is still true; else the newer cards get a job of their own.

        Raises:
            LostJob
        """
        user_id, job = claim.user_id, claim.job
        topic = lock_topic(tx, user_id, job.subject)
        if topic is None:
            raise LostJob
        run_id = self._new_id()
        told_of = {"input_tokens": told.input_tokens, "output_tokens": told.output_tokens, "trace_run_id": str(run_id)}
        now = store.hashes(tx, user_id, job.subject)
        if topic.revision != work.topic.revision or now.present != work.source.hash:
            self._complete(tx, claim, {"reason": "superseded", **told_of})
            if now.present != now.told:
                self._renewal.after_change(tx, user_id, job.subject, cause="superseded", request_id=job.request_id)
            self._explain(tx, claim, work, told, run_id, "superseded")
            return False
        if now.told == now.present and now.version != work.version:  # by whoever was faster
            self._complete(tx, claim, {"reason": "unchanged", **told_of})
            self._explain(tx, claim, work, told, run_id, "unchanged")
            return True
        version = store.insert(tx, user_id, job, self._narrator.identity, work.source, told, run_id)
        self._complete(tx, claim, {"version": version, **told_of})
        self._explain(tx, claim, work, told, run_id, "told", version)
        return True

    def _explain(
        self, tx: Transaction, claim: Claim, work: Work, told: Narration, run_id: UUID, outcome: str,
        version: int | None = None,
    ) -> None:  # fmt: skip
        explanation = explained(
            run_id, claim.job, self._narrator.identity, work.source, told, work.watch, work.read_at, outcome=outcome,
            version=version,
        )  # fmt: skip
        self._explainer.explain(tx, claim.user_id, explanation)

    def _complete(self, tx: Transaction, claim: Claim, result: dict[str, Any]) -> None:
        """Ends the job, and sends the story of this topic that waited for it, if any."""
        if not jobs.complete(tx, claim.job.job_id, claim.token, {"ok": True, **result}):
            raise LostJob
        self._outbox.send_waiting(tx, claim.user_id, JobKind.STORY, claim.job.subject, but=claim.job.job_id)

    def on_dead(self, tx: Transaction, user_id: UUID, subject: UUID, request_id: str) -> None:
        """The story before stays; the next change, or a request by hand, makes another job."""
