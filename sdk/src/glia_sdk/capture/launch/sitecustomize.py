"""What every Python program loads that `glia capture` starts, before its first line: capture is set up, then it runs.

This folder stands first on PYTHONPATH. A `sitecustomize` that it hides is loaded all the same, and before.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAME = "sitecustomize"


def load_hidden() -> None:
    """Loads the `sitecustomize` that would have been loaded without this one."""
    own = sys.modules.pop(NAME)
    sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != HERE]
    try:
        __import__(NAME)
    except ModuleNotFoundError as error:
        if error.name != NAME:
            raise
    finally:
        sys.modules.setdefault(NAME, own)


def begin() -> None:
    """Sets capture up. A program that has no `glia_sdk` of its own gets the one that started it, last on its path."""
    try:
        try:
            import glia_sdk
        except ModuleNotFoundError:
            sys.path.append(os.environ["GLIA_SDK_PATH"])
            import glia_sdk
        glia_sdk.init(is_process_run=True)
    except Exception as error:  # noqa: BLE001  # the program runs, captured or not
        sys.stderr.write(f"glia capture: this Python is not captured ({type(error).__name__})\n")


if os.environ.get("GLIA_CAPTURE"):
    try:
        load_hidden()
    finally:
        begin()
