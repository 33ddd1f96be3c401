"""Whether the parts Glia stands on answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal, Protocol

from chalicelib.adapters.logs import describe
from chalicelib.adapters.postgres import Database
from chalicelib.settings import Settings

log = logging.getLogger(__name__)
State = Literal["ok", "down", "not_configured"]


class Checked(Protocol):
    def check(self) -> None:
        """Raises if it does not answer."""


class HealthService:
    def __init__(self, settings: Settings, db: Database, queue: Checked, blobs: Checked) -> None:
        self._settings = settings
        self._db = db
        self._queue = queue
        self._blobs = blobs

    def states(self) -> dict[str, State]:
        """The state of database, queue, storage and model. A model is not called: it costs money."""
        return {
            "database": self._state(self._check_database),
            "queue": self._state(self._queue.check),
            "storage": self._state(self._blobs.check),
            "model": self._model(),
        }

    def warnings(self) -> list[str]:
        if self._settings.auth == "off":
            return ["The token gate is off: everybody who reaches this address is the same local user."]
        return []

    def _check_database(self) -> None:
        with self._db.nobody():
            pass

    def _model(self) -> State:
        settings = self._settings
        if not settings.chat_model and not settings.extract_model:
            return "not_configured"
        return "ok" if settings.openai_api_key or settings.openai_base_url else "not_configured"

    def _state(self, check: Callable[[], None]) -> State:
        try:
            check()
        except Exception as error:  # noqa: BLE001 - any failure means down
            log.warning("health check failed", extra=describe(error))
            return "down"
        return "ok"
