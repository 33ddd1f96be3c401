"""`GET /health`."""

from __future__ import annotations

from typing import Literal

from chalice.app import Response

from chalicelib.api.answers import View, answer
from chalicelib.api.resource import Call, Resource
from chalicelib.health import State

resource = Resource("health", "health")


class HealthView(View):
    status: Literal["ok", "degraded"]
    database: State
    queue: State
    storage: State
    model: State
    warnings: list[str]


@resource.get("/health", answers={200: HealthView, 503: HealthView}, is_open=True)
def get_health(call: Call) -> Response:
    """The state of database, queue, storage and model.

    503 if the database is down: nothing works then. Without a model the rules answer and extract.
    """
    health = call.services.health
    states = health.states()
    status: Literal["ok", "degraded"] = "degraded" if "down" in states.values() else "ok"
    view = HealthView(status=status, warnings=health.warnings(), **states)
    return answer(503 if states["database"] == "down" else 200, view)
