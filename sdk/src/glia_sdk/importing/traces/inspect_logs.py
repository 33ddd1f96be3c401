"""Inspect's evaluation logs as JSON: a run a sample, from its events, or from its messages where there are none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from glia_sdk.importing.traces import messages
from glia_sdk.importing.traces.fields import Fields, only_set
from glia_sdk.importing.traces.model import NOTE, Attributes, Converted, ImportedRun, Refused, Step, Unmapped

name = "inspect"
ATTACHED = "attachment://"
KINDS = {"tool": "tool", "scorer": "validator", "scorers": "validator", "agent": "agent", "handoff": "agent"}
EVALUATION = ("task", "task_id", "task_version", "eval_id", "run_id", "model", "created")


def recognises(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("eval"), dict) and "version" in value and "status" in value


def convert(value: Any) -> Iterator[Converted]:
    fields = Fields(value)
    samples = fields.parts("samples")
    evaluation = fields.part("eval")
    facts = {f"inspect.{key}": evaluation.take(key) for key in EVALUATION if key in evaluation}
    facts |= only_set(inspect__status=fields.take("status"), inspect__error=fields.take("error"))
    facts["inspect.log.version"] = version = fields.take("version")
    around = fields.unmapped()
    if not samples:
        yield Refused("samples", "there are none")
    for place, sample in enumerate(samples):
        if not sample.value:
            yield Refused(f"samples[{place}]", "no object")
            continue
        run = _Sample(sample, facts).run(str(version))
        run.unmapped = sample.unmapped()
        yield run
    yield Unmapped(_without(around, "samples"))


def _without(counts: Any, start: str) -> Any:
    for path in [path for path in counts if path.startswith(start)]:
        del counts[path]
    return counts


class _Sample:
    """One sample on its way to a run."""

    def __init__(self, fields: Fields, facts: Attributes) -> None:
        self._fields = fields
        self._facts = facts
        attachments = fields.take("attachments")
        self._attachments: dict[str, Any] = attachments if isinstance(attachments, dict) else {}
        self._steps: list[Step] = []
        self._open: dict[Any, Step] = {}

    def run(self, version: str) -> ImportedRun:
        fields, facts = self._fields, self._facts
        number, epoch = fields.take("id"), fields.take("epoch")
        task = str(facts.get("inspect.task") or "evaluation")
        identity = f"{facts.get('inspect.run_id')}/{fields.take('uuid') or ''}/{number}/{epoch}"
        run = ImportedRun(identity, [facts, fields.value], f"{task}, sample {number}", version, framework="inspect")
        said = self._whole(fields.take("messages")) or []
        root = messages.root(task, said)
        events = fields.parts("events")
        for place, event in enumerate(events):
            self._read(f"event-{place}", event)
        if not events:
            self._steps = messages.steps(said)
            _add_usage(self._steps, fields.value.get("output"))
        run.steps = [root, *self._steps]
        run.attributes = facts | {"inspect.sample.id": number, "inspect.sample.epoch": epoch}
        run.attributes |= self._taken("input", "target", "choices", "metadata", "sandbox", "files", "setup")
        run.outputs = self._taken(
            "output", "scores", "store", "model_usage", "error", "limit", "total_time", "working_time"
        )
        run.is_failed = "inspect.sample.error" in run.outputs
        return run

    def _taken(self, *keys: str) -> Attributes:
        return {f"inspect.sample.{key}": self._whole(self._fields.take(key)) for key in keys if key in self._fields}

    def _whole(self, value: Any) -> Any:
        """A value with what it says only by reference."""
        if isinstance(value, str) and value.startswith(ATTACHED):
            return self._attachments.get(value.removeprefix(ATTACHED), value)
        if isinstance(value, list):
            return [self._whole(one) for one in value]
        if isinstance(value, dict):
            return {key: self._whole(one) for key, one in value.items()}
        return value

    def _read(self, key: str, event: Fields) -> None:
        kind = event.take("event")
        is_step = kind == "step"
        action = event.take("action") if is_step else None
        if kind == "span_begin" or action == "begin":
            self._begin(key, event, event.value.get("name") if is_step else event.value.get("id"))
        elif kind == "span_end" or action == "end":
            self._end(event, event.value.get("name") if is_step else event.value.get("id"))
        elif kind == "model":
            self._model(key, event)
        elif kind == "tool":
            self._tool(key, event)
        else:
            self._note(key, event, str(kind))

    def _parent(self, event: Fields) -> str:
        """The span an event is in: as it says, else the innermost that is open."""
        within = event.take("span_id")
        if within in self._open:
            return self._open[within].key
        return next(reversed(self._open.values())).key if self._open else messages.ROOT

    def _begin(self, key: str, event: Fields, span: Any) -> None:
        event.repeats("span_id", event.value.get("id"))
        event.take("id")
        parent = self._open.get(event.take("parent_id"))
        inner = next(reversed(self._open.values())) if self._open else None
        above = parent or inner
        kind = event.text("type")
        step = Step(
            key,
            KINDS.get(kind or "", "agent"),
            event.text("name") or kind or "span",
            above.key if above else messages.ROOT,
        )
        step.started = event.moment("timestamp")
        step.inputs = only_set(inspect__span__type=kind, inspect__working_start=event.number("working_start"))
        self._open[span] = step
        self._steps.append(step)

    def _end(self, event: Fields, span: Any) -> None:
        for name in ("id", "span_id", "name", "type"):
            event.take(name)
        step = self._open.pop(span, None)
        ended = event.moment("timestamp")
        if step is not None:
            step.ended = ended
            step.outputs |= only_set(inspect__working_end=event.number("working_start"))

    def _model(self, key: str, event: Fields) -> None:
        parent = self._parent(event)
        output = event.take("output")
        told: dict[str, Any] = output if isinstance(output, dict) else {}
        choices = [one for one in told.get("choices") or [] if isinstance(one, dict)]
        outputs = _usage(told.get("usage")) | only_set(
            gen_ai__response__model=told.get("model"), inspect__call=self._whole(event.take("call")),
            gen_ai__response__finish_reasons=[one.get("stop_reason") for one in choices] or None,
        )  # fmt: skip
        outputs |= {
            f"inspect.output.{name}": one for name, one in told.items() if name not in _READ and one is not None
        }
        inputs = only_set(
            gen_ai__request__model=event.take("model"), gen_ai__tool__definitions=event.take("tools") or None,
            inspect__tool_choice=event.take("tool_choice"), inspect__config=event.take("config") or None,
        )  # fmt: skip
        said = [self._whole(one.get("message")) for one in choices]
        step = messages.model_call(key, self._whole(event.take("input")), said, inputs, outputs)
        messages.fail(step, event.take("error") or told.get("error"))
        self._timed(step, parent, event)

    def _tool(self, key: str, event: Fields) -> None:
        parent = self._parent(event)
        called = str(event.take("function") or "tool")
        step = messages.tool(key, called, self._whole(event.take("arguments")), event.take("id"))
        step.outputs = {"gen_ai.tool.call.result": self._whole(event.take("result"))}
        error = event.take("error")
        if error:
            messages.fail(step, error.get("message") or True if isinstance(error, dict) else error)
            step.outputs["inspect.error"] = error
        messages.fail(step, event.take("failed") is True and not step.is_failed)
        self._timed(step, parent, event)
        self._open[key] = step  # what happened within it stands under it
        for place, inner in enumerate(event.parts("events")):
            self._read(f"{key}/event-{place}", inner)
        del self._open[key]

    def _timed(self, step: Step, parent: str, event: Fields) -> None:
        step.parent = parent
        step.started, step.ended = event.moment("timestamp"), event.moment("completed")
        step.outputs |= only_set(
            inspect__working_start=event.number("working_start"), inspect__working_time=event.number("working_time")
        )
        self._steps.append(step)

    def _note(self, key: str, event: Fields, kind: str) -> None:
        """Any other event, with all it says."""
        parent, at = self._parent(event), event.moment("timestamp")
        told = {
            name: self._whole(event.take(name)) for name in event.value if name not in ("event", "span_id", "timestamp")
        }
        self._steps.append(Step(key, NOTE, kind, parent, at, inputs={f"inspect.{kind}": told}))


_READ = frozenset({"model", "choices", "usage", "error"})


def _usage(told: Any) -> Attributes:
    if not isinstance(told, dict):
        return {}
    return only_set(
        gen_ai__usage__input_tokens=told.get("input_tokens"), gen_ai__usage__output_tokens=told.get("output_tokens"),
        gen_ai__usage__cache_read__input_tokens=told.get("input_tokens_cache_read"), inspect__usage=told,
    )  # fmt: skip


def _add_usage(steps: list[Step], output: Any) -> None:
    """Puts the usage of the sample's one output to its last call."""
    calls = [step for step in steps if step.kind == "model"]
    if calls and isinstance(output, dict):
        calls[-1].outputs |= _usage(output.get("usage")) | only_set(gen_ai__response__model=output.get("model"))
