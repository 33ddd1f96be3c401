"""The OpenAI Agents SDK runs the exported file with a stub model; openai's types and the SDK's strict schema accept
the exported tools. Called with a folder of exports."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

from agents import set_tracing_disabled
from agents.items import ModelResponse
from agents.models.interface import Model
from agents.strict_schema import ensure_strict_json_schema
from agents.usage import Usage
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
    ToolParam,
)
from pydantic import TypeAdapter

set_tracing_disabled(True)


class StubModel(Model):
    """Calls each tool it is offered once, then answers."""

    def __init__(self) -> None:
        self.called: list[str] = []

    async def get_response(
        self, system_instructions: Any, input: Any, model_settings: Any, tools: Any, *args: Any, **kwargs: Any
    ) -> ModelResponse:
        assert system_instructions
        for tool in tools:
            if tool.name not in self.called:
                self.called.append(tool.name)
                call = ResponseFunctionToolCall(
                    id=f"fc_{tool.name}",
                    call_id=f"call_{tool.name}",
                    name=tool.name,
                    type="function_call",
                    arguments="{}",
                )
                return ModelResponse(output=[call], usage=Usage(), response_id=None)
        text = ResponseOutputText(text="answered", type="output_text", annotations=[])
        message = ResponseOutputMessage(id="m", role="assistant", status="completed", type="message", content=[text])
        return ModelResponse(output=[message], usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError


def module_of(path: Path) -> Any:
    spec = importlib.util.spec_from_loader(f"exported_{path.name}", loader=None)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    return module


def run_agent(folder: Path) -> None:
    module = module_of(folder / "openai-agents")
    manifest = json.loads((folder / "manifest.json").read_text())
    tools: list[str] = manifest["tools"]
    run: list[str] = []
    asked: list[str] = []
    for name in tools:
        module.TOOLS[name] = lambda name=name, **arguments: run.append(name) or "done"
    module.MAX_TURNS = len(tools) + 3
    model = StubModel()
    reply = asyncio.run(module.run("hello", module.build(model), lambda tool, _: bool(asked.append(tool)) or True))
    assert reply == "answered"
    assert run == tools == model.called
    assert sorted(asked) == sorted(manifest["guarded"])
    refused: list[str] = []
    run.clear()
    asyncio.run(module.run("hello", module.build(StubModel()), lambda tool, _: bool(refused.append(tool))))
    assert set(run) == set(tools) - set(manifest["guarded"]), "what is refused is not run"
    if tools:
        del module.TOOLS[tools[0]]
        try:
            asyncio.run(module.run("hello", module.build(StubModel()), lambda tool, _: True))
        except Exception as error:  # noqa: BLE001 - the SDK may wrap it
            chain = [error, error.__cause__, error.__context__]
            assert any(isinstance(e, module.ToolNotConfigured) and e.args[0] == tools[0] for e in chain), repr(error)
        else:
            raise AssertionError("nobody missed the tool")


def accept_tools(folder: Path) -> None:
    for tool in json.loads((folder / "openai-tools").read_text()):
        TypeAdapter(ToolParam).validate_python(tool)
        if tool["strict"]:
            assert ensure_strict_json_schema(deepcopy(tool["parameters"])) == tool["parameters"], tool["name"]


def main() -> None:
    for folder in sorted(Path(sys.argv[1]).iterdir()):
        run_agent(folder)
        accept_tools(folder)
        print("ok", folder.name)


if __name__ == "__main__":
    main()
