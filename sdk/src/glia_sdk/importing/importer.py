"""An import from end to end: batch after batch, with its progress kept after each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from glia_sdk.importing.batches import batches
from glia_sdk.importing.exports import Export
from glia_sdk.importing.report import Report
from glia_sdk.importing.sender import Sender
from glia_sdk.importing.state import Progress, StateFile


class Watcher(Protocol):
    def at(self, done: int) -> None:
        """So many entries of the export are done."""


def run(
    export: Export,
    sender: Sender,
    state: StateFile,
    watcher: Watcher,
    note: Callable[[str], None],
    *,
    batch: int,
    report: Report,
    start: int = 0,
) -> None:
    """Imports what is left of an export after `start` entries. `report` is filled batch by batch.

    Raises:
        GliaError: what was acknowledged until then is kept; the same import goes on after it.
    """
    keep = _Keeper(state, note)
    done = start
    watcher.at(done)
    for one in batches(export.entries, batch, start):
        sender.send(one.messages, report)
        report.skip(one.skipped)
        done = one.done
        keep(Progress(done, False, report.counts))
        watcher.at(done)
    keep(Progress(done, True, report.counts))


def rehearse(export: Export, report: Report) -> int:
    """Goes through an export without sending anything. Returns how many topics it names."""
    topics: set[str | None] = set()
    for one in batches(export.entries):
        report.imported += len(one.messages)
        report.skip(one.skipped)
        topics.update(message.body.get("topic") for message in one.messages)
    return len(topics)


class _Keeper:
    """Keeps progress; where that cannot be done, says so once and lets the import go on."""

    def __init__(self, state: StateFile, note: Callable[[str], None]) -> None:
        self._state = state
        self._note: Callable[[str], None] | None = note

    def __call__(self, progress: Progress) -> None:
        try:
            self._state.save(progress)
        except OSError as error:
            if self._note:
                self._note(f"progress cannot be kept: {error.strerror}; another run would send everything again")
            self._note = None
