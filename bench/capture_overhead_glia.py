"""Our SDK in the peers' harness: `capture_overhead.py --extra glia=PYTHON:bench/capture_overhead_glia`.

The harness's own sink answers any POST with `{}`, which no server of ours does; so events go to a sink that speaks the
ingestion API, in a process of its own.
"""

from __future__ import annotations

import atexit
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "sdk" / "src")]

SLOW = 10.0  # seconds an answer takes


def setup(mode: str, ctx: dict[str, Any]) -> dict[str, Any]:
    """What the harness asks for. `mode` is healthy, down or slow."""
    import glia_sdk as glia
    import openai

    from tests.support.trace_sink import TOKEN

    url = f"http://127.0.0.1:{ctx['dead_port']}" if mode == "down" else _sink(SLOW if mode == "slow" else 0.0)
    signing = glia.SigningKey("bench", b"0" * 32)
    glia.init(url=url, token=TOKEN, signing=signing, spill_folder=Path(ctx["tmp"]) / "spill")
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{ctx['stub_port']}/v1", api_key="x", max_retries=0, timeout=60)
    return {
        "client": client,
        "root": glia.agent,
        "child": glia.tool,
        "group": lambda: glia.agent("group"),
        "flush": lambda: glia.flush(60),
    }


def _sink(delay: float) -> str:
    command = [sys.executable, "-m", "tests.support.trace_sink", str(delay)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    atexit.register(process.terminate)
    return process.stdout.readline().strip()
