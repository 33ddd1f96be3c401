"""Lists of messages with tool calls: bare, under `messages`, or, as tau-bench writes them, one `traj` a trial."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from glia_sdk.importing.traces import messages
from glia_sdk.importing.traces.fields import Fields, only_set
from glia_sdk.importing.traces.model import Converted, ImportedRun, Refused

name = "tool-calling-messages"
ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


def recognises(value: Any) -> bool:
    if isinstance(value, dict):
        return _is_dialogue(value.get("messages")) and "info" not in value
    return _is_dialogue(value) or (isinstance(value, list) and any(_dialogue(one) for one in value))


def convert(value: Any) -> Iterator[Converted]:
    if isinstance(value, dict) or _is_dialogue(value):
        yield _run("", value)
        return
    for place, one in enumerate(value):
        yield _run(f"[{place}]", one) if _dialogue(one) else Refused(f"[{place}]", "there is no list of messages")


def _dialogue(one: Any) -> str | None:
    """The key under which a list of messages is."""
    held = one if isinstance(one, dict) else {}
    return next((key for key in ("traj", "messages") if _is_dialogue(held.get(key))), None)


def _is_dialogue(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and one.get("role") in ROLES for one in value)
    )


def _run(place: str, value: Any) -> ImportedRun:
    fields = Fields(value if isinstance(value, dict) else {"messages": value}, "[]" if place else "")
    said = fields.take(_dialogue(fields.value) or "messages")
    task, trial = fields.number("task_id"), fields.number("trial")
    title = fields.text("id") or (f"task {task}, trial {trial}" if task is not None else "dialogue")
    run = ImportedRun(title, value, title, "1", framework="tau-bench" if "traj" in fields.value else None)
    run.steps = [messages.root(title, said), *messages.steps(said)]
    info = fields.part("info")
    run.attributes = only_set(
        tau_bench__task_id=task, tau_bench__trial=trial, tau_bench__task=info.take("task"),
        gen_ai__request__model=fields.text("model"), gen_ai__tool__definitions=fields.take("tools"),
    )  # fmt: skip
    run.outputs = only_set(
        tau_bench__reward=fields.number("reward"), tau_bench__reward_info=info.take("reward_info"),
        tau_bench__last_source=info.take("source"), tau_bench__user_cost=info.number("user_cost"),
        tau_bench__error=info.take("error"), tau_bench__traceback=info.take("traceback"),
    )  # fmt: skip
    run.is_failed = "tau_bench.error" in run.outputs
    run.unmapped = fields.unmapped()
    return run
