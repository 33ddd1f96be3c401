"""The Chalice application: registers what `api/` and `triggers/` declare. No logic."""

from chalicelib.application import Application, uncollected

with uncollected():
    from chalicelib.api import register_api
    from chalicelib.triggers import register_triggers

    app = Application(app_name="glia", configure_logs=False)
    register_api(app)
    register_triggers(app)
