"""Work in the background that stays out of the program's way.

Python threads share one lock. A thread that works without a pause makes every other wait 5 ms for it, each time that
one comes back from reading or writing. So work is done in short stretches with a nap in between; a nap that took much
longer than asked tells that the program is busy, and the next nap is longer. And a program that begins a call is about
to work itself, on preparing and sending the request: until that is over, work makes way, though never for long.
"""

from __future__ import annotations

import time
from collections.abc import Callable

STRETCH = 0.0005  # seconds of work
NAP = 0.00005
LATE = 0.0002  # a nap longer by this much was kept waiting
LONGEST_NAP = 0.002
LONGEST_WAY = 0.1  # seconds to make way for a call
TURN = 0.005  # seconds of work, at least, between two times of making way


class Pacer:
    """
    Args:
        is_hurried: whether to work without naps, because somebody waits for the end of the work.
        is_pressed: whether to make no way and keep naps short, because much is left to do.
    """

    def __init__(
        self,
        is_hurried: Callable[[], bool],
        is_pressed: Callable[[], bool] = lambda: False,
        *,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._is_hurried = is_hurried
        self._is_pressed = is_pressed
        self._clock = clock
        self._sleep = sleep
        self._since = clock()
        self._nap = NAP
        self._way_until = 0.0
        self._turn_until = 0.0

    def make_way(self, seconds: float) -> None:
        """The program is about to work for some time. Called from its own threads; costs next to nothing."""
        self._way_until = self._clock() + min(seconds, LONGEST_WAY)

    def pause(self) -> None:
        """To be called often; most calls only look at the clock."""
        now = self._clock()
        if now - self._since < STRETCH:
            return
        if not self._is_hurried():
            is_pressed = self._is_pressed()
            if self._turn_until < now < self._way_until and not is_pressed:
                self._sleep(self._way_until - now)
                now = self._clock()
                self._turn_until = now + TURN
            nap = NAP if is_pressed else self._nap
            self._sleep(nap)
            woke = self._clock()
            is_busy = woke - now > nap + LATE
            self._nap = min(self._nap * 4, LONGEST_NAP) if is_busy else NAP
            now = woke
        self._since = now
