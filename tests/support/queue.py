"""A queue that keeps what was sent, for tests that deliver by hand: twice, late, in another order."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from chalicelib.jobs.models import JobMessage


@dataclass
class RecordingQueue:
    sent: list[tuple[str, str]] = field(default_factory=list)
    deferred: list[tuple[str, str, int]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, queue: str, body: str, request_id: str, delay: int) -> None:
        with self.lock:
            self.sent.append((queue, body))

    def defer(self, queue: str, receipt_handle: str, seconds: int) -> None:
        self.deferred.append((queue, receipt_handle, seconds))

    def sent_messages(self) -> list[JobMessage]:
        """What waits in the queue, without taking it."""
        with self.lock:
            return [JobMessage.model_validate_json(body) for _, body in self.sent]

    def take(self) -> list[JobMessage]:
        """Everything sent since the last call, in order."""
        with self.lock:
            taken, self.sent = self.sent, []
        return [JobMessage.model_validate_json(body) for _, body in taken]
