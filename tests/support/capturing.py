"""Programs that send to a running Glia, and looking at what arrived."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.model_server import ModelServer
from tests.support.running import ROOT

OPENTELEMETRY = """
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer("tests")
"""


@dataclass(frozen=True)
class Program:
    """Runs Python programs whose environment says where Glia and the model are."""

    url: str
    token: str
    folder: Path

    def __call__(self, *parts: str, model: ModelServer | None = None) -> str:
        """Returns what the program printed."""
        text = "".join(textwrap.dedent(part) for part in parts)
        return self.command(sys.executable, "-c", text, model=model)

    def command(self, *command: str | Path, model: ModelServer | None = None) -> str:
        environ = {
            "PATH": os.defpath, "HOME": str(self.folder), "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk' / 'src'}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer {self.token}", "OTEL_SERVICE_NAME": "shop",
            "OPENAI_API_KEY": "sk-none", "OPENAI_BASE_URL": model.base_url if model else "", "GLIA_URL": self.url,
            "GLIA_TOKEN": self.token, "GLIA_CONFIG": str(self.folder / "config.json"),
            "GLIA_SPILL": str(self.folder / "spill"),
        }  # fmt: skip
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "rror" not in done.stderr, done.stderr
        return done.stdout


def runs(http: httpx.Client) -> list[dict[str, Any]]:
    return list(http.get("/runs").raise_for_status().json()["items"])
