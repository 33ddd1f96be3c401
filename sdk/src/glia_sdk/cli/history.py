"""Line editing and the history of what was typed, where the platform has readline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from glia_sdk.cli.screen import Screen

LINES = 1_000
PROMPT = "> "


@contextmanager
def history(path: Path) -> Iterator[None]:
    """Gives `input()` line editing and the lines of earlier times; keeps the lines of this one, for the owner only."""
    try:
        import readline
    except ImportError:  # Windows
        yield
        return
    with suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(LINES)
    try:
        yield
    finally:
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            readline.write_history_file(path)


def typed(screen: Screen) -> Iterator[str]:
    """The lines that are typed, until the end of input. Ctrl-C at the prompt clears the line."""
    while True:
        try:
            line = input(PROMPT)
        except EOFError:
            screen.line("")
            return
        except KeyboardInterrupt:
            screen.line("")
            continue
        yield line
