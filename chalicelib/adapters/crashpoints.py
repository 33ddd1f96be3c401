"""Named places where a process may die. In production nothing happens there; fault tests kill the worker at them.

`after_claim`: a job is claimed, nothing else is done. `mid_transaction`: effects are written, not committed.
`after_commit_before_send`: effects are committed, follow-up messages are not sent. `after_commit_before_ack`: all is
done, the queue does not know.
"""

from __future__ import annotations

from collections.abc import Callable

NAMES = ("after_claim", "mid_transaction", "after_commit_before_send", "after_commit_before_ack")
CrashPoints = Callable[[str], None]


def survive(name: str) -> None:
    """The production behaviour: go on."""
