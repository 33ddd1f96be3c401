"""Glia's local server beside FastAPI and psycopg doing the same SQL: requests a second, median and p95, in one run.

    PYTHONPATH=. python bench/http_throughput.py [--requests 400] [--clients 4]

Both serve real HTTP on loopback from one process, with the same Postgres and the same rows. Glia also checks a token,
validates strictly, keeps to API Gateway's event format and its limits, and logs; the peer does none of that. Sending to
the queue is left out on both sides. The servers take turns, endpoint by endpoint.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import httpx
from chalice.test import Client

from bench.chat_latency import WORDS, Chat, NoQueue
from bench.support import Place, application, clean_environment, parse, percentile, place, say
from chalicelib.jobs.models import JobMessage

ROOT = Path(__file__).resolve().parent.parent
MESSAGES = 60
START = 30.0


class Keeping(NoQueue):
    """Keeps messages, so that the rows to be read can be made."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def send(self, queue: str, body: str, request_id: str, delay: int) -> None:
        self.bodies.append(body)


def rows(where: Place, token: str) -> dict[str, str]:
    """A conversation with cards; returns the peer's environment."""
    app, queue = application(), Keeping()
    services = where.build(queue)
    with Client(app) as client:
        chat = Chat(client.http, token)
        topic_id = ""
        for number in range(MESSAGES):
            topic_id = chat.say(message=f"I decided on plan {number}. {WORDS}")["topic_id"]
        while queue.bodies:
            services.worker.deliver(JobMessage.model_validate_json(queue.bodies.pop(0)))
    user_id = services.identity.authenticate(f"Bearer {token}").user_id
    services.close()
    return {"PEER_USER": str(user_id), "PEER_TOPIC": topic_id}


@contextmanager
def served(command: list[str], environ: dict[str, str], port: int) -> Iterator[str]:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environ}, stdout=quiet, stderr=quiet)
    try:
        deadline = time.monotonic() + START
        while True:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{command[2]} does not come up")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def load(http: httpx.Client, method: str, path: str, requests: int, clients: int) -> tuple[float, list[float]]:
    """(requests a second, milliseconds of each)."""

    def one(_: int) -> float:
        began = perf_counter()
        answer = http.request(method, path, json={"message": WORDS} if method == "POST" else None)
        assert answer.status_code in (200, 202), answer.text
        return (perf_counter() - began) * 1000

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(one, range(20)))
        began = perf_counter()
        taken = list(pool.map(one, range(requests)))
        return requests / (perf_counter() - began), taken


def compare(glia: httpx.Client, peer: httpx.Client, topic_id: str, requests: int, clients: int) -> None:
    endpoints: list[tuple[str, str, str, str]] = [
        ("chat", "POST", "/chat", "/chat"),
        ("messages", "GET", f"/conversation/messages?topic_id={topic_id}", "/messages"),
        ("cards", "GET", f"/topics/{topic_id}/cards", "/cards"),
    ]
    print(f"{'endpoint':<10}{'server':<10}{'req/s':>8}{'p50 ms':>9}{'p95 ms':>9}{'of the peer':>13}")
    for name, method, ours, theirs in endpoints:
        found: dict[str, tuple[float, Any]] = {}
        for server, http, path in (("fastapi", peer, theirs), ("glia", glia, ours)):
            say(f"  {name}: {server}")
            found[server] = load(http, method, path, requests, clients)
        for server, (rate, taken) in found.items():
            share = f"{rate / found['fastapi'][0]:>12.0%}" if server == "glia" else ""
            print(f"{name:<10}{server:<10}{rate:>8.0f}{median(taken):>9.2f}{percentile(taken, 95):>9.2f}{share:>13}")


def main() -> None:
    number = {"type": int}
    arguments = parse(__doc__, ("--requests", {**number, "default": 400}), ("--clients", {**number, "default": 4}))
    clean_environment()
    with place() as where:
        token = where.token("throughput")
        peer_rows = rows(where, token)
        environ = {**where.environment, "GLIA_DATABASE_POOLED": "false", "PYTHONPATH": str(ROOT), **peer_rows}
        ours, theirs = free_port(), free_port()
        glia = {**environ, "GLIA_PORT": str(ours), "GLIA_LOCAL_APP": "bench.quiet_app"}
        uvicorn = ["-m", "uvicorn", "bench.fastapi_peer:app", "--port", str(theirs), "--log-level", "warning"]
        with (
            served([sys.executable, "-m", "local.server"], glia, ours) as glia_url,
            served([sys.executable, *uvicorn], environ, theirs) as peer_url,
            httpx.Client(base_url=glia_url, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as one,
            httpx.Client(base_url=peer_url, trust_env=False) as other,
        ):
            compare(one, other, peer_rows["PEER_TOPIC"], arguments.requests, arguments.clients)


if __name__ == "__main__":
    main()
