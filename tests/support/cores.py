"""A core for each test process and its database: what a statement wakes is on the same core, which costs less than half
of waking another, most of all on a virtual machine."""

from __future__ import annotations

import os

_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
_CORES = sorted(os.sched_getaffinity(0)) if _WORKER and hasattr(os, "sched_getaffinity") else []


def use_one() -> None:
    """This thread, and what it starts from now on, stay on the core of this test process."""
    if _CORES:
        os.sched_setaffinity(0, {_CORES[int(_WORKER.removeprefix("gw")) % len(_CORES)]})


def use_all() -> None:
    """For tests that start several processes."""
    if _CORES:
        os.sched_setaffinity(0, _CORES)
