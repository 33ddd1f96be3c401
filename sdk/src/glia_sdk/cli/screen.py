"""Writing to the terminal, or to whatever stands in its place: answers to stdout, everything else to stderr."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.control import Control
from rich.segment import ControlType

# What a terminal would obey: everything of C0, C1 and DEL but tab and line feed.
_OBEYED = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}


def harmless(text: str) -> str:
    """Text without characters a terminal would obey: it may come from a model."""
    return text.translate(_OBEYED)


class Screen:
    def __init__(self, environ: Mapping[str, str]) -> None:
        plain = bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"
        self._out = _console(plain, is_error=False)
        self._err = _console(plain, is_error=True)

    @property
    def is_live(self) -> bool:
        """Whether somebody watches stdout."""
        return sys.stdout.isatty()

    @property
    def is_animated(self) -> bool:
        """Whether somebody watches stderr, at a terminal that can move its cursor."""
        return self._err.is_terminal and not self._err.is_dumb_terminal

    @property
    def width(self) -> int:
        """Columns of the terminal."""
        return self._out.width

    @property
    def margin(self) -> Console:
        """Where progress is shown: stderr."""
        return self._err

    def show(self, what: RenderableType) -> None:
        """Shows a table or the like on stdout, as wide as the terminal."""
        self._out.print(what, soft_wrap=False)

    def heading(self, text: str) -> None:
        """A line of output that stands out where there are colours."""
        self._out.print(harmless(text), style="bold")

    def note(self, text: str) -> None:
        self._err.print(harmless(text), style="dim")

    def error(self, error: object) -> None:
        line = " ".join(harmless(str(error)).split())
        self._err.print(f"glia: {line}", style="red")

    def line(self, text: str) -> None:
        """A line of output as it is, for programs as much as for people."""
        self.write(text + "\n")

    def write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    def erase(self, text: str) -> bool:
        """Takes back text that was written last. Returns False if that cannot be done."""
        if self._out.is_dumb_terminal or not self._out.is_terminal:
            return False
        rows = sum(max(1, -(-cell_len(line.expandtabs()) // self._out.width)) for line in text.split("\n"))
        if rows >= self._out.height:
            return False
        up = rows - 1
        for _ in range(up):
            self._out.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)), Control.move(0, -1))
        self._out.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))
        return True


def _console(plain: bool, *, is_error: bool) -> Console:
    stream = sys.stderr if is_error else sys.stdout
    is_terminal = stream.isatty()
    return Console(
        stderr=is_error,
        force_terminal=is_terminal,
        color_system="auto" if is_terminal and not plain else None,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=True,
    )
