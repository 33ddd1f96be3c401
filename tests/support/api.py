"""An HTTP client of the application, in process: requests go through API Gateway's event format and the middleware."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from chalice.test import Client, HTTPResponse

from app import app
from chalicelib import wiring
from chalicelib.identity import dev_issuer
from chalicelib.jobs.models import Outcome
from tests.support.queue import RecordingQueue


@dataclass
class Api:
    services: wiring.Services
    queue: RecordingQueue
    home: Path

    def __post_init__(self) -> None:
        self.subject = f"user-{uuid4()}"
        self.token = dev_issuer.issue(self.services.settings, self.home, self.subject)

    def another(self) -> Api:
        """The same application as another user."""
        return Api(self.services, self.queue, self.home)

    @property
    def user_id(self) -> UUID:
        return self.services.identity.authenticate(f"Bearer {self.token}").user_id

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> HTTPResponse:
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **(headers or {})}
        payload = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        with Client(app) as client:
            return client.http.request(method, path, headers=sent, body=payload)

    def get(self, path: str, status: int = 200, **headers: str) -> Any:
        return self._json(self.request("GET", path, headers=headers), status)

    def post(self, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        return self._json(self.request("POST", path, body, headers=headers), status)

    def patch(self, path: str, body: Any, status: int = 200) -> Any:
        return self._json(self.request("PATCH", path, body), status)

    def delete(self, path: str, status: int = 204) -> Any:
        return self._json(self.request("DELETE", path), status)

    def _json(self, response: HTTPResponse, status: int) -> Any:
        assert response.status_code == status, (response.status_code, response.body)
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        return json.loads(response.body) if is_json and response.body else response.body

    def chat(self, message: str, **fields: Any) -> Any:
        return self.post("/chat", {"message": message, **fields}, 202)

    def say(self, message: str, **fields: Any) -> Any:
        """Sends a message and has everything that follows from it done."""
        accepted = self.chat(message, **fields)
        self.work()
        return accepted

    def merge(self, topic_id: str, into: str) -> Any:
        return self.post(f"/topics/{topic_id}/merge", {"into_topic_id": into}, 201)

    def split(self, topic_id: str, message_id: int, **fields: Any) -> Any:
        return self.post(f"/topics/{topic_id}/split", {"message_id": message_id, **fields}, 201)

    def move(self, topic_id: str, *message_ids: int) -> Any:
        return self.post(f"/topics/{topic_id}/messages", {"message_ids": message_ids}, 201)

    def undo(self, operation: dict[str, Any]) -> Any:
        return self.post(f"/topic-operations/{operation['operation_id']}/undo")

    def places(self) -> dict[int, str]:
        """The topic of every message."""
        return {one["message_id"]: one["topic_id"] for one in self.get("/conversation/messages?limit=200")["items"]}

    def messages_in(self, topic_id: str) -> list[int]:
        """Oldest first."""
        found = self.get(f"/conversation/messages?topic_id={topic_id}&limit=200")["items"]
        return [message["message_id"] for message in found]

    def work(self) -> list[Outcome]:
        """Delivers everything in the queue, and what that puts there, until it is empty."""
        outcomes = []
        while messages := self.queue.take():
            outcomes += [self.services.worker.deliver(message) for message in messages]
        return outcomes
