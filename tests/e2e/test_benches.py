"""Benchmarks that repeat statements of the application keep up with them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.running import ROOT

SMALL = {
    "http_throughput": (["--requests", "4", "--clients", "1"], "cards     glia"),
    "chat_latency": (["--pairs", "2"], "the same SQL, bare"),
    "duplicate_delivery": (["--times", "2"], "extract  duplicate"),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_beside_bare_sql_still_runs(name: str) -> None:
    """To its end; what it measures of so few is not looked at."""
    arguments, line = SMALL[name]
    command = [sys.executable, f"bench/{name}.py", *arguments]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode in (0, 1), ended.stderr[-2000:]
    assert line in ended.stdout, ended.stderr[-2000:]
