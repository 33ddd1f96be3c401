"""A run in another process as the child of one here: told in headers, or in the environment of a program."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from glia_sdk.capture import session

RUN_HEADER, STEP_HEADER = "X-Glia-Parent-Run", "X-Glia-Parent-Step"
RUN_VARIABLE, STEP_VARIABLE = "GLIA_PARENT_RUN", "GLIA_PARENT_STEP"
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def headers() -> dict[str, str]:
    """Headers for a request to a program that is captured, too; empty outside a run."""
    return _told(RUN_HEADER, STEP_HEADER)


def environment() -> dict[str, str]:
    """The environment for a program started here: `subprocess.run(command, env=glia.environment())`."""
    return {**os.environ, **_told(RUN_VARIABLE, STEP_VARIABLE)}


def parent_of(told: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """The run and step that headers name, in whatever case they came; None if they name none, or no id."""
    found = {str(name).lower(): str(value) for name, value in told.items()}
    run_id, step_id = found.get(RUN_HEADER.lower(), ""), found.get(STEP_HEADER.lower(), "")
    if not _ID.fullmatch(run_id):
        return None
    return run_id, step_id if _ID.fullmatch(step_id) else None


def _told(run_name: str, step_name: str) -> dict[str, str]:
    place = session.place()
    if place is None:
        return {}
    return {run_name: place.run.run_id, **({step_name: place.step_id} if place.step_id else {})}
