"""Whether every call arrives: 100 calls each of 1 KB, 100 KB, 1 MB and 10 MB, counted by asking a real Glia.

    PYTHONPATH=.:sdk/src python bench/capture_delivery.py [--calls 100] [--sizes 1000,100000,1000000,10000000]

Glia runs as `make up` runs it, in a folder of its own (GLIA_EMULATOR_PYTHON names the emulator's interpreter if that is
elsewhere); a model that answers at once stands in for the API. A program makes the calls of a size in a run, one right
after the other, and ends. Then the server is asked: is the run complete, is each call a whole step, and is what each
was asked there to be read, with the hash that the artifact has and the text that the program sent. Ends with 1 if a
call is missing. `bare` is what such a call takes unrecorded, before.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

import httpx

from bench.capture_programs import Model, environ, start, told
from bench.support import clean_environment, parse, say, scratch
from tests.support.running import Run, token

PATIENCE = 120.0  # seconds until a run is complete and its payloads are settled
POLL = 0.5
SIZES = "1000,100000,1000000,10000000"
MESSAGES = "gen_ai.input.messages"
PROGRAM = """
    size, calls = int(sys.argv[1]), int(sys.argv[2])
    bare = [call(client, prompt(size, -number)) for number in range(10)]
    glia.init()
    took, sent = [], []
    with glia.run("delivery") as run:
        for number in range(calls):
            text = prompt(size, number)
            sent.append(hashlib.sha256(text.encode()).hexdigest())
            took.append(call(client, text))
    begun = time.perf_counter()
    is_flushed = glia.flush(600)
    stats = glia.stats()
    said = {"run": run.run_id, "sent": sent, "took": took, "bare": bare, "flush": time.perf_counter() - begun}
    said |= {"is_flushed": is_flushed, "lost": stats.lost | stats.lost_payloads, "artifacts": stats.artifacts}
    print(json.dumps(said), flush=True)
"""


@dataclass
class Glia:
    """What the server says of what arrived."""

    http: httpx.Client

    def run(self, run_id: str) -> dict[str, Any]:
        """A run, once it is complete; as it is if that takes too long."""
        deadline = time.monotonic() + PATIENCE
        while (found := self._get(f"/runs/{run_id}"))["status"] != "completed" and time.monotonic() < deadline:
            time.sleep(POLL)
        return found

    def asked(self, run_id: str) -> Iterator[str]:
        """The hash of what each step of a run was asked, as far as it can be read."""
        for event in self._events(run_id):
            if event["event_type"] != "step.started":
                continue
            value = event["attributes"].get(MESSAGES)
            if isinstance(value, dict):
                value = self._artifact(event["artifact_refs"][value["$artifact"]])
            if value:
                yield hashlib.sha256(value[0]["content"].encode()).hexdigest()

    def _events(self, run_id: str) -> Iterator[dict[str, Any]]:
        cursor = ""
        while True:
            told = self._get(f"/runs/{run_id}/events?limit=200{cursor}")
            yield from told["items"]
            if told["next_cursor"] is None:
                return
            cursor = f"&cursor={told['next_cursor']}"

    def _artifact(self, reference: dict[str, Any]) -> Any:
        """A payload, once it is settled; None if it is not what its hash says."""
        path = f"/artifacts/{reference.get('artifact_id') or reference['upload_id']}"
        deadline = time.monotonic() + PATIENCE
        while (kept := self._get(path))["status"] == "pending" and time.monotonic() < deadline:
            time.sleep(POLL)
        if kept["status"] not in ("clean", "redacted"):
            return None
        told = self._get(f"{path}/content")
        data = told["content"].encode() if told["url"] is None else httpx.get(told["url"], timeout=60).content
        return json.loads(data) if hashlib.sha256(data).hexdigest() == kept["content_hash"] else None

    def _get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(path).raise_for_status().json()
        return found


def missing(glia: Glia, size: int, told: dict[str, Any]) -> int:
    """How many of the calls that a program made are not there, or not whole. Prints what was found."""
    run = glia.run(told["run"])
    expected = set(told["sent"])
    found = expected & set(glia.asked(run["run_id"]))
    steps = run["step_count"] - run["incomplete_count"]
    is_whole = run["status"] == "completed" and not run["health"]
    print(
        f"{size:>10} {len(expected):>6} {min(steps, len(found)):>10} {len(expected) - len(found):>8} "
        f"{told['artifacts']:>10} {median(told['bare']):>8.1f} {median(told['took']):>8.1f} {max(told['took']):>10.1f} "
        f"{told['flush']:>9.1f}  "
        f"{run['status']} {run['health'] or ''} {told['lost'] or ''}",
        flush=True,
    )
    return int(max(len(expected) - len(found), len(expected) - steps, not is_whole))


def main() -> int:
    options = parse(__doc__, ("--calls", {"type": int, "default": 100}), ("--sizes", {"default": SIZES}))
    python = os.environ.get("GLIA_EMULATOR_PYTHON")
    clean_environment()
    total = 0
    with scratch() as folder, Model() as model:
        run = Run(folder, **({"GLIA_EMULATOR_PYTHON": python} if python else {}))
        try:
            bearer = token(folder, "bench")
            headers = {"Authorization": f"Bearer {bearer}"}
            with httpx.Client(base_url=run.url, headers=headers, timeout=60, trust_env=False) as http:
                print(f"{'bytes':>10} {'calls':>6} {'delivered':>10} {'missing':>8} {'artifacts':>10} "
                      f"{'bare, ms':>8} {'call, ms':>8} {'slowest':>10} {'flush, s':>9}")  # fmt: skip
                for size in map(int, options.sizes.split(",")):
                    say(f"calls of {size} bytes")
                    process = start(PROGRAM, environ(folder, model.url, run.url, bearer), size, options.calls)
                    total += missing(Glia(http), size, told(process))
                    process.wait(60)
        finally:
            run.stop()
    print(f"missing: {total}")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
