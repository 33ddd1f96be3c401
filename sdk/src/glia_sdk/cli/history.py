"""Line editing and the history of what was typed, where the platform has readline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LINES = 1_000


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
