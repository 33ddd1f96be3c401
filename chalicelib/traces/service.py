"""Ingestion: every event gets its receipt, whatever the others are, in one transaction and few statements.

Locks are taken in one order: the user's key (shared), the runs in id order, contents in hash order. So batches of the
same runs take turns, and nothing waits in a circle.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from glia_wire.events import SCHEMA_VERSION
from glia_wire.redaction import Gate

from chalicelib.adapters.clock import Clock, NewId
from chalicelib.adapters.crashpoints import CrashPoints
from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.traces import health, marks, store
from chalicelib.traces.errors import CompletionConflict, TraceRunNotFound
from chalicelib.traces.incoming import Incoming
from chalicelib.traces.models import DERIVED, Prepared, Receipt
from chalicelib.traces.otlp import numbering
from chalicelib.traces.preparing import Preparer
from chalicelib.traces.progress import store as progress
from chalicelib.traces.progress.store import Advance, Advanced
from chalicelib.traces.screening import Screen
from chalicelib.traces.store import Standing, Used

SWEEP_PAGE = 500  # runs


class TraceIngestion:
    """
    Args:
        late_window: seconds that gaps may fill after `run.completed`.
        run_idle: seconds after which a run of which nothing is heard closes as partial.
    """

    def __init__(
        self, db: Database, system_db: Database, gate: Gate, new_id: NewId, clock: Clock,
        crash_points: CrashPoints, *, late_window: int, run_idle: int,
    ) -> None:  # fmt: skip
        self._db = db
        self._system_db = system_db
        self._screen = Screen(gate)
        self._new_id = new_id
        self._clock = clock
        self._reach = crash_points
        self._late = late_window
        self._idle = run_idle

    def take(self, tx: Transaction, user_id: UUID, raw_events: Sequence[object]) -> list[Receipt]:
        """Stores what can be stored. Returns a receipt for each event, in order.

        Args:
            raw_events: as they were received: JSON values, or `Unreadable`.
        """
        events, rejections = self.preparer(tx, user_id).prepare(raw_events)
        receipts = [rejection.receipt for rejection in rejections]
        if events:
            sources = {event.run_id: event.sequence_source for event in events}
            receipts += self.store(tx, user_id, events, self.lock(tx, user_id, sources))
        return sorted(receipts, key=_index)

    def preparer(self, tx: Transaction, user_id: UUID) -> Preparer:
        """Of events, for this transaction; holds the user's key."""
        return Preparer(self._screen, store.key(tx, user_id, secrets.token_bytes(32)), self._clock())

    def lock(self, tx: Transaction, user_id: UUID, sources: dict[UUID, str]) -> dict[UUID, Standing]:
        """Makes the runs that are new and locks them all, until the transaction ends.

        Args:
            sources: who numbers each of them.
        """
        return store.lock_runs(tx, user_id, sources, self._idle)

    def store(
        self, tx: Transaction, user_id: UUID, events: Sequence[Prepared], standings: Mapping[UUID, Standing]
    ) -> list[Receipt]:
        """Stores events of locked runs, and their contents. Returns a receipt for each, in order.

        The database is not waited for where its answer is known: it works while the receipts are written.
        """
        incoming = {run_id: Incoming(run) for run_id, run in standings.items()}
        for run_id, of_run in groupby(events, key=attrgetter("run_id")):
            incoming[run_id].add(of_run)
        self._recognise(tx, user_id, incoming)
        fresh = {run_id: run.fresh for run_id, run in incoming.items()}
        with tx.pipeline():
            used = self._insert(tx, user_id, [event for run_id in fresh for event in fresh[run_id]])
            lows, advanced = self._advance(tx, user_id, [(incoming[run_id], fresh[run_id]) for run_id in incoming])
            self.store_contents(tx, user_id, used)
            receipts = [incoming[event.run_id].receipt(event, lows.get(event.run_id, 0)) for event in events]
            self.examine(tx, user_id, advanced())
        return receipts

    def store_contents(self, tx: Transaction, user_id: UUID, used: Used) -> None:
        if used:
            store.insert_contents(tx, user_id, used)

    def signing_key(self, user_id: UUID) -> tuple[str, str]:
        """(id, key in hex) of the user's key of call signatures, made when first asked for."""
        with self._db.user(user_id) as tx:
            store.key(tx, user_id, secrets.token_bytes(32))
            key = store.signing_key(tx, user_id)
        return hashlib.sha256(key).hexdigest()[:16], key.hex()

    def begin(self, tx: Transaction, user_id: UUID, run_id: UUID | None, name: str, words: dict[str, Any]) -> UUID:
        """Writes `run.started` as event 0 of a run, unless there is one. Returns the run's id."""
        run_id = run_id or self._new_id()
        if not store.is_there(tx, user_id, run_id):
            self._write(tx, user_id, run_id, marks.STARTED, 0, name, words)
        return run_id

    def complete(self, tx: Transaction, user_id: UUID, run_id: UUID, last: int, status: str) -> None:
        """Writes `run.completed` after the last event.

        Raises:
            TraceRunNotFound, CompletionConflict
        """
        declared = store.declared(tx, user_id, run_id)
        if declared is None:
            raise TraceRunNotFound()
        if declared.completed_sequence_no is None:
            words = {"last_sequence_no": last + 1, "status": status}
            receipt = self._write(tx, user_id, run_id, marks.COMPLETED, last + 1, "", words)
            if receipt.status == "rejected":
                raise CompletionConflict()
        elif declared.declared_status != status or last not in (
            declared.last_sequence_no,
            declared.last_sequence_no - 1,
        ):
            raise CompletionConflict()

    def _write(
        self,
        tx: Transaction,
        user_id: UUID,
        run_id: UUID,
        event_type: str,
        number: int,
        name: str,
        words: dict[str, Any],
    ) -> Receipt:
        """An event of a run, on the user's behalf."""
        event = _envelope(run_id, event_type, number, name, self._clock().isoformat(), words)
        return self.take(tx, user_id, [event])[0]

    def _recognise(self, tx: Transaction, user_id: UUID, incoming: dict[UUID, Incoming]) -> None:
        """Finds out which places are taken already."""
        doubtful = [(run_id, number) for run_id, run in incoming.items() for number in run.doubtful]
        found = store.fingerprints(tx, user_id, doubtful) if doubtful else {}
        for (run_id, number), fingerprint in found.items():
            incoming[run_id].there[number] = fingerprint

    def _insert(self, tx: Transaction, user_id: UUID, events: Sequence[Prepared]) -> Used:
        """Returns the contents that the events use."""
        if not events:
            return {}
        store.insert_events(tx, user_id, events)
        if any(event.references for event in events):
            store.insert_artifact_refs(tx, user_id, events)
            health.flag_referring(tx, user_id, events)
        return store.used_by(events)

    def _advance(
        self, tx: Transaction, user_id: UUID, runs: Iterable[tuple[Incoming, list[Prepared]]]
    ) -> tuple[dict[UUID, int], Callable[[], list[Advanced]]]:
        """Shows what has become visible. Returns how far each run is visible now, and what waits for the answer."""
        given = [one.advance(fresh) for one, fresh in runs if fresh or one.run.can_close]
        if not given:
            return {}, list
        advanced = self.advance(tx, user_id, given)
        foreseen = [found for one in given if (found := one.foreseen)]
        shown = foreseen if len(foreseen) == len(given) else [one.shown for one in advanced()]
        if visible := [one for one in shown if one.high > one.low]:
            progress.make_steps(tx, user_id, visible)
        return {one.run_id: one.high for one in shown}, advanced

    def advance(self, tx: Transaction, user_id: UUID, given: Sequence[Advance]) -> Callable[[], list[Advanced]]:
        """Moves locked runs on by what was stored of them. Returns what waits for the answer, in a pipeline."""
        self._reach("mid_transaction")
        return progress.advance(tx, user_id, given, self._late, self._idle)

    def examine(self, tx: Transaction, user_id: UUID, moved: Iterable[Advanced]) -> None:
        """Says of runs that have closed what is missing of them."""
        if ended := [one.shown.run_id for one in moved if one.is_closed]:
            progress.examine(tx, user_id, ended)

    def close_due(self) -> int:
        """Closes runs whose time is over, as partial. Returns how many."""
        with self._system_db.nobody() as tx:
            found = progress.due(tx, SWEEP_PAGE)
        of_user: dict[UUID, list[UUID]] = {}
        for user_id, run_id in found:
            of_user.setdefault(user_id, []).append(run_id)
        return sum(self._close(user_id, run_ids) for user_id, run_ids in of_user.items())

    def _close(self, user_id: UUID, run_ids: Sequence[UUID]) -> int:
        with self._db.user(user_id) as tx:
            runs = [run for run in store.lock_due(tx, user_id, run_ids) if run.is_due and not run.is_closed]
            _, advanced = self._advance(tx, user_id, [(Incoming(run), []) for run in runs])
            self.examine(tx, user_id, advanced())
            self._end(tx, user_id, [run for run in runs if run.source == DERIVED])
        return len(runs)

    def _end(self, tx: Transaction, user_id: UUID, runs: Sequence[Standing]) -> None:
        """Numbers the events of traces that spans were made of for good, and ends them."""
        if not runs:
            return
        ended = numbering.renumber(tx, user_id, [run.run_id for run in runs])
        events, _ = self.preparer(tx, user_id).prepare(
            _envelope(one.run_id, marks.COMPLETED, one.last + 1, "", one.ended_at.isoformat(),
                      {"last_sequence_no": one.last + 1, "status": "failed" if one.is_failed else "completed"})
            | {"sequence_source": DERIVED}
            for one in ended
        )  # fmt: skip
        self.store(tx, user_id, events, {run.run_id: run._replace(is_due=False) for run in runs})


def _envelope(run_id: UUID, event_type: str, number: int, name: str, at: str, words: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION, "run_id": str(run_id), "sequence_no": number, "event_type": event_type,
        "name": name, "ts": at, "attributes": words,
    }  # fmt: skip


def _index(receipt: Receipt) -> int:
    return receipt.index
