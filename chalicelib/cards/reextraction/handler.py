"""Previews topics from the queue, and applies what was previewed.

A preview extracts every window of which the extractor has no kept result, keeps what it finds, and then, in one
transaction, notes what the cards would become; no card is written. Applying calls nothing: it shows the kept results.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from chalicelib.adapters.clock import Clock, Monotonic, NewId
from chalicelib.adapters.crashpoints import CrashPoints
from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.cards.extractors import RULES_PROVIDER, CardExtractor
from chalicelib.cards.models import SourceMessage, WindowResult
from chalicelib.cards.reextraction import store
from chalicelib.cards.reextraction.choosing import Choosing
from chalicelib.cards.reextraction.explaining import explained
from chalicelib.cards.reextraction.models import BatchStatus, Choice, ItemStatus
from chalicelib.cards.reextraction.progress import Progress
from chalicelib.cards.reextraction.proposing import MAX_DIFF, Proposal, diff_of, propose
from chalicelib.cards.replacing import carry_out
from chalicelib.cards.results import store as results
from chalicelib.cards.results.store import Dirty
from chalicelib.cards.runs import explaining, source
from chalicelib.cards.runs import store as runs
from chalicelib.cards.runs.explaining import Extracted
from chalicelib.cards.runs.source import SourceChanged
from chalicelib.cards.runs.store import Made, TopicState
from chalicelib.cards.stories.renewal import Renewal
from chalicelib.errors import GliaError
from chalicelib.explaining.explainer import Explainer
from chalicelib.explaining.models import Watch
from chalicelib.jobs import store as jobs
from chalicelib.jobs.models import Claim, JobMessage, Outcome
from chalicelib.jobs.worker import Claims
from chalicelib.llm.failures import PASSING

ROUNDS = 5  # how often a topic may change under a preview before that is put off
OUTDATED = "outdated"  # the failure of an item of which nothing is left to apply


class ExtractorFailed(GliaError):
    """The extractor that a preview is about could not extract a window."""

    def __init__(self, failure_class: str) -> None:
        super().__init__()
        self.failure_class = failure_class


class TopicIsBusy(GliaError):
    """The topic changes faster than it can be previewed."""


class LostHold(Exception):
    """Another worker has taken the job over: nothing may be written."""


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed item, and who extracts for it."""

    claim: Claim
    task: store.Task
    extractor: CardExtractor
    is_chosen: bool
    watch: Watch

    @property
    def user_id(self) -> UUID:
        return self.claim.user_id

    @property
    def topic_id(self) -> UUID:
        return self.task.topic_id


@dataclass(slots=True)
class Found:
    """What is extracted and not kept yet: (window, ids of its messages, result). `extracted` is all there was."""

    windows: list[Dirty] = field(default_factory=list)
    messages: list[list[int]] = field(default_factory=list)
    made: list[tuple[Dirty, Sequence[int], WindowResult]] = field(default_factory=list)
    tokens: int = 0
    extracted: list[Extracted] = field(default_factory=list)


class ReextractionHandler:
    """The handler of re-extraction jobs (`jobs.worker.Handler`)."""

    def __init__(
        self,
        db: Database,
        claims: Claims,
        progress: Progress,
        choosing: Choosing,
        renewal: Renewal,
        explainer: Explainer,
        new_id: NewId,
        clock: Clock,
        monotonic: Monotonic,
        crash_points: CrashPoints,
        *,
        lease: int,
    ) -> None:
        self.lease = lease
        self._db = db
        self._claims = claims
        self._progress = progress
        self._choosing = choosing
        self._renewal = renewal
        self._explainer = explainer
        self._new_id = new_id
        self._clock = clock
        self._monotonic = monotonic
        self._reach = crash_points

    def handle(self, message: JobMessage, token: UUID) -> Outcome:
        watch, found = Watch(self._clock, self._monotonic), Found()
        with self._db.user(message.user_id) as tx:
            topic = self._hold_topic(tx, message)
            claim = self._claims.claim(tx, message, token, self.lease)
            if claim is None:
                return Outcome.NOTHING_TO_DO
            work = self._work(tx, claim, watch)
            if topic is None or not self._is_to_preview(tx, work, topic):
                return Outcome.DONE
        self._reach("after_claim")
        try:
            self._preview(work, found)
        except LostHold:
            return Outcome.NOTHING_TO_DO
        except ExtractorFailed as error:
            if error.failure_class in PASSING:
                raise
            with self._db.user(message.user_id) as tx:
                self._end_preview(tx, work, found, ItemStatus.FAILED, failure_class=error.failure_class)
        return Outcome.DONE

    def _hold_topic(self, tx: Transaction, message: JobMessage) -> TopicState | None:
        """Before the claim, as everybody does who changes a topic."""
        topic_id = store.topic_of_job(tx, message.user_id, message.job_id)
        return runs.lock_topic(tx, message.user_id, topic_id) if topic_id else None

    def _work(self, tx: Transaction, claim: Claim, watch: Watch) -> Work:
        task = store.task(tx, claim.user_id, claim.job.subject)
        extractor = self._choosing.extractor(Choice.model_validate(task.choice) if task.choice else None)
        is_chosen = extractor.identity.name != self._choosing.in_use.identity.name
        return Work(claim, task, extractor, is_chosen, watch)

    def _is_to_preview(self, tx: Transaction, work: Work, topic: TopicState) -> bool:
        """Ends the job here if it is not a preview's."""
        if work.task.batch_status is BatchStatus.RUNNING:
            return True
        if work.task.batch_status is BatchStatus.APPLYING:
            self._apply(tx, work, topic)
            self._reach("mid_transaction")
        else:
            self._end(tx, work, ItemStatus.CANCELLED)
        return False

    def _preview(self, work: Work, found: Found) -> None:
        """
        Raises:
            LostHold, ExtractorFailed, TopicIsBusy
        """
        for _ in range(ROUNDS):
            with self._db.user(work.user_id) as tx:
                topic = runs.lock_topic(tx, work.user_id, work.topic_id)
                if topic is None or not jobs.renew(tx, work.claim.job.job_id, work.claim.token, self.lease):
                    raise LostHold
                proposal = self._propose(tx, work)
                if not proposal.missing:
                    self._note(tx, work, proposal, found)
                    self._reach("mid_transaction")
                    return
            try:
                self._extract(work, proposal.missing, topic.revision, found)
            except SourceChanged:
                found.made.clear()
        raise TopicIsBusy

    def _propose(self, tx: Transaction, work: Work) -> Proposal:
        return propose(tx, work.user_id, work.topic_id, work.extractor.identity, is_chosen=work.is_chosen)

    def _extract(self, work: Work, missing: Sequence[Dirty], revision: int, found: Found) -> None:
        for result in work.extractor.extract(self._read(work, missing, found)):
            found.tokens += (result.input_tokens or 0) + (result.output_tokens or 0)
            found.extracted.append((found.windows[-1], result))
            if result.failure_class:
                self._keep(work, revision, found)
                raise ExtractorFailed(result.failure_class)
            found.made.append((found.windows[-1], found.messages[-1], result))
            if result.extractor.provider != RULES_PROVIDER:  # so that it is not asked again if this worker dies
                self._keep(work, revision, found)
        self._keep(work, revision, found)

    def _read(self, work: Work, missing: Sequence[Dirty], found: Found) -> Iterator[Sequence[SourceMessage]]:
        for window, messages in source.read(self._db, work.user_id, work.topic_id, missing):
            found.windows.append(window)
            found.messages.append([message.message_id for message in messages])
            yield messages

    def _keep(self, work: Work, revision: int, found: Found) -> None:
        """Nothing of a message that has been deleted meanwhile is kept."""
        if not found.made:
            return
        with self._db.user(work.user_id) as tx:
            topic = runs.lock_topic(tx, work.user_id, work.topic_id)
            if not jobs.renew(tx, work.claim.job.job_id, work.claim.token, self.lease):
                raise LostHold
            if topic is None or topic.revision != revision:
                raise SourceChanged
            results.insert_results(tx, work.user_id, found.made)
        found.made.clear()

    def _note(self, tx: Transaction, work: Work, proposal: Proposal, found: Found) -> None:
        """Notes what the topic's cards would become."""
        if store.task(tx, work.user_id, work.claim.job.subject).batch_status is not BatchStatus.RUNNING:
            self._end_preview(tx, work, found, ItemStatus.CANCELLED, tokens=found.tokens)
            return
        diff = diff_of(proposal.plan(tx, work.user_id, work.topic_id, self._new_id())) if proposal.source else []
        self._end_preview(
            tx, work, found, ItemStatus.DONE, cards_changed=len(diff), tokens=found.tokens, diff=diff[:MAX_DIFF],
            message_ids=proposal.message_ids,
        )  # fmt: skip

    def _end_preview(self, tx: Transaction, work: Work, found: Found, status: ItemStatus, **told: Any) -> None:
        run_id = self._new_id()
        self._end(tx, work, status, run_id, **told)
        explanation = explained(
            run_id, work.claim.job, work.topic_id, work.task.batch_id, work.extractor.identity, found.extracted,
            work.watch, status=status, changed=told.get("cards_changed"), failure_class=told.get("failure_class"),
        )  # fmt: skip
        self._explainer.explain(tx, work.user_id, explanation)

    def _apply(self, tx: Transaction, work: Work, topic: TopicState) -> None:
        """Shows what is kept of the windows that are as they were; the others stay for ordinary extraction."""
        proposal = self._propose(tx, work)
        if proposal.source and proposal.fresh:
            self._replace(tx, work, topic, proposal, proposal.source)
        elif proposal.missing and not proposal.message_ids:
            self._end(tx, work, ItemStatus.FAILED, failure_class=OUTDATED)
        else:
            self._end(tx, work, ItemStatus.APPLIED, cards_changed=0)

    def _replace(self, tx: Transaction, work: Work, topic: TopicState, proposal: Proposal, wanted: runs.Source) -> None:
        user_id, topic_id, job, identity = work.user_id, work.topic_id, work.claim.job, work.extractor.identity
        run = runs.claim(
            tx, user_id, topic_id, topic, wanted, identity, run_id=self._new_id(), trace_run_id=self._new_id(),
            token=work.claim.token, job_id=job.job_id, request_id=job.request_id, cause="applied", redo=True,
        )  # fmt: skip
        assert run is not None  # no other run of this source is this job's
        planned = proposal.plan(tx, user_id, topic_id, run.run_id)
        carry_out(tx, user_id, topic.conversation_id, topic_id, planned)
        runs.raise_revision(tx, user_id, topic_id)  # an extraction under way began before this
        if not proposal.missing:
            runs.show(tx, user_id, topic_id, run.run_id, wanted.end_id)
        failures, tokens = results.shown_state(tx, user_id, topic_id)
        made = Made(
            identity.provider, identity.model, bool(failures), next(iter(failures), None), 0, 0, 0, None, None, None
        )
        count = runs.finish(tx, run.run_id, work.claim.token, made, tokens) or 0
        changed = sum(bool(change.action) for change in planned.changes)
        if changed:
            self._renewal.after_change(tx, user_id, topic_id, cause="cards", request_id=job.request_id)
        self._end(tx, work, ItemStatus.APPLIED, run_id=run.run_id, cards_changed=changed)
        told = explaining.applied(run, wanted, job, topic_id, identity, planned, count, work.watch)
        self._explainer.explain(tx, user_id, told)

    def _end(
        self, tx: Transaction, work: Work, status: ItemStatus, trace_run_id: UUID | None = None, **told: Any
    ) -> None:
        """Ends item and job, and lets the batch go on.

        Raises:
            LostHold
        """
        store.finish(tx, work.claim.job.subject, status, **told)
        is_ok = status is not ItemStatus.FAILED
        result = {"ok": is_ok, "reason": str(status), "batch_id": str(work.task.batch_id)}
        result |= {"trace_run_id": str(trace_run_id)} if trace_run_id else {}
        if not jobs.complete(tx, work.claim.job.job_id, work.claim.token, result):
            raise LostHold
        self._progress.advance(tx, work.user_id, [work.task.batch_id])

    def on_dead(self, tx: Transaction, user_id: UUID, subject: UUID, request_id: str) -> None:
        self._progress.on_dead(tx, user_id, subject)
