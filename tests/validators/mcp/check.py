"""fastmcp loads the MCP client configuration. Called with a folder of exports."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fastmcp.mcp_config import MCPConfig


def main() -> None:
    for folder in sorted(Path(sys.argv[1]).iterdir()):
        text = (folder / "mcp").read_text()
        config = MCPConfig.model_validate_json(text)
        assert sorted(config.mcpServers) == sorted(json.loads(text)["mcpServers"])
        assert all(server.to_transport() for server in config.mcpServers.values())
        print("ok", folder.name)


if __name__ == "__main__":
    main()
