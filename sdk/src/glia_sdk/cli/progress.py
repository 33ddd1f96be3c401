"""How far something is: a bar at a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from glia_sdk.cli.screen import Screen

LINES = 10  # in all, elsewhere than at a terminal


class Watcher(Protocol):
    def at(self, done: int) -> None:
        """So many are done."""


@contextmanager
def watching(
    screen: Screen, total: int, *, is_quiet: bool, doing: str = "importing", unit: str = "messages"
) -> Iterator[Watcher]:
    """Shows progress on stderr while the block runs. `is_quiet` leaves out the lines, not the bar."""
    if not screen.is_animated:
        yield Lines(total, _nothing if is_quiet else screen.note)
        return
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), Rate(unit), TimeRemainingColumn())
    with Progress(*columns, console=screen.margin, transient=True) as progress:
        yield Bar(progress, total)


class Bar:
    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=total, start=False) if total else None

    def at(self, done: int) -> None:
        if self._task is None:
            return
        if self._progress.tasks[0].started:
            self._progress.update(self._task, completed=done)
        else:  # what earlier runs did says nothing about the rate of this one
            self._progress.reset(self._task, completed=done)


class Lines:
    """A line for every tenth of the whole."""

    def __init__(self, total: int, write: Callable[[str], None]) -> None:
        self._total = total
        self._write = write
        self._told: int | None = None

    def at(self, done: int) -> None:
        tenth = done * LINES // self._total if self._total else LINES
        if self._told is None or tenth > self._told:
            self._write(f"{done} of {self._total} done")
        self._told = max(tenth, self._told or 0)


class Rate(ProgressColumn):
    """So many a second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} {self._unit}/s")


def _nothing(text: str) -> None:
    """Says nothing."""
