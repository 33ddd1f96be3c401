"""Glia wired to a scripted model, as the integration tests of turns and extraction use it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib import wiring
from chalicelib.settings import Settings
from tests.support.api import Api
from tests.support.model_server import ModelServer, Step
from tests.support.queue import RecordingQueue

MODEL = "scripted-1"


@dataclass(frozen=True)
class ModelGlia:
    """The application, its model, and the waits between tries, which are recorded instead of waited."""

    api: Api
    model: ModelServer
    waits: list[float]

    def events(self, turn_id: str) -> list[tuple[int, str, Any]]:
        """(sequence number, type, data) of every event of a turn, read as a client reads them."""
        found: list[tuple[int, str, Any]] = []
        while True:
            after = found[-1][0] if found else 0
            response = self.api.request("GET", f"/turns/{turn_id}/events", headers={"Last-Event-ID": str(after)})
            more = list(_events(response.body.decode())) if response.status_code == 200 else []
            if not more:
                return found
            found += more

    def words(self, turn_id: str) -> str:
        """The answer as a client shows it: the deltas since the last `turn.started`."""
        shown = ""
        for _, kind, data in self.events(turn_id):
            shown = "" if kind == "turn.started" else shown + data.get("text", "")
        return shown

    def message(self, message_id: int) -> str:
        """The stored content of a message."""
        items = self.api.get("/conversation/messages?limit=200")["items"]
        return str(next(item["content"] for item in items if item["message_id"] == message_id))

    def run(self, topic_id: str) -> Any:
        """The one extract run of a topic, with its attempts."""
        runs = self.api.get(f"/extract-runs?topic_id={topic_id}")["items"]
        assert len(runs) == 1, runs
        return self.api.get(f"/extract-runs/{runs[0]['run_id']}")

    def cards(self, topic_id: str) -> list[Any]:
        found: list[Any] = self.api.get(f"/topics/{topic_id}/cards?limit=200")["items"]
        return found


def _events(stream: str) -> Iterator[tuple[int, str, Any]]:
    for block in stream.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            yield int(fields["id"]), fields["event"], json.loads(fields["data"])


Start = Callable[..., ModelGlia]


@contextmanager
def starter(settings_with: Callable[..., Settings], queue: RecordingQueue, home: Path) -> Iterator[Start]:
    """Yields `start(script, **settings)`, which wires Glia to a model that plays the script."""
    with ExitStack() as stack:

        def start(script: Sequence[Step], **changes: str) -> ModelGlia:
            model = stack.enter_context(ModelServer(script))
            waits: list[float] = []
            settings = settings_with(**{"OPENAI_BASE_URL": model.base_url, "GLIA_DELTA_INTERVAL": "0", **changes})
            services = wiring.build(settings, queue=queue, sleep=waits.append)
            stack.callback(services.close)
            wiring.use(services)
            return ModelGlia(Api(services, queue, home), model, waits)

        yield start
