"""ATIF, the Agent Trajectory Interchange Format: steps of user, system and agent, with tool calls and observations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from glia_sdk.importing.traces import messages
from glia_sdk.importing.traces.fields import Fields, only_set
from glia_sdk.importing.traces.messages import Message
from glia_sdk.importing.traces.model import NOTE, Attributes, Converted, ImportedRun, Refused, Step

name = "atif"
VERSIONS = "ATIF-v1"


def recognises(value: Any) -> bool:
    return isinstance(value, dict) and str(value.get("schema_version", "")).startswith("ATIF-")


def convert(value: Any) -> Iterator[Converted]:
    fields = Fields(value)
    version = str(fields.take("schema_version"))
    parts = fields.parts("steps")
    if not version.startswith(VERSIONS):
        yield Refused("schema_version", f"only {VERSIONS} is known")
    elif not parts or any(not part.value for part in parts):
        yield Refused("steps", "there are none, or one is no object")
    else:
        yield _run(fields, parts, version)


def _run(fields: Fields, parts: list[Fields], version: str) -> ImportedRun:
    agent = fields.part("agent")
    title, session = agent.text("name") or "agent", fields.text("session_id") or ""
    model = agent.text("model_name")
    dialogue = _Dialogue(model)
    for number, part in enumerate(parts):
        dialogue.read(f"step-{number}", part)
    run = ImportedRun(session, fields.value, title, version)
    run.steps = [messages.root(title, dialogue.said), *dialogue.steps]
    run.attributes = only_set(
        atif__session_id=session, gen_ai__agent__name=title, gen_ai__agent__version=agent.text("version"),
        gen_ai__request__model=model, atif__agent__extra=agent.take("extra"), atif__notes=fields.take("notes"),
        gen_ai__tool__definitions=agent.take("tool_definitions"), atif__extra=fields.take("extra"),
    )  # fmt: skip
    run.outputs = only_set(atif__final_metrics=fields.take("final_metrics"))
    run.unmapped = fields.unmapped()
    return run


class _Dialogue:
    """Steps so far, and what was said so far: what the model is given at each of its calls."""

    def __init__(self, model: str | None) -> None:
        self.said: list[Message] = []
        self.steps: list[Step] = []
        self._model = model

    def read(self, key: str, part: Fields) -> None:
        source = part.take("source")
        message: Message = {"role": "assistant" if source == "agent" else str(source), "content": part.take("message")}
        part.take("step_id")
        if source != "agent":
            self.said.append(message)
            self._remark(key, part, str(source), message)
            return
        calls = part.parts("tool_calls")
        asked = [_call(call) for call in calls]
        told = [*self.said]
        self.said.append(message | ({"tool_calls": asked} if asked else {}))
        step = messages.model_call(
            key, told, self.said[-1:], only_set(gen_ai__request__model=self._model), _known(part)
        )
        step.started = part.moment("timestamp")
        self.steps.append(step)
        self._act(key, part, asked)

    def _remark(self, key: str, part: Fields, source: str, message: Message) -> None:
        told: Attributes = {"gen_ai.input.messages": [message]} | only_set(atif__extra=part.take("extra"))
        self.steps.append(Step(key, NOTE, source, messages.ROOT, part.moment("timestamp"), inputs=told))

    def _act(self, key: str, part: Fields, asked: list[dict[str, Any]]) -> None:
        """Tool calls with their results; one call and one result without an id belong together."""
        results = part.part("observation").parts("results")
        only = results[0] if len(results) == len(asked) == 1 else None
        left = list(results)
        for number, call in enumerate(asked):
            found = next(
                (one for one in left if _is_for(one, call) or (one is only and "source_call_id" not in one)), None
            )
            answer = None
            if found is not None:
                left.remove(found)
                answer = self._answer(found, call.get("id"))
            self.steps.append(messages.tool_call(f"{key}/call-{number}", call, answer))
        for number, one in enumerate(left):
            answer = self._answer(one, None)
            told = {"gen_ai.tool.call.result": answer["content"]}
            self.steps.append(Step(f"{key}/observation-{number}", NOTE, "observation", messages.ROOT, inputs=told))

    def _answer(self, result: Fields, call_id: Any) -> Message:
        result.take("source_call_id")
        said = {"tool_call_id": call_id} if call_id else {}
        answer: Message = {"role": "tool" if call_id else "user", **said, "content": result.take("content")}
        self.said.append(answer)
        return answer


def _is_for(result: Fields, call: dict[str, Any]) -> bool:
    return "source_call_id" in result and result.value["source_call_id"] == call.get("id")


def _call(call: Fields) -> dict[str, Any]:
    """As chat completions have it."""
    function = {"name": call.take("function_name"), "arguments": call.take("arguments")}
    return {"id": call.take("tool_call_id"), "type": "function", "function": function}


def _known(part: Fields) -> Attributes:
    metrics = part.part("metrics")
    return only_set(
        gen_ai__response__model=part.text("model_name"), atif__reasoning_content=part.take("reasoning_content"),
        gen_ai__usage__input_tokens=metrics.number("prompt_tokens"), atif__extra=part.take("extra"),
        gen_ai__usage__output_tokens=metrics.number("completion_tokens"),
        gen_ai__usage__cache_read__input_tokens=metrics.number("cached_tokens"),
        gen_ai__usage__cost=metrics.number("cost_usd"), atif__metrics__extra=metrics.take("extra"),
    )  # fmt: skip
