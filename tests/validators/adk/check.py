"""Google ADK loads its YAML, with a module of functions as a user would write it. Called with a folder of exports."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from google.adk.agents import config_agent_utils
from google.adk.agents.llm_agent import LlmAgent


def main() -> None:
    for folder in sorted(Path(sys.argv[1]).iterdir()):
        manifest = json.loads((folder / "manifest.json").read_text())
        with tempfile.TemporaryDirectory() as place:
            functions = [f"def {name}(**arguments):\n    return 'done'\n" for name in manifest["tools"]]
            (Path(place) / "agent_tools.py").write_text("\n".join(functions))
            (Path(place) / "root_agent.yaml").write_text((folder / "adk").read_text())
            sys.path.insert(0, place)
            try:
                agent = config_agent_utils.from_config(str(Path(place) / "root_agent.yaml"))
            finally:
                sys.path.remove(place)
                sys.modules.pop("agent_tools", None)
        assert isinstance(agent, LlmAgent)
        assert [getattr(tool, "__name__", getattr(tool, "name", "")) for tool in agent.tools] == manifest["tools"]
        assert "{" not in str(agent.instruction)
        print("ok", folder.name)


if __name__ == "__main__":
    main()
