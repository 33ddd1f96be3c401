"""The wish to stop."""

import signal
import threading
import time
from types import FrameType

from local.stopping import Stopping


def test_it_is_waited_for_by_many_and_stays_set() -> None:
    stopping = Stopping()
    assert not stopping.wait(0.001)
    threads = [threading.Thread(target=stopping.wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    stopping.set()
    stopping.set()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    assert stopping.wait()
    assert stopping.is_set()


def test_a_signal_at_any_moment_of_a_wait_ends_it() -> None:
    """A handler may run while the main thread is anywhere inside `wait`; with a lock in there it would hang."""
    before = signal.getsignal(signal.SIGALRM)
    try:
        for _ in range(300):
            stopping = Stopping()

            def stop(number: int, frame: FrameType | None, stopping: Stopping = stopping) -> None:
                stopping.set()

            signal.signal(signal.SIGALRM, stop)
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            deadline = time.monotonic() + 5
            while not stopping.wait(0.0001):
                assert time.monotonic() < deadline
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
