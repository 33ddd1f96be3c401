"""Design sessions as clients use them: turns, edits, taking back, reopening, completing, resuming, exporting.

A message is read outside of any transaction (a model may be asked); what was read is a patch, which is applied to the
session as it is when its one transaction has it. So two messages at once never tear a session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from chalicelib.adapters.clock import Clock, Monotonic, NewId
from chalicelib.adapters.crashpoints import CrashPoints
from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.designer import dialogue, questions, stages, store
from chalicelib.designer.checks import Finding, check_workflow
from chalicelib.designer.context import Extractor, context_of
from chalicelib.designer.design import Design, design_of
from chalicelib.designer.errors import InvalidWorkflow, MessageTooLarge, SessionEnded, SessionExpired, SessionNotFound
from chalicelib.designer.explaining import Reading, explained
from chalicelib.designer.exports.formats import export, read_design, state_of
from chalicelib.designer.exports.models import Export, FormatId
from chalicelib.designer.history import Changed, changed
from chalicelib.designer.models import DesignState, StageName, Status, Turn
from chalicelib.designer.outputs import Outputs, outputs
from chalicelib.designer.prompt import Prompt, difference, prompt
from chalicelib.designer.store import Event, Record, Session
from chalicelib.designer.tools.catalogue import Catalogue, catalogue
from chalicelib.designer.workflow import Workflow, synthesize
from chalicelib.explaining.explainer import Explainer
from chalicelib.explaining.models import Call, Watch

LONGEST_MESSAGE = 200_000  # code points
LONG_EXPIRED = 7 * 24 * 3600  # seconds after which an expired session that nobody came back to is abandoned
ABANDON_PAGE = 500


@dataclass(frozen=True, slots=True)
class Resumed:
    """A session taken up again: what was agreed, what is missing, and the question it stands at."""

    session: Session
    missing: list[str]
    question: str


class SessionService:
    def __init__(
        self,
        db: Database,
        system_db: Database,
        extractor: Extractor,
        explainer: Explainer,
        new_id: NewId,
        clock: Clock,
        monotonic: Monotonic,
        crash_points: CrashPoints,
        *,
        expiry: int,
    ) -> None:
        self._db = db
        self._system_db = system_db
        self._extractor = extractor
        self._explainer = explainer
        self._new_id = new_id
        self._clock = clock
        self._monotonic = monotonic
        self._reach = crash_points
        self._expiry = expiry

    def create(self, tx: Transaction, user_id: UUID, request_id: str, design: str | None = None) -> tuple[UUID, str]:
        """A new session, or one with a design that was exported in Glia's own format. Returns id and first message.

        Raises:
            InvalidDesign
        """
        session_id = self._new_id()
        state, message = dialogue.start()
        patch = None
        if design is not None:
            state = state_of(read_design(design))
            dialogue.settle(state)
            message, patch = _standing(state), {"state": state.model_dump(mode="json")}
        store.create(
            tx, user_id, session_id, state, kind="imported" if design else "created", reply=message, patch=patch,
            expiry=self._expiry, request_id=request_id,
        )  # fmt: skip
        return session_id, message

    def sessions(self, user_id: UUID, status: str | None, before: UUID | None, limit: int) -> list[Record]:
        """Newest first."""
        with self._db.user(user_id) as tx:
            return store.list_sessions(tx, user_id, status, before, limit)

    def get(self, user_id: UUID, session_id: UUID) -> Session:
        with self._db.user(user_id) as tx:
            return _found(store.get(tx, user_id, session_id))

    def events(self, user_id: UUID, session_id: UUID, after: int, limit: int) -> list[Event]:
        with self._db.user(user_id) as tx:
            _found(store.get(tx, user_id, session_id))
            return store.events(tx, user_id, session_id, after, limit)

    def read(self, user_id: UUID, session_id: UUID, message: str) -> Reading:
        """What a message says, to be applied by `answer`. A model may be asked for up to 20 s.

        Raises:
            SessionNotFound, SessionExpired, SessionEnded, MessageTooLarge
        """
        if len(message) > LONGEST_MESSAGE:
            raise MessageTooLarge()
        session = self.get(user_id, session_id)
        _check_live(session)
        watch, calls = Watch(self._clock, self._monotonic), list[Call]()
        extraction = self._extractor.extract(message, context_of(session.state, _catalogue(session)), calls)
        return Reading(extraction, watch, calls, watch.now())

    def answer(
        self, tx: Transaction, user_id: UUID, session_id: UUID, message: str, reading: Reading, request_id: str
    ) -> tuple[Turn, UUID]:
        """Applies what was read to the session as it is now, and answers. Returns the id of what explains it, too.

        Raises:
            SessionNotFound, SessionExpired, SessionEnded
        """
        session = _found(store.lock(tx, user_id, session_id))
        _check_live(session)
        extraction, run_id, since = reading.extraction, self._new_id(), reading.watch.now()
        turn = dialogue.take_turn(session.state, extraction, _catalogue(session))
        patch = extraction.model_dump(mode="json", exclude_defaults=True) | {"source": extraction.source.value}
        made = self._write(tx, user_id, session, turn.state, "message", request_id, message, turn.reply, patch, run_id)
        told = explained(run_id, session_id, session.state, turn, reading, made, since)
        self._explainer.explain(tx, user_id, told)
        return turn, run_id

    def edit(
        self, tx: Transaction, user_id: UUID, session_id: UUID, values: dict[str, Any], request_id: str
    ) -> tuple[Session, Changed]:
        """
        Raises:
            SessionNotFound, SessionExpired, SessionEnded, InvalidField
        """
        return self._change(
            tx, user_id, session_id, "edited", request_id,
            lambda session: dialogue.edit(session.state, values, _catalogue(session))[0], {"fields": values},
        )  # fmt: skip

    def undo(self, tx: Transaction, user_id: UUID, session_id: UUID, request_id: str) -> tuple[Session, Changed]:
        """
        Raises:
            SessionNotFound, SessionExpired, SessionEnded, NothingToUndo
        """
        return self._change(tx, user_id, session_id, "undone", request_id, lambda session: dialogue.undo(session.state))

    def reopen(
        self, tx: Transaction, user_id: UUID, session_id: UUID, stage: StageName, request_id: str
    ) -> tuple[Session, Changed]:
        """
        Raises:
            SessionNotFound, SessionExpired, SessionEnded
        """
        return self._change(
            tx, user_id, session_id, "reopened", request_id, lambda session: dialogue.reopen(session.state, stage),
            {"stage": stage.value},
        )  # fmt: skip

    def complete(self, tx: Transaction, user_id: UUID, session_id: UUID, request_id: str) -> tuple[Session, Changed]:
        """
        Raises:
            SessionNotFound, SessionExpired, SessionEnded, SessionIncomplete
        """
        return self._change(
            tx, user_id, session_id, "completed", request_id, lambda session: dialogue.complete(session.state)
        )  # fmt: skip

    def resume(self, tx: Transaction, user_id: UUID, session_id: UUID, request_id: str) -> Resumed:
        """Takes a session up again, expired or abandoned or not. A completed one stays completed."""
        session = _found(store.lock(tx, user_id, session_id))
        state = session.state
        if state.status is not Status.COMPLETED and session.record.status == Status.ABANDONED:
            state = state.model_copy(update={"status": Status.ACTIVE, "version": state.version + 1})
            dialogue.settle(state)
        question = _standing(state)
        self._write(tx, user_id, session, state, "resumed", request_id, None, question)
        return Resumed(_now(tx, user_id, session_id), [name.value for name in stages.missing(state)], question)

    def abandon(self, tx: Transaction, user_id: UUID, session_id: UUID, request_id: str) -> None:
        """Gives a session up; it can be resumed. One that is given up already stays so."""
        session = _found(store.lock(tx, user_id, session_id))
        if session.record.status != Status.ABANDONED:
            state = session.state.model_copy(
                update={"status": Status.ABANDONED, "version": session.state.version + 1}
            )  # fmt: skip
            self._write(tx, user_id, session, state, "abandoned", request_id, None, None)

    def abandon_expired(self) -> int:
        """Gives up sessions that have long expired. Returns how many."""
        with self._system_db.nobody() as tx:
            return store.abandon(tx, LONG_EXPIRED, ABANDON_PAGE)

    def outputs(self, user_id: UUID, session_id: UUID) -> Outputs:
        return outputs(self.design(user_id, session_id))

    def design(self, user_id: UUID, session_id: UUID) -> Design:
        """The design as it stands; what is missing is assumed. Expired sessions have theirs too."""
        session = self.get(user_id, session_id)
        return design_of(session.state, _catalogue(session))

    def prompt(self, user_id: UUID, session_id: UUID, platform: str, template: str) -> tuple[Prompt, str]:
        """The prompt, and how it differs from the one before the last change.

        Raises:
            SessionNotFound, UnknownFormat
        """
        session = self.get(user_id, session_id)
        tools = _catalogue(session)
        made = _prompt(design_of(session.state, tools), platform, template)
        if not session.state.undo:
            return made, ""
        before = _prompt(design_of(dialogue.undo(session.state), tools), platform, template)
        return made, difference(before.text, made.text)

    def workflow(self, user_id: UUID, session_id: UUID) -> tuple[Workflow, list[Finding]]:
        """The workflow, and what a check of it finds."""
        design = self.design(user_id, session_id)
        flow = synthesize(design)
        return flow, check_workflow(flow, design)

    def validate(self, user_id: UUID, session_id: UUID, flow: dict[str, Any] | None) -> list[Finding]:
        """What a check of a workflow against the session's design finds; of the session's own if none is given.

        Raises:
            SessionNotFound, InvalidWorkflow
        """
        if flow is None:
            return self.workflow(user_id, session_id)[1]
        design = self.design(user_id, session_id)
        try:
            return check_workflow(Workflow.model_validate(flow), design)
        except ValidationError as error:
            fields = [".".join(str(part) for part in problem["loc"])[:100] for problem in error.errors()[:10]]
            raise InvalidWorkflow(fields=fields) from None

    def export(self, user_id: UUID, session_id: UUID, format_id: FormatId) -> Export:
        """
        Raises:
            SessionNotFound
        """
        return export(self.design(user_id, session_id), format_id)

    def _change(
        self, tx: Transaction, user_id: UUID, session_id: UUID, kind: str, request_id: str,
        act: Callable[[Session], DesignState], patch: dict[str, Any] | None = None,
    ) -> tuple[Session, Changed]:  # fmt: skip
        session = _found(store.lock(tx, user_id, session_id))
        _check_live(session)
        after = act(session)
        self._write(tx, user_id, session, after, kind, request_id, None, _standing(after), patch)
        return _now(tx, user_id, session_id), changed(session.state, after)

    def _write(
        self, tx: Transaction, user_id: UUID, session: Session, state: DesignState, kind: str, request_id: str,
        content: str | None, reply: str | None, patch: dict[str, Any] | None = None, trace_run_id: UUID | None = None,
    ) -> Outputs | None:  # fmt: skip
        made = outputs(design_of(state, _catalogue(session))) if state.status is Status.COMPLETED else None
        store.write(
            tx, user_id, session.record.session_id, state, kind=kind, content=content, reply=reply, patch=patch,
            made=made, trace_run_id=trace_run_id, expiry=self._expiry, request_id=request_id,
        )  # fmt: skip
        self._reach("mid_transaction")
        return made


def _prompt(design: Design, platform: str, template: str) -> Prompt:
    return prompt(design, synthesize(design), platform, template)


def _standing(state: DesignState) -> str:
    """The question that a session stands at."""
    if state.status is Status.COMPLETED:
        return "The design is complete. Change whatever you like, or export it."
    return questions.question(state.asked)


def _catalogue(session: Session) -> Catalogue:
    return catalogue(session.own_tools)


def _found(session: Session | None) -> Session:
    if session is None:
        raise SessionNotFound()
    return session


def _now(tx: Transaction, user_id: UUID, session_id: UUID) -> Session:
    return _found(store.get(tx, user_id, session_id))


def _check_live(session: Session) -> None:
    if session.record.status == Status.ABANDONED:
        raise SessionEnded("The session was given up; resume it first.")
    if session.record.is_expired:
        raise SessionExpired()
