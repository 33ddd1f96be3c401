"""What the benchmarks of capture share: a model on loopback that answers at once, and programs that are recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[1]
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "small",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes. " * 40}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 40, "total_tokens": 140},
    }
).encode()  # fmt: skip
# What a program begins with: `prompt(size, number)`, each another text, none with anything to redact.
PRELUDE = """
import hashlib, json, sys, time
import openai
import glia_sdk as glia

WORDS = "the report says that nothing was found in the third quarter and asks for more data by Friday. "
def prompt(size, number):
    return (f"Question {number} is long. " + WORDS * (size // len(WORDS) + 1))[:size]
def call(client, text):
    begun = time.perf_counter()
    client.chat.completions.create(model="small", messages=[{"role": "user", "content": text}])
    return (time.perf_counter() - begun) * 1000
client = openai.OpenAI(max_retries=0, timeout=120)
"""


class Model:
    """Answers each request with the same words, after `delay` seconds."""

    def __init__(self, delay: float = 0.0) -> None:
        self._server = _Server(("127.0.0.1", 0), _handler(delay))
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True


def _handler(delay: float) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(delay)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(ANSWER)))
            self.end_headers()
            self.wfile.write(ANSWER)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    return Handler


def environ(folder: Path, model: str, url: str, token: str) -> dict[str, str]:
    """The environment of a recorded program: where the model and the backend are, and nothing of the caller's."""
    return {
        "PATH": os.defpath, "HOME": str(folder), "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk' / 'src'}",
        "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": model, "GLIA_URL": url, "GLIA_TOKEN": token,
        "GLIA_CONFIG": str(folder / "config.json"), "GLIA_SPILL": str(folder / "spill"),
    }  # fmt: skip


def start(text: str, environ: dict[str, str], *arguments: object) -> subprocess.Popen[str]:
    """Starts a program that prints one line of JSON."""
    command = [sys.executable, "-c", PRELUDE + textwrap.dedent(text), *map(str, arguments)]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What the program says once it has made its calls."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        sys.exit(f"the program failed with {process.wait()}")
    found: dict[str, Any] = json.loads(line)
    return found
