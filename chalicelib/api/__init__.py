"""HTTP: one resource a module. `register_api` puts them on the application, behind the middleware."""

from __future__ import annotations

from chalice.app import Chalice

from chalicelib.api import (
    api_keys,
    artifacts,
    cards,
    chat,
    conversation,
    designs,
    docs,
    extraction,
    health,
    imports,
    jobs,
    operations,
    reextractions,
    routing,
    sessions,
    stories,
    tools,
    topic_cards,
    topics,
)
from chalicelib.api.middleware import Pipeline
from chalicelib.api.resource import Endpoint

RESOURCES = (
    health.resource,
    chat.resource,
    conversation.resource,
    topics.resource,
    operations.resource,
    topic_cards.resource,
    cards.resource,
    stories.resource,
    sessions.resource,
    designs.resource,
    tools.resource,
    extraction.resource,
    reextractions.resource,
    jobs.resource,
    imports.resource,
    routing.resource,
    artifacts.resource,
    api_keys.resource,
    docs.resource,
)


def endpoints() -> list[Endpoint]:
    """Everything the API answers to, in the order it is documented."""
    return [endpoint for resource in RESOURCES for endpoint in resource.endpoints]


def register_api(app: Chalice) -> None:
    docs.describe(endpoints())
    for resource in RESOURCES:
        app.register_blueprint(resource.blueprint)
    app.register_middleware(Pipeline(frozenset(e.path for e in endpoints() if e.is_open)), "http")
