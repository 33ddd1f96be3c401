"""How LocalStack finds the executor and the server: entry points in the groups of its plugins."""

from __future__ import annotations

from typing import Any

from localstack.runtime.server.core import RuntimeServerPlugin
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class ProcessRuntimeExecutorPlugin(RuntimeExecutorPlugin):  # type: ignore[misc]  # LocalStack ships no types
    name = "process"

    def load(self, *args: Any, **kwargs: Any) -> Any:
        from glia_localstack.executor import ProcessRuntimeExecutor

        return ProcessRuntimeExecutor


class LoopbackServerPlugin(RuntimeServerPlugin):  # type: ignore[misc]
    name = "loopback"

    def load(self, *args: Any, **kwargs: Any) -> Any:
        from glia_localstack.server import LoopbackServer

        return LoopbackServer()
