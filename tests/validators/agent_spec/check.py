"""pyagentspec loads the Agent Spec files, and its LangGraph adapter executes a flow of their tools, offline; LangGraph
itself runs the exported graph with a stub model. Called with a folder of exports."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pyagentspec.adapters.langgraph import AgentSpecLoader
from pyagentspec.agent import Agent
from pyagentspec.flows.edges import ControlFlowEdge, DataFlowEdge
from pyagentspec.flows.flow import Flow
from pyagentspec.flows.nodes import EndNode, StartNode, ToolNode
from pyagentspec.property import StringProperty
from pyagentspec.serialization import AgentSpecDeserializer, AgentSpecSerializer


def load(folder: Path) -> Agent:
    """Both forms load, and say the same."""
    from_json = AgentSpecDeserializer().from_json((folder / "agent-spec-json").read_text())
    from_yaml = AgentSpecDeserializer().from_yaml((folder / "agent-spec-yaml").read_text())
    assert isinstance(from_json, Agent)
    assert json.loads(AgentSpecSerializer().to_json(from_json)) == json.loads(AgentSpecSerializer().to_json(from_yaml))
    assert not from_json.inputs, "nothing a user wrote became an input"
    return from_json


def run_tool_flow(agent: Agent) -> None:
    """Start -> the tool -> end, for every tool that asks nobody, through the LangGraph adapter."""
    for tool in agent.tools:
        if tool.requires_confirmation:
            continue
        given: dict[str, Any] = {p.title: "x" for p in tool.inputs if p.type == "string"}
        needed = [p for p in tool.inputs if p.title in given and "default" not in p.json_schema]
        start = StartNode(name="start", inputs=needed)
        call = ToolNode(name="call", tool=tool)
        end = EndNode(name="end", outputs=[StringProperty(title="result")])
        edges = [
            DataFlowEdge(
                name=f"d{i}", source_node=start, source_output=p.title, destination_node=call, destination_input=p.title
            )
            for i, p in enumerate(needed)
        ]
        edges.append(
            DataFlowEdge(
                name="out", source_node=call, source_output="result", destination_node=end, destination_input="result"
            )
        )
        flow = Flow(
            name="flow",
            start_node=start,
            nodes=[start, call, end],
            data_flow_connections=edges,
            control_flow_connections=[
                ControlFlowEdge(name="a", from_node=start, to_node=call),
                ControlFlowEdge(name="b", from_node=call, to_node=end),
            ],
        )
        called: list[dict[str, Any]] = []

        def answer(**arguments: Any) -> str:
            called.append(arguments)  # noqa: B023 - called before the next one is made
            return "found"

        graph = AgentSpecLoader(tool_registry={tool.name: answer}).load_component(flow)
        result = graph.invoke({"inputs": {p.title: "x" for p in needed}, "messages": []})
        assert result["outputs"] == {"result": "found"}, result
        assert len(called) == 1


class StubModel:
    """Calls whatever tool it is offered, once each, says yes to everything else and takes the first case."""

    def __init__(self) -> None:
        self.offered: list[str] = []
        self.tool: str | None = None

    def bind_tools(self, specs: list[dict[str, Any]]) -> StubModel:
        bound = StubModel()
        bound.offered, bound.tool = self.offered, specs[0]["function"]["name"]
        return bound

    def invoke(self, messages: list[Any]) -> Any:
        if self.tool:
            self.offered.append(self.tool)
            return SimpleNamespace(content="", tool_calls=[{"args": {"query": "x"}}])
        return SimpleNamespace(content="0" if "Answer with a number" in messages[-1][1] else "yes", tool_calls=[])


def module_of(path: Path) -> Any:
    spec = importlib.util.spec_from_loader(f"exported_{path.name}", loader=None)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    return module


def run_langgraph(folder: Path) -> None:
    """The exported graph runs to its reply; writing tools wait; one without a function is named."""
    module = module_of(folder / "langgraph")
    manifest = json.loads((folder / "manifest.json").read_text())
    asked: list[str] = []
    model = StubModel()
    module.TOOLS.update({name: lambda **arguments: "done" for name in manifest["tools"]})
    assert module.run("hello", model, lambda tool, arguments: bool(asked.append(tool)) or True) == "yes"
    assert set(asked) == set(model.offered) & set(manifest["guarded"])
    for name in model.offered:
        del module.TOOLS[name]
        try:
            module.run("hello", StubModel(), lambda tool, arguments: True)
        except module.ToolNotConfigured as error:
            assert str(error.args[0]) == name
        else:
            raise AssertionError(f"{name} was missed by nobody")
        break


def main() -> None:
    for folder in sorted(Path(sys.argv[1]).iterdir()):
        run_tool_flow(load(folder))
        run_langgraph(folder)
        print("ok", folder.name)


if __name__ == "__main__":
    main()
