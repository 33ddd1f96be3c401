"""Schedules."""

from __future__ import annotations

from typing import Any

from chalice.app import Blueprint, CloudWatchEvent

from chalicelib import wiring
from chalicelib.adapters.clock import new_id
from chalicelib.adapters.logs import enter
from chalicelib.jobs.models import QUEUES
from chalicelib.triggers.queues import SERVICE, logger

blueprint = Blueprint(__name__)


@blueprint.schedule("rate(1 minute)")
def sweep(event: CloudWatchEvent) -> dict[str, Any]:
    """Sends open jobs again whose messages may be lost, gives up what has long expired, says how old the queues are."""
    request_id = str(new_id())
    enter(SERVICE, request_id)
    services = wiring.services()
    sent = services.jobs.sweep()
    services.sessions.abandon_expired()
    services.uploads.sweep(request_id)
    for kind, age in services.jobs.queue_ages().items():
        services.meter.seconds(f"QueueAge-{QUEUES[kind]}", age)
    if sent:
        logger.info("swept", extra={"sent": sent})
    return {"sent": sent}
