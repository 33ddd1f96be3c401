"""Langfuse's exports, which agent frameworks are traced to: a trace and its observations, nested and timed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from glia_sdk.importing.traces import messages
from glia_sdk.importing.traces.fields import Fields, decoded, only_set
from glia_sdk.importing.traces.model import NOTE, Attributes, Converted, ImportedRun, Refused, Step

name = "langfuse"
KINDS: dict[str, str | None] = {
    "GENERATION": "model", "EMBEDDING": "model", "AGENT": "agent", "CHAIN": "agent", "TOOL": "tool",
    "RETRIEVER": "retriever", "EVALUATOR": "validator", "GUARDRAIL": "safety", "SPAN": None, "EVENT": NOTE,
}  # fmt: skip
# What a span is, where its framework said so in OpenInference's words.
SPANS = {
    "LLM": "model", "EMBEDDING": "model", "TOOL": "tool", "RETRIEVER": "retriever", "RERANKER": "retriever",
    "AGENT": "agent", "CHAIN": "agent", "GUARDRAIL": "safety", "EVALUATOR": "validator",
}  # fmt: skip
PARAMETERS = ("temperature", "top_p", "max_tokens", "seed", "frequency_penalty", "presence_penalty")
_LATEST = datetime.max.replace(tzinfo=UTC)


def recognises(value: Any) -> bool:
    return (
        isinstance(value, dict) and isinstance(value.get("trace"), dict) and isinstance(value.get("observations"), list)
    )


def convert(value: Any) -> Iterator[Converted]:
    fields = Fields(value)
    observations = fields.parts("observations")
    ids = [one.value.get("id") for one in observations]
    if not all(isinstance(one, str) and one for one in ids) or len(set(ids)) < len(ids):
        yield Refused("observations", "one has no id, or that of another")
        return
    steps = _ordered([_step(one) for one in observations])
    if len(steps) < len(observations):
        yield Refused("observations", "parents in a circle")
        return
    yield _run(fields, steps)


def _run(fields: Fields, steps: list[Step]) -> ImportedRun:
    trace = fields.part("trace")
    identity, title = trace.text("id") or "", trace.text("name") or "trace"
    run = ImportedRun(identity, fields.value, title, trace.text("version") or "unknown", steps)
    run.is_timed = all(step.started and (step.ended or step.kind == NOTE) for step in steps)
    tags = trace.take("tags")
    run.tags = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    run.attributes = only_set(
        langfuse__trace__id=identity, langfuse__session__id=trace.text("sessionId"),
        langfuse__user__id=trace.text("userId"), langfuse__environment=trace.text("environment"),
        langfuse__release=trace.text("release"),
        langfuse__metadata=decoded(trace.take("metadata")), input__value=decoded(trace.take("input")),
    )  # fmt: skip
    run.outputs = only_set(
        output__value=decoded(trace.take("output")),
        langfuse__scores=trace.take("scores") or None,
        langfuse__corrections=trace.take("corrections") or None,
    )
    _note_repeated(trace, fields)
    for one in fields.parts("observations"):
        one.repeats("traceId", identity)
    run.unmapped = fields.unmapped()
    return run


def _note_repeated(trace: Fields, fields: Fields) -> None:
    """A trace repeats its observations without their contents; what it says of its own stays unmapped."""
    known = {one.value["id"]: one.value for one in fields.parts("observations")}
    for one in trace.parts("observations"):
        whole = known.get(one.value.get("id"), {})
        for key, value in one.value.items():
            if value == whole.get(key) or (key == "metadata" and value == "{}"):
                one.take(key)


def _step(fields: Fields) -> Step:
    kind = fields.text("type") or "SPAN"
    metadata = decoded(fields.take("metadata"))
    said = metadata.get("attributes") if isinstance(metadata, dict) else None
    attributes: Attributes = said if isinstance(said, dict) else {}
    known = SPANS.get(str(attributes.get("openinference.span.kind"))) if kind == "SPAN" else KINDS.get(kind)
    step = Step(str(fields.take("id")), known, fields.text("name") or kind.lower(), fields.text("parentObservationId"))
    step.started, step.ended = fields.moment("startTime"), fields.moment("endTime")
    given, came = decoded(fields.take("input")), decoded(fields.take("output"))
    if known == "model":
        step.inputs, step.outputs = _asked(fields, given, kind), _answered(fields, came)
    elif known == "tool":
        called = attributes.get("gen_ai.tool.name") or step.name
        step.inputs = messages.tool("", str(called), given, attributes.get("gen_ai.tool.call.id")).inputs
        step.outputs = only_set(gen_ai__tool__call__result=came)
    else:
        step.inputs, step.outputs = only_set(input__value=given), only_set(output__value=came)
    step.inputs |= only_set(
        langfuse__observation__id=step.key, langfuse__observation__type=kind, langfuse__metadata=metadata,
        langfuse__observation__version=fields.text("version"), langfuse__environment=fields.text("environment"),
    )  # fmt: skip
    step.inputs |= only_set(
        langfuse__model=fields.take("model"), langfuse__model_parameters=fields.take("modelParameters") or None,
        langfuse__prompt__name=fields.text("promptName"), langfuse__prompt__version=fields.take("promptVersion"),
    )  # fmt: skip
    _meter(step, fields)
    _judge(step, fields)
    return step


def _judge(step: Step, fields: Fields) -> None:
    level, message = fields.text("level"), fields.text("statusMessage")
    step.outputs |= only_set(langfuse__level=level, langfuse__status_message=message)
    if level == "ERROR":
        messages.fail(step, message or True)


def _asked(fields: Fields, given: Any, kind: str) -> Attributes:
    """A model call's request; what comes as an object with a list of messages is taken apart."""
    asked: Attributes = {"gen_ai.operation.name": "embeddings" if kind == "EMBEDDING" else "chat"}
    asked |= only_set(gen_ai__request__model=fields.text("model"))
    parameters = Fields(fields.value.get("modelParameters"))
    asked |= {f"gen_ai.request.{key}": value for key in PARAMETERS if (value := parameters.number(key)) is not None}
    if isinstance(given, dict):
        listed = next((key for key in ("messages", "contents") if isinstance(given.get(key), list)), None)
        if listed is not None:
            rest = {name: one for name, one in given.items() if name != listed}
            asked["gen_ai.input.messages"] = given[listed]
            return asked | only_set(glia__request__parameters=rest or None)
    if given is None or kind == "EMBEDDING":
        return asked | only_set(input__value=given)
    return asked | {"gen_ai.input.messages": given if isinstance(given, list) else [{"role": "user", "content": given}]}


def _answered(fields: Fields, came: Any) -> Attributes:
    usage, cost = Fields(fields.value.get("usageDetails")), Fields(fields.value.get("costDetails"))
    told = only_set(
        gen_ai__usage__input_tokens=usage.number("input"), gen_ai__usage__output_tokens=usage.number("output"),
        gen_ai__usage__cache_read__input_tokens=usage.number("input_cached_tokens") or usage.number("input_cache_read"),
        gen_ai__usage__cost=cost.number("total") or fields.number("totalCost") or None,
        gen_ai__response__model=fields.text("model"),
    )  # fmt: skip
    return told | ({"gen_ai.output.messages": _messages(came)} if came is not None else {})


def _meter(step: Step, fields: Fields) -> None:
    """All that is counted, as it is; the sums beside it repeat it."""
    usage, cost = Fields(fields.take("usageDetails")), Fields(fields.take("costDetails"))
    step.outputs |= only_set(
        langfuse__usage_details=usage.value or None, langfuse__cost_details=cost.value or None,
        langfuse__provided_cost_details=fields.take("providedCostDetails") or None,
        langfuse__time_to_first_token=fields.number("timeToFirstToken"),
    )  # fmt: skip
    for name in ("input", "output", "total"):
        fields.repeats(f"{name}Usage", usage.value.get(name, 0))
        fields.repeats(f"{name}Cost", cost.value.get(name, 0))


def _messages(came: Any) -> list[Any]:
    if isinstance(came, list):
        return came
    return [came if isinstance(came, dict) else {"role": "assistant", "content": came}]


def _ordered(found: list[Step]) -> list[Step]:
    """Parents first, siblings by their start; a parent that is not there is none. Without those in a circle."""
    known = {step.key for step in found}
    children: dict[str | None, list[Step]] = {}
    for step in sorted(found, key=lambda one: (one.started or _LATEST, one.key)):
        if step.parent not in known:
            step.inputs |= only_set(langfuse__parent__missing=step.parent)
            step.parent = None
        children.setdefault(step.parent, []).append(step)
    ordered, waiting = list[Step](), children.get(None, [])[::-1]
    while waiting:
        ordered.append(waiting.pop())
        waiting += children.get(ordered[-1].key, [])[::-1]
    return ordered
