"""What a program calls to be recorded."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from glia_sdk.capture import session
from glia_sdk.capture.counting import Stats
from glia_sdk.capture.settings import CLOSED, SigningKey, instruments, resolve

if TYPE_CHECKING:
    from glia_wire.redaction import Rule

    from glia_sdk.capture.instruments.table import Instrument

LAMBDA_MARGIN = 0.5  # seconds of a function's time that a flush leaves


def init(
    *,
    url: str | None = None,
    token: str | None = None,
    profile: str | None = None,
    signing: SigningKey | None = None,
    fail_mode: Literal["open", "closed"] | None = None,
    service: str | None = None,
    hooks: Sequence[Any] = (),
    rules: Sequence[Rule] = (),
    allow_keys: Iterable[str] = (),
    deny_keys: Iterable[str] = (),
    memory_bytes: int | None = None,
    spill_folder: str | Path | None = None,
    spill_bytes: int | None = None,
    flush_interval: float | None = None,
    is_process_run: bool | None = None,
    instrument: Sequence[str | Instrument] | None = None,
) -> None:
    """Records this process from now on. What is not given comes from the environment or from `glia login`.

    Args:
        fail_mode: `open` never lets capture fail the program; `closed` raises `CaptureFailed` where the program begins
            a run or a step that cannot be recorded. Or `GLIA_FAIL_MODE`.
        hooks: called with every text before the built-in rules; each returns the text without what is to go.
        rules: of redaction, besides the built-in ones.
        allow_keys: names of fields whose name alone makes no secret of their value.
        deny_keys: names of fields whose values always go.
        memory_bytes: the most that waits in memory (48 MiB).
        spill_folder, spill_bytes: where and how much may wait on disk (1 GiB).
        flush_interval: seconds after which an event has been sent or is on disk (1).
        is_process_run: puts steps outside any run into one run of the process.
        instrument: what records packages as they are, by name or as objects; `()` for none. Or `GLIA_INSTRUMENT`, names
            with commas between them; else `openai`.

    Raises:
        CaptureFailed: with fail_mode `closed` only.
    """
    given: dict[str, Any] = {
        "url": url, "token": token, "profile": profile, "signing": signing, "service": service,
        "is_fail_closed": None if fail_mode is None else fail_mode == CLOSED,
        "hooks": tuple(hooks) or None, "rules": tuple(rules) or None,
        "allow_keys": tuple(allow_keys) or None, "deny_keys": tuple(deny_keys) or None,
        "memory_bytes": memory_bytes, "spill_folder": spill_folder, "spill_bytes": spill_bytes,
        "flush_interval": flush_interval, "is_process_run": is_process_run,
    }  # fmt: skip
    try:
        session.begin(resolve(**given))
        _instrument(*(instruments() if instrument is None else instrument))
    except Exception as error:
        if fail_mode == CLOSED or not isinstance(error, Exception):
            raise
        session.give_up(error)


def _instrument(*chosen: str | Instrument) -> None:
    from glia_sdk.capture.instruments.table import instrument

    instrument(*chosen)


def flush(timeout: float = 10.0) -> bool:
    """Sends what there is. False if that did not end in `timeout` seconds; what is left is sent later."""
    return session.flush(timeout)


def shutdown(timeout: float = 1.5) -> None:
    """Sends what can be sent in time, puts the rest on disk, and records nothing more. Happens by itself at exit."""
    session.end(timeout)


def stats() -> Stats:
    """What became of what was recorded."""
    return session.stats()


def lambda_handler(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """An AWS Lambda handler, each of whose calls is a run, sent before the function is frozen."""
    from glia_sdk.capture.runs import run

    @functools.wraps(handler)
    def called(event: Any, context: Any) -> Any:
        name = getattr(context, "function_name", None) or getattr(handler, "__name__", "handler")
        try:
            with run(str(name)):
                return handler(event, context)
        finally:
            session.guarded(session.flush, _time_left(context))

    return called


def _time_left(context: Any) -> float:
    """Seconds a flush may take."""
    left = getattr(context, "get_remaining_time_in_millis", None)
    return max(0.0, min(10.0, left() / 1000 - LAMBDA_MARGIN)) if callable(left) else 5.0
