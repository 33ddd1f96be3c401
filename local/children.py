"""What has to happen in a child between fork and exec."""

from __future__ import annotations

import ctypes
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
RESET = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)

# Loaded here, not in the child: after fork in a process with threads only simple calls are safe.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def child_setup(parent_death: signal.Signals | None) -> Callable[[], None]:
    """A `preexec_fn` that gives the child its signals back and, on Linux, has it told of its parent's death.

    Default dispositions are restored because ignored signals and a blocked mask survive exec: a supervisor started with
    `nohup` or from a script with `&` would otherwise raise children that cannot be stopped.

    Args:
        parent_death: the signal the kernel sends the child when the thread that started it ends; None for none.
    """

    def setup() -> None:
        for number in RESET:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if _prctl and parent_death is not None:
            _prctl(PR_SET_PDEATHSIG, int(parent_death), 0, 0, 0)

    return setup
