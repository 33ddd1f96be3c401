"""`glia import` as a person uses it, and what it leaves: for tests against whatever Glia runs on."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

PATIENCE = 240.0
TOPICS = 20
BEGIN = datetime(2023, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
GLIA = [str(Path(sys.executable).parent / "glia")]


@dataclass(frozen=True)
class Person:
    """A user with an empty history, a command line and a view of what is kept."""

    environ: dict[str, str]
    http: httpx.Client
    folder: Path

    def imports(self, file: Path, *options: str) -> dict[str, Any]:
        """Runs `glia import --json`. Returns its report."""
        command = [*GLIA, "import", str(file), "--json", *options]
        ran = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert ran.returncode == 0, ran.stderr
        report: dict[str, Any] = json.loads(ran.stdout)
        return report

    def start(self, file: Path, *options: str) -> subprocess.Popen[bytes]:
        nowhere = subprocess.DEVNULL
        return subprocess.Popen(
            [*GLIA, "import", str(file), *options], env=self.environ, stdout=nowhere, stderr=nowhere
        )

    def done(self) -> int:
        """How many messages the command line knows to be done."""
        states = list((self.folder / "imports").glob("[!.]*.json"))
        return max((json.loads(state.read_text())["done"] for state in states), default=0)

    def all(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.http.get(path, params={"limit": "200", **cursor}).raise_for_status().json()
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}


def history(messages: int) -> list[dict[str, str]]:
    """Messages that go from topic to topic, three seconds apart."""
    return [
        {
            "role": "assistant" if number % 2 else "user",
            "content": f"Message {number}: we talked about part {number % 7} of the plan.",
            "topic": f"Topic {number // 10 % TOPICS}",
            "created_at": (BEGIN + timedelta(seconds=3 * number)).isoformat(),
        }
        for number in range(messages)
    ]


def written(folder: Path, messages: list[dict[str, str]]) -> Path:
    file = folder / "history.jsonl"
    file.write_text("".join(json.dumps(message) + "\n" for message in messages), encoding="utf-8")
    return file
