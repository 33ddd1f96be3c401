"""The database's migrations, run as a function of their own: the deploy script invokes it before new code serves."""

from __future__ import annotations

from typing import Any

from chalice.app import Blueprint

from chalicelib import wiring
from chalicelib.adapters.clock import new_id
from chalicelib.adapters.logs import enter
from chalicelib.migrate import migrate as apply_migrations
from chalicelib.triggers.queues import SERVICE, logger

blueprint = Blueprint(__name__)


@blueprint.lambda_function(name="migrate")
def migrate(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Brings the database up to date. Answers the names of the migrations that were applied now, in order."""
    enter(SERVICE, str(new_id()))
    applied = apply_migrations(wiring.settings().database_owner_url)
    logger.info("migrated", extra={"applied": applied})
    return {"applied": applied}
