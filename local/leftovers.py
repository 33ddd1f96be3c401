"""GLIA_HOME/run.json: which processes a run started, so that the next one can end what a kill left behind."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ships no types

# The kernel counts start times from boot; a corrected clock moves them all a little.
CLOCK_TOLERANCE = 2.0
NEWBORN = 0.5


@dataclass(frozen=True)
class Trace:
    """Enough of a process to know it again: its pid alone may be given to another."""

    name: str
    pid: int
    created: float
    command: list[str]

    @classmethod
    def of(cls, name: str, pid: int) -> Trace | None:
        """The trace of a live process; None if it is gone."""
        try:
            process = psutil.Process(pid)
            return cls(name, pid, process.create_time(), _command(process))
        except psutil.Error:
            return None

    def process(self) -> psutil.Process | None:
        """The process, if it is still the same one."""
        now = Trace.of(self.name, self.pid)
        same = now and now.command == self.command and abs(now.created - self.created) < CLOCK_TOLERANCE
        return psutil.Process(self.pid) if same else None


def _command(process: psutil.Process) -> list[str]:
    """The process's command line. The kernel shows none yet in the first moment of a process."""
    deadline = time.monotonic() + NEWBORN
    while not (command := process.cmdline()) and time.monotonic() < deadline:
        time.sleep(0.002)
    return list(command)


def remember(path: Path, url: str, traces: Iterable[Trace | None]) -> None:
    """Writes the run's address and processes, whole or not at all."""
    state = {"url": url, "supervisor": os.getpid(), "processes": [asdict(trace) for trace in traces if trace]}
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(state, indent=1))
    partial.replace(path)


def recall(path: Path) -> tuple[str, list[Trace]]:
    """Address and processes of the last run; empty if there is none or the file cannot be read."""
    try:
        state = json.loads(path.read_text())
        return str(state["url"]), [Trace(**trace) for trace in state["processes"]]
    except (OSError, ValueError, TypeError, KeyError):
        return "", []


def end(traces: Iterable[Trace], grace: float = 3.0) -> list[str]:
    """Ends those of the processes that still run, kindly and then not; returns their names."""
    found = [(trace.name, process) for trace in traces if (process := trace.process())]
    for _, process in found:
        _signal(process, signal.SIGTERM)
    _, alive = psutil.wait_procs([process for _, process in found], timeout=grace)
    for process in alive:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=grace)
    return [name for name, _ in found]


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)
