"""Runs: who numbers events, where a run begins and ends, and what belongs to what."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from contextvars import Token
from types import TracebackType
from typing import Any, Self

from glia_sdk.capture import session
from glia_sdk.capture.context import PLACE, Place
from glia_sdk.capture.errors import CaptureFailed
from glia_sdk.capture.ids import new_id
from glia_sdk.capture.recorder import Recorder
from glia_sdk.capture.records import OVERHEAD, Record
from glia_sdk.capture.snapshots import snapshot

COMPLETED, FAILED = "completed", "failed"
MAX_NAME = 200


class Run:
    """A run of this process: it numbers its events, strictly, whichever threads they come from."""

    __slots__ = ("_is_ended", "_lock", "_next", "_open", "_status", "forks", "name", "recorder", "run_id")

    def __init__(self, recorder: Recorder, name: str) -> None:
        self.recorder = recorder
        self.forks = session.forks()
        self.run_id = new_id()
        self.name = name[:MAX_NAME]
        self._lock = threading.Lock()
        self._next = 0
        self._open = 0
        self._status = COMPLETED
        self._is_ended = False

    @property
    def is_over(self) -> bool:
        """Whether it is completed: no event may follow."""
        return self._is_ended and not self._open

    def begin(self, attributes: dict[str, Any], weight: int) -> None:
        self.emit("run.started", None, None, None, self.name, attributes, OVERHEAD + weight)

    def emit(
        self,
        event_type: str,
        step_id: str | None,
        parent_step_id: str | None,
        kind: str | None,
        name: str,
        attributes: dict[str, Any],
        weight: int,
        request: Any = None,
    ) -> None:
        """Takes the next number, and hands the event over."""
        at = time.time_ns()
        with self._lock:
            number = self._next
            self._next = number + 1
        self.recorder.put(
            Record(
                self.run_id, step_id, parent_step_id, number, event_type, kind, name, at, attributes, request, weight
            )
        )

    def open_step(self) -> None:
        with self._lock:
            self._open += 1

    def close_step(self) -> None:
        with self._lock:
            self._open -= 1
            is_last = self._is_ended and not self._open
        if is_last:
            self._complete()

    def end(self, status: str) -> None:
        """The run's block has ended. The run is completed when its last step has, too."""
        with self._lock:
            if self._is_ended:
                return
            self._is_ended, self._status = True, status
            has_open = self._open > 0
        if has_open:
            session.waiting.add(self)
        else:
            self._complete()

    def abandon(self) -> None:
        """The process ends: what is still open stays open."""
        with self._lock:
            is_due, self._open, self._is_ended = self._open > 0 or not self._is_ended, 0, True
        if is_due:
            self._complete()

    def _complete(self) -> None:
        session.waiting.discard(self)
        told = {"last_sequence_no": self._next, "status": self._status}
        self.emit("run.completed", None, None, None, self.name, told, OVERHEAD)


class run:  # noqa: N801  # it is used like a function: `with glia.run("name"):`
    """A run of the program, for the length of a block or of each call of a function.

        with glia.run("nightly report", tags=["batch"]): ...
        async with glia.run("chat"): ...

        @glia.run("answer")
        def answer(question): ...

    An exception that leaves the block marks the run as failed, and goes on its way.

    Args:
        tags: short words to find the run by.
        attributes: anything else, under names of your own.
        parent: what `glia.headers()` gave in the process that asks for this run, or the headers of its request.

    Raises:
        CaptureFailed: it cannot be recorded, and the program is set to `fail_closed`.
    """

    def __init__(
        self,
        name: str,
        *,
        tags: Iterable[str] = (),
        attributes: dict[str, Any] | None = None,
        parent: Any = None,
    ) -> None:
        self.name = name
        self._tags = list(tags)
        self._attributes = attributes or {}
        self._parent = parent
        self._run: Run | None = None
        self._token: Token[Place | None] | None = None

    @property
    def run_id(self) -> str | None:
        """The id of the run, once it has begun; None if it is not recorded."""
        return self._run.run_id if self._run else None

    def __enter__(self) -> Self:
        try:
            self._begin()
        except CaptureFailed:
            raise
        except Exception as error:  # noqa: BLE001  # the program goes on
            session.give_up(error)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        token, self._token = self._token, None
        if token is not None:
            _leave(token)
        if self._run is not None:
            session.guarded(self._run.end, FAILED if error is not None else COMPLETED)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, at)

    def __call__(self, function: Any) -> Any:
        from glia_sdk.capture.decorating import decorated_run

        return decorated_run(function, self.again)

    def again(self) -> run:
        """A further run of the same name."""
        return run(self.name, tags=self._tags, attributes=self._attributes, parent=self._parent)

    def _begin(self) -> None:
        recorder = session.recorder()
        if recorder is None:
            return
        place = session.place()
        self._run = opened(recorder, self.name, place, self._parent, {"tags": self._tags or None, **self._attributes})
        self._token = PLACE.set(Place(self._run, None))


def opened(
    recorder: Recorder, name: str, place: Place | None, parent: Any = None, attributes: dict[str, Any] | None = None
) -> Run:
    """A run that has begun, as a child of where the program is, of who asked for it, or of the parent process."""
    above: tuple[str | None, str | None] | None = None
    if parent is not None:
        from glia_sdk.capture.propagation import parent_of

        above = parent_of(parent)
    if above is None and place is not None:
        above = (place.run.run_id, place.step_id)
    if above is None:
        above = (recorder.settings.parent_run_id, recorder.settings.parent_step_id)
    told, weight = snapshot(attributes) if attributes else ({}, 0)
    told |= {"parent_run_id": above[0], "parent_step_id": above[1], "service": recorder.settings.service}
    begun = Run(recorder, name)
    begun.begin(told, weight)
    return begun


def _leave(token: Token[Place | None]) -> None:
    try:
        PLACE.reset(token)
    except ValueError:  # left in another context than it was entered in
        PLACE.set(None)
