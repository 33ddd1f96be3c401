"""Capture in this process: the recorder, what happens at a fork and at the end, and what an error of ours may do."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec

from glia_sdk.capture.context import PLACE, Place
from glia_sdk.capture.counting import Stats
from glia_sdk.capture.errors import CaptureFailed
from glia_sdk.capture.losses import Losses
from glia_sdk.capture.recorder import Recorder
from glia_sdk.capture.settings import CaptureSettings

if TYPE_CHECKING:
    from glia_sdk.capture.runs import Run

Arguments = ParamSpec("Arguments")


class _State:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.settings: CaptureSettings | None = None
        self.recorder: Recorder | None = None
        self.children: dict[str, Run] = {}  # runs of this process for runs of the process it was forked from
        self.process_run: Run | None = None
        self.losses = Losses()
        self.is_hooked = False
        self.forks = 0


_state = _State()
waiting: set[Run] = set()  # runs that have ended, but for steps still under way


def begin(settings: CaptureSettings) -> None:
    """Records from now on; what was recorded before is flushed first.

    Raises:
        CaptureFailed: there is nowhere to send to, and the program is set to `fail_closed`.
    """
    end(settings.exit_seconds)
    _state.settings = settings
    if not settings.is_connected:
        if settings.is_fail_closed:
            raise CaptureFailed("nothing can be recorded: not logged in; run: glia login")
        _state.losses.warn("not logged in", "nothing is recorded; run: glia login")
        return
    _state.recorder = Recorder(settings)
    _hook()


def end(timeout: float) -> None:
    """Sends what can be sent in time, puts the rest on disk, and records nothing more."""
    with _state.lock:
        recorder, _state.recorder = _state.recorder, None
        process_run, _state.process_run = _state.process_run, None
    if recorder is None:
        return
    for one in [*waiting, *_state.children.values(), *([process_run] if process_run else [])]:
        guarded(one.abandon)
    waiting.clear()
    _state.children.clear()
    recorder.close(timeout)


def flush(timeout: float) -> bool:
    recorder = _state.recorder
    return recorder.flush(timeout) if recorder else True


def stats() -> Stats:
    recorder = _state.recorder
    return recorder.stats() if recorder else Stats()


def recorder() -> Recorder | None:
    """The recorder to use, or None: nothing is recorded.

    Raises:
        CaptureFailed: something was lost, or nothing can be recorded, and the program is set to `fail_closed`.
    """
    found, settings = _state.recorder, _state.settings
    if settings is not None and settings.is_fail_closed:
        if found is None:
            raise CaptureFailed("nothing can be recorded: capture is not running")
        if found.has_lost:
            raise CaptureFailed("something could not be recorded; see glia_sdk.stats()")
    return found


def forks() -> int:
    """How many forks lie between the first process and this one; asking the system for its id costs more."""
    return _state.forks


def place() -> Place | None:
    """Where the program is; nowhere in a run that is over.

    In a process forked within a run that is a run of its own, the child of that one.
    """
    found = PLACE.get()
    if found is None:
        return None
    if _state.recorder is None:
        return None
    if found.run.forks != _state.forks:
        return Place(_child_of(found, _state.recorder), None)
    return None if found.run.is_over or found.run.recorder is not _state.recorder else found


def current(recorder: Recorder, name: str) -> tuple[Place, Run | None]:
    """Where a step that begins now belongs, and the run to end with it if it got one of its own."""
    from glia_sdk.capture.runs import opened

    found = place()
    if found is not None:
        return found, None
    if recorder.settings.is_process_run:
        with _state.lock:
            if _state.process_run is None:
                _state.process_run = opened(recorder, os.path.basename(sys.argv[0] or "") or "python", None)
            return Place(_state.process_run, None), None
    own = opened(recorder, name, None)
    return Place(own, None), own


def guarded(act: Callable[Arguments, Any], *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
    """Does something of ours that must not fail the program."""
    try:
        act(*args, **kwargs)
    except Exception as error:  # noqa: BLE001  # the program goes on
        give_up(error)


def give_up(error: Exception) -> None:
    """An error of ours: told in one line, without its words, which may quote the program's."""
    if _state.settings is not None and _state.settings.is_fail_closed:
        raise CaptureFailed(f"something could not be recorded: {type(error).__name__}") from error
    _state.losses.warn(type(error).__name__, "something could not be recorded")


def _child_of(found: Place, recorder: Recorder) -> Run:
    from glia_sdk.capture.runs import opened

    with _state.lock:
        kept = _state.children.get(found.run.run_id)
        if kept is None:
            kept = _state.children[found.run.run_id] = opened(recorder, found.run.name, found)
        return kept


def _hook() -> None:
    if _state.is_hooked:
        return
    _state.is_hooked = True
    atexit.register(_at_exit)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before_fork, after_in_child=_after_fork)


def _at_exit() -> None:
    if _state.settings is not None:
        with contextlib.suppress(Exception):
            end(_state.settings.exit_seconds)


def _before_fork() -> None:
    """A worker of `multiprocessing` ends without the usual hooks, but it has its own."""
    if "multiprocessing.util" in sys.modules:
        from multiprocessing import util

        util.register_after_fork(_state, lambda _: util.Finalize(None, _at_exit, exitpriority=0))


def _after_fork() -> None:
    before = _state.recorder
    _state.forks += 1
    _state.lock = threading.RLock()
    _state.losses = Losses()
    _state.recorder = _state.process_run = None
    _state.children = {}
    waiting.clear()
    if before is not None:
        before.forget()
        _state.recorder = Recorder(before.settings)
