"""The table of formats. A further one is a module with `name`, `recognises` and `convert`, and a line here."""

from __future__ import annotations

from typing import Any

from glia_sdk.importing.traces import atif, inspect_logs, langfuse, mini_swe_agent, openhands, swe_agent, tool_calling
from glia_sdk.importing.traces.model import Format

# The first that recognises a recording has it; the most particular stand first.
FORMATS: tuple[Format, ...] = (atif, inspect_logs, langfuse, mini_swe_agent, swe_agent, openhands, tool_calling)


def recognised(value: Any, formats: tuple[Format, ...] = FORMATS) -> Format | None:
    return next((one for one in formats if one.recognises(value)), None)


def named(name: str, formats: tuple[Format, ...] = FORMATS) -> Format | None:
    return next((one for one in formats if one.name == name), None)
