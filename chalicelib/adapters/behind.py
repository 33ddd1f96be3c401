"""Work that goes on behind the caller's back: the database stores one part of a body while the next one is prepared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

Do = Callable[[Callable[[], None]], None]


@contextmanager
def in_turn() -> Iterator[Do]:
    """Gives a function that hands calls to a thread, one after another; each waits until the one before has ended.

    What a call raises is raised by the next one, or on leaving; everything has ended then. Calls may use a connection
    that the caller leaves alone meanwhile.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        last: Future[None] | None = None

        def do(call: Callable[[], None]) -> None:
            nonlocal last
            if last is not None:
                last.result()
            last = thread.submit(call)

        yield do
        if last is not None:
            last.result()
