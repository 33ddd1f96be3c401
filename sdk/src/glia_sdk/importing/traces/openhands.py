"""OpenHands' trajectories: a list of actions and observations, each action with the answer of the model behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from glia_sdk.importing.traces import messages
from glia_sdk.importing.traces.fields import Fields, decoded, moment, only_set
from glia_sdk.importing.traces.model import NOTE, Attributes, Converted, ImportedRun, Refused, Step

name = "openhands"


def recognises(value: Any) -> bool:
    return isinstance(value, list) and any(
        isinstance(one, dict) and "source" in one and ("action" in one or "observation" in one) for one in value
    )


def convert(value: Any) -> Iterator[Converted]:
    events = [Fields(one, "[]") for one in value]
    for place, event in enumerate(events):
        if "action" not in event and "observation" not in event:
            yield Refused(f"[{place}]", "neither an action nor an observation")
    yield _Reading(value, [event for event in events if "action" in event or "observation" in event]).run()


class _Reading:
    """One trajectory on its way to a run."""

    def __init__(self, source: Any, events: list[Fields]) -> None:
        self._source = source
        self._events = events
        self._steps: list[Step] = []
        self._answers: set[str] = set()
        self._tools: dict[Any, Step] = {}

    def run(self) -> ImportedRun:
        begun = [one["args"].get("content") for one in self._said("user")]
        title = "OpenHands"
        root = Step(messages.ROOT, "agent", title, inputs={"gen_ai.operation.name": "invoke_agent"})
        if begun:
            root.inputs["gen_ai.input.messages"] = [{"role": "user", "content": begun[0]}]
        run = ImportedRun("", self._source, title, "unknown", framework="OpenHands")
        for place, event in enumerate(self._events):
            self._read(place, event)
        run.steps = [root, *self._steps]
        run.attributes["glia.import.input"] = "messages that the model was sent are not recorded"
        for event in self._events:
            run.unmapped += event.unmapped()
        zoned = [str(event.value.get("timestamp", ""))[10:] for event in self._events]
        if zoned and not any("+" in one or "-" in one or "Z" in one for one in zoned):
            run.attributes["glia.import.zone"] = "not recorded, read as UTC"
        return run

    def _said(self, source: str) -> list[dict[str, Any]]:
        every = (event.value for event in self._events)
        return [
            one for one in every
            if one.get("action") == "message" and one.get("source") == source and isinstance(one.get("args"), dict)
        ]  # fmt: skip

    def _read(self, place: int, event: Fields) -> None:
        key = f"event-{place}"
        self._model_call(key, event)
        if "observation" in event:
            self._observe(key, event)
        elif event.value.get("source") == "agent" and event.value.get("action") == "message":
            self._speak(key, event)
        elif event.value.get("source") == "agent" and event.value.get("action") not in ("think", "change_agent_state"):
            self._act(key, event)
        else:
            self._note(key, event, str(event.value.get("action")))

    def _model_call(self, key: str, event: Fields) -> None:
        """The model's answer that an event came of, at its first event."""
        response = event.part("tool_call_metadata").value.get("model_response")
        event.part("tool_call_metadata").take("model_response")
        if not isinstance(response, dict) or str(response.get("id")) in self._answers:
            return
        self._answers.add(str(response.get("id")))
        choices = [one for one in response.get("choices") or [] if isinstance(one, dict)]
        outputs = only_set(
            gen_ai__response__id=response.get("id"), gen_ai__response__model=response.get("model"),
            gen_ai__response__finish_reasons=[one.get("finish_reason") for one in choices],
        ) | messages.usage(response.get("usage"))  # fmt: skip
        rest = {name: one for name, one in response.items() if one is not None and name not in _READ}
        outputs |= {"openhands.model_response": rest} if rest else {}
        step = messages.model_call(f"{key}/model", None, [one.get("message") or {} for one in choices], {}, outputs)
        step.ended = moment(event.value.get("timestamp"))
        self._steps.append(step)

    def _speak(self, key: str, event: Fields) -> None:
        """A message of the agent's that no recorded answer stands behind."""
        if "tool_call_metadata" in event:
            self._note(key, event, "message")
            return
        args = event.take("args")
        content = args.get("content") if isinstance(args, dict) else args
        step = messages.model_call(
            key, None, [{"role": "assistant", "content": content}], {}, {"openhands.event": _common(event, args)}
        )
        step.ended = event.moment("timestamp")
        self._steps.append(step)

    def _act(self, key: str, event: Fields) -> None:
        call = event.part("tool_call_metadata")
        response = call.value.get("model_response")
        args, call_id, called = event.take("args"), call.text("tool_call_id"), call.text("function_name")
        step = messages.tool(key, called or str(event.value["action"]), _arguments(response, call_id, args), call_id)
        step.inputs["openhands.event"] = _common(event, args)
        step.started = event.moment("timestamp")
        self._steps.append(step)
        self._tools[event.value.get("id")] = step

    def _observe(self, key: str, event: Fields) -> None:
        step = self._tools.pop(event.value.get("cause"), None) if "cause" in event else None
        if step is None:
            self._note(key, event, str(event.value["observation"]))
            return
        metadata = event.part("tool_call_metadata")
        metadata.repeats("tool_call_id", step.inputs.get("gen_ai.tool.call.id"))
        metadata.repeats("function_name", step.name)
        step.ended = event.moment("timestamp")
        extras = event.take("extras")
        step.outputs = {"gen_ai.tool.call.result": event.take("content"), "openhands.extras": extras}
        step.outputs["openhands.event"] = _common(event, None)
        is_error = event.value.get("observation") == "error" or event.take("success") is False
        messages.fail(step, is_error)

    def _note(self, key: str, event: Fields, title: str) -> None:
        told = {name: event.take(name) for name in ("args", "content", "extras") if name in event}
        told |= _common(event, None)
        step = Step(key, NOTE, title, messages.ROOT, event.moment("timestamp"), inputs={"openhands.event": told})
        self._steps.append(step)


_READ = frozenset({"id", "model", "choices", "usage"})


def _common(event: Fields, args: Any) -> Attributes:
    """What every event says of itself."""
    names = ("id", "source", "action", "observation", "cause", "message", "timeout", "success")
    told = {name: event.take(name) for name in names if event.value.get(name) is not None}
    return told | ({"args": args} if args else {})


def _arguments(response: Any, call_id: str | None, args: Any) -> Any:
    """What the model asked the tool with, else what the action says."""
    choices = response.get("choices") if isinstance(response, dict) else None
    for choice in choices or []:
        message = choice.get("message") if isinstance(choice, dict) else None
        for call in messages.tool_calls(message if isinstance(message, dict) else {}):
            if call_id is not None and call.get("id") == call_id and isinstance(call.get("function"), dict):
                return decoded(call["function"].get("arguments"))
    return args
