"""SWE-agent's trajectories (`.traj`): actions with what they brought, and the dialogue that led to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from glia_sdk.importing.traces import messages
from glia_sdk.importing.traces.fields import Fields, only_set
from glia_sdk.importing.traces.model import Attributes, Converted, ImportedRun, Refused, Step

name = "swe-agent"


def recognises(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("trajectory"), list):
        return False
    return "environment" in value or "history" in value or "replay_config" in value


def convert(value: Any) -> Iterator[Converted]:
    fields = Fields(value)
    entries = fields.parts("trajectory")
    if any(not entry.value for entry in entries):
        yield Refused("trajectory", "an entry is no object")
        return
    history = value.get("history")
    said = history if isinstance(history, list) and all(isinstance(one, dict) for one in history) else []
    if said:
        fields.take("history")
    yield _run(fields, entries, said)


def _run(fields: Fields, entries: list[Fields], said: list[messages.Message]) -> ImportedRun:
    config = Fields(_config(fields), "replay_config")
    info = fields.part("info")
    problem = config.part("problem_statement")
    title = problem.text("id") or fields.text("instance_id") or "SWE-agent"
    version = info.text("swe_agent_version") or "unknown"
    run = ImportedRun(title, fields.value, title, version, framework="SWE-agent")
    run.steps = [messages.root(title, said), *_steps(entries, said, _settings(config.part("agent").part("model")))]
    run.attributes = only_set(swe_agent__environment=fields.text("environment"), input__value=problem.text("text"))
    status = info.text("exit_status")
    run.outputs = only_set(
        swe_agent__exit_status=status, output__value=info.take("submission"),
        swe_agent__model_stats=info.take("model_stats"),
    )  # fmt: skip
    run.is_failed = status is not None and "submitted" not in status
    run.unmapped = fields.unmapped() + config.unmapped()
    return run


def _config(fields: Fields) -> dict[str, Any]:
    """The settings, which later versions keep as JSON in a text."""
    found = fields.value.get("replay_config")
    try:
        read = json.loads(found, parse_constant=str) if isinstance(found, str) else found
    except ValueError:
        return {}
    if not isinstance(read, dict):
        return {}
    fields.take("replay_config")
    return read


def _settings(model: Fields) -> Attributes:
    return only_set(
        gen_ai__request__model=model.text("name"), gen_ai__request__temperature=model.number("temperature"),
        gen_ai__request__top_p=model.number("top_p"),
    )  # fmt: skip


def _steps(entries: list[Fields], said: list[messages.Message], settings: Attributes) -> list[Step]:
    found: list[Step] = []
    after = 0
    for number, entry in enumerate(entries):
        place = _place(said, after, entry)
        after = after if place is None else place + 1
        answer = None if place is None else said[place]
        asked = entry.take("query") or entry.take("messages") or (None if place is None else said[:place])
        response, thought = entry.take("response"), entry.take("thought")
        call = messages.model_call(
            f"turn-{number}", asked if isinstance(asked, list) else None,
            [answer or {"role": "assistant", "content": response}], settings,
            {"swe_agent.thought": thought} if thought and thought != response else {},
        )  # fmt: skip
        found += [call, _action(f"turn-{number}/action", entry, answer)]
    return found


def _place(said: list[messages.Message], after: int, entry: Fields) -> int | None:
    """Where in the dialogue the answer is that led to an entry; demonstrations are not this run's."""
    response, action = entry.value.get("response"), entry.value.get("action")
    for at in range(after, len(said)):
        one = said[at]
        if one.get("role") == "assistant" and not one.get("is_demo") and (
            one.get("content") == response or (action and one.get("action") == action)
        ):  # fmt: skip
            return at
    return None


def _action(key: str, entry: Fields, answer: messages.Message | None) -> Step:
    """The tool that was asked for, or, where answers are text, the command that was read out of it."""
    action = entry.take("action")
    calls = messages.tool_calls(answer or {})
    if len(calls) == 1:
        step = messages.tool_call(key, calls[0], None)
        step.inputs["swe_agent.action"] = action
    else:
        step = messages.tool(key, "shell", {"command": action})
    step.seconds = entry.number("execution_time")
    step.outputs |= {"gen_ai.tool.call.result": entry.take("observation"), "swe_agent.state": entry.take("state")}
    return step
