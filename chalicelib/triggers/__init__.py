"""Queues, schedules, and the function that migrates. `register_triggers` puts them on the application."""

from __future__ import annotations

from chalice.app import Chalice

from chalicelib.triggers import migrations, queues, schedule, uploads


def register_triggers(app: Chalice) -> None:
    app.register_blueprint(queues.blueprint)
    app.register_blueprint(uploads.blueprint)
    app.register_blueprint(schedule.blueprint)
    app.register_blueprint(migrations.blueprint)
