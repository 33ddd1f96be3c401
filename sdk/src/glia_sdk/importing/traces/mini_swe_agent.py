"""mini-swe-agent's trajectories: a dialogue of shell commands, each in an answer, and what came out of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from glia_sdk.importing.traces import messages
from glia_sdk.importing.traces.fields import Fields, only_set
from glia_sdk.importing.traces.model import Attributes, Converted, ImportedRun, Refused, Step

name = "mini-swe-agent"
DONE = "submitted"
_COMMAND = re.compile(r"```(?:bash|mswea_bash_command)?[ \t]*\n(.*?)\n?```", re.DOTALL)
_RETURN_CODE = re.compile(r"\s*<returncode>\s*(-?\d{1,6})\s*</returncode>")


def recognises(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("messages"), list):
        return False
    return str(value.get("trajectory_format", "")).startswith("mini-swe-agent") or "mini_version" in _info(value)


def _info(value: dict[str, Any]) -> dict[str, Any]:
    info = value.get("info")
    return info if isinstance(info, dict) else {}


def convert(value: Any) -> Iterator[Converted]:
    fields = Fields(value)
    parts = fields.parts("messages")
    if not parts or not all(isinstance(part.value.get("role"), str) for part in parts):
        yield Refused("messages", "a message has no role")
        return
    yield _run(fields, parts)


def _run(fields: Fields, parts: list[Fields]) -> ImportedRun:
    said = [{key: part.take(key) for key in part.value if key not in ("extra", "timestamp")} for part in parts]
    info = fields.part("info")
    title = fields.text("instance_id") or "mini-swe-agent"
    version = str(fields.take("trajectory_format") or "unknown")
    run = ImportedRun(title, fields.value, title, version, framework="mini-swe-agent")
    run.steps = [messages.root(title, said), *_steps(said, parts, _settings(info.part("config")))]
    stats = info.part("model_stats")
    run.attributes = only_set(mini_swe_agent__version=info.take("mini_version"))
    run.outputs = only_set(
        mini_swe_agent__exit_status=info.take("exit_status"), output__value=info.take("submission"),
        mini_swe_agent__cost=stats.number("instance_cost"), mini_swe_agent__api_calls=stats.number("api_calls"),
    )  # fmt: skip
    status = run.outputs.get("mini_swe_agent.exit_status")
    run.is_failed = isinstance(status, str) and status.lower() != DONE
    run.unmapped = fields.unmapped()
    return run


def _settings(config: Fields) -> Attributes:
    model = config.part("model")
    parameters = model.part("model_kwargs")
    return only_set(
        gen_ai__request__model=model.text("model_name"), gen_ai__request__temperature=parameters.number("temperature"),
        gen_ai__request__top_p=parameters.number("top_p"), gen_ai__request__max_tokens=parameters.number("max_tokens"),
    )  # fmt: skip


def _steps(said: list[messages.Message], parts: list[Fields], settings: Attributes) -> list[Step]:
    """Model calls as in any dialogue; commands where calls are not written as tool calls."""
    answers = {place: _answer(part) for place, part in enumerate(parts) if said[place]["role"] == "assistant"}
    found: list[Step] = []
    for step in messages.steps(said, lambda place: (settings, answers[place][0])):
        found.append(step)
        if step.kind != "model":
            continue
        place = int(step.key.removeprefix("message-"))
        step.ended = answers[place][1]
        if not messages.tool_calls(said[place]) and (command := _command(said, place)):
            found.append(command)
    return found


def _answer(part: Fields) -> tuple[Attributes, datetime | None]:
    """What is known of a call beside its text, and when it was answered."""
    extra = part.part("extra")
    response = extra.part("response")
    choices = response.parts("choices")
    outputs = only_set(
        gen_ai__response__id=response.text("id"), gen_ai__response__model=response.text("model"),
        gen_ai__provider__name=response.text("provider"),
    ) | messages.usage(response.take("usage"))  # fmt: skip
    reasons = []
    for choice in choices:
        reasons.append(choice.text("finish_reason"))
        _read_message(choice.part("message"), part, outputs)
    if any(reasons):
        outputs["gen_ai.response.finish_reasons"] = reasons
    return outputs, part.moment("timestamp") or response.moment("created")


def _read_message(message: Fields, part: Fields, outputs: Attributes) -> None:
    for key in ("role", "content", "tool_calls"):
        message.repeats(key, part.value.get(key))
    outputs |= only_set(
        mini_swe_agent__reasoning=message.text("reasoning"),
        mini_swe_agent__reasoning_details=message.take("reasoning_details") or None,
    )


def _command(said: list[messages.Message], place: int) -> Step | None:
    """The one command of an answer, if the next message is what came out of it."""
    content = said[place].get("content")
    commands = _COMMAND.findall(content) if isinstance(content, str) else []
    if len(commands) != 1 or place + 1 == len(said) or said[place + 1]["role"] != "user":
        return None
    result = said[place + 1].get("content")
    step = messages.tool(f"message-{place}/command", "bash", {"command": commands[0]})
    step.outputs["gen_ai.tool.call.result"] = result
    code = _RETURN_CODE.match(result) if isinstance(result, str) else None
    if code:
        step.outputs["process.exit.code"] = int(code[1])
        messages.fail(step, int(code[1]) != 0)
    return step
