"""Dialogues as lists of messages with tool calls: the steps they tell of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glia_sdk.importing.traces.fields import decoded
from glia_sdk.importing.traces.model import Attributes, Step

ROOT = "agent"
Message = dict[str, Any]
Said = Callable[[int], tuple[Attributes, Attributes]]  # more of a model call, by its message's place: inputs, outputs


def root(name: str, messages: list[Message]) -> Step:
    """The agent's own step, with what it was given and what stood there at the end."""
    spoken = [place for place, one in enumerate(messages) if one.get("role") == "assistant"]
    first, last = (spoken[0], spoken[-1]) if spoken else (len(messages), len(messages))
    rest = [one for one in messages[last + 1 :] if one.get("role") != "tool"]
    outputs = rest or messages[last : last + 1]
    given: Attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}
    given["gen_ai.input.messages"] = messages[:first]
    return Step(ROOT, "agent", name, inputs=given, outputs={"gen_ai.output.messages": outputs} if outputs else {})


def steps(messages: list[Message], more: Said = lambda place: ({}, {})) -> list[Step]:
    """A model call for each message of the assistant's, a tool call for each that it asks for; all under the root."""
    found: list[Step] = []
    answered: set[int] = set()
    for place, message in enumerate(messages):
        if message.get("role") == "assistant":
            inputs, outputs = more(place)
            found.append(model_call(f"message-{place}", messages[:place], [message], inputs, outputs))
            for number, call in enumerate(tool_calls(message)):
                answer = _answer(messages, place, call.get("id"), answered)
                found.append(tool_call(f"message-{place}/call-{number}", call, answer))
        elif message.get("role") == "tool" and place not in answered:
            found.append(_without_call(f"message-{place}", message))
    return found


def model_call(
    key: str, given: list[Message] | None, said: list[Message], inputs: Attributes, outputs: Attributes
) -> Step:
    asked: Attributes = {"gen_ai.operation.name": "chat"}
    if given is not None:
        asked["gen_ai.input.messages"] = given
    name = outputs.get("gen_ai.response.model") or inputs.get("gen_ai.request.model")
    return Step(
        key, "model", f"chat {name}" if name else "chat", ROOT,
        inputs=asked | inputs, outputs={"gen_ai.output.messages": said} | outputs,
    )  # fmt: skip


def tool_calls(message: Message) -> list[dict[str, Any]]:
    calls = message.get("tool_calls")
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def tool_call(key: str, call: dict[str, Any], answer: Message | None) -> Step:
    """The step of a call as chat completions have it; `answer` is the message with its result."""
    function = call.get("function")
    said = function if isinstance(function, dict) else call
    step = tool(key, str(said.get("name") or "tool"), decoded(said.get("arguments")), call.get("id"))
    if answer is not None:
        step.outputs["gen_ai.tool.call.result"] = answer.get("content")
        fail(step, _error(answer))
    return step


def tool(key: str, name: str, arguments: Any, call_id: Any = None) -> Step:
    told: Attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name}
    told |= {"gen_ai.tool.call.id": call_id} if call_id else {}
    return Step(key, "tool", name, ROOT, inputs=told | {"gen_ai.tool.call.arguments": arguments})


def fail(step: Step, error: Any) -> None:
    """Marks a step as failed, if there is an error."""
    if error:
        message = error if isinstance(error, str) else None
        step.is_failed = True
        step.outputs |= {"error.type": "tool_error"} | ({"error.message": message} if message else {})


def _error(answer: Message) -> Any:
    if answer.get("is_error") is True or answer.get("status") == "error":
        return True
    return answer.get("error")


def _answer(messages: list[Message], place: int, call_id: Any, answered: set[int]) -> Message | None:
    """The first result of a call that no call has yet, up to the next time the assistant calls it the same."""
    for at in range(place + 1, len(messages)):
        one = messages[at]
        ids = one.get("tool_call_ids") or [one.get("tool_call_id")]
        if one.get("role") == "tool" and at not in answered and call_id is not None and call_id in ids:
            answered.add(at)
            return one
    return None


def _without_call(key: str, message: Message) -> Step:
    step = tool(key, str(message.get("name") or "tool"), None, message.get("tool_call_id"))
    step.inputs["glia.import.call"] = "not recorded"
    step.outputs["gen_ai.tool.call.result"] = message.get("content")
    fail(step, _error(message))
    return step


def usage(told: Any) -> Attributes:
    """Tokens and cost, under the names of chat completions."""
    if not isinstance(told, dict):
        return {}
    details = told.get("prompt_tokens_details")
    found = {
        "gen_ai.usage.input_tokens": told.get("prompt_tokens"),
        "gen_ai.usage.output_tokens": told.get("completion_tokens"),
        "gen_ai.usage.cache_read.input_tokens": details.get("cached_tokens") if isinstance(details, dict) else None,
        "gen_ai.usage.cost": told.get("cost"),
    }
    return {name: value for name, value in found.items() if value is not None}
