"""What most commands do: ask the server as the user one is logged in as, and show what it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from glia_sdk.cli import listing, surroundings
from glia_sdk.cli.listing import Paging, Row, Show
from glia_sdk.cli.screen import Screen
from glia_sdk.client import Client


def show_list(
    context: typer.Context,
    at: str | Callable[[Client], str],
    show: Show,
    paging: Paging,
    profile: str | None,
    **query: Any,
) -> None:
    """Shows the list at a path, or at one that has to be asked for first."""
    around = surroundings.of(context)
    with around.session(profile) as client:
        found = at if isinstance(at, str) else at(client)
        listing.show_list(around.screen, client, found, show, paging, **query)


def show(
    context: typer.Context,
    ask: Callable[[Client], Row],
    profile: str | None,
    *,
    as_json: bool,
    details: Callable[[Screen, Row], None] | None = None,
) -> None:
    """Shows one thing: its fields, and under them for people what its lists hold."""
    around = surroundings.of(context)
    with around.session(profile) as client:
        answer = ask(client)
    listing.show_fields(around.screen, answer, as_json=as_json)
    if details and not as_json:
        details(around.screen, answer)


def make(
    context: typer.Context,
    at: str,
    body: Any,
    profile: str | None,
    *,
    as_json: bool,
    details: Callable[[Screen, Row], None] | None = None,
) -> None:
    """Makes something, once however often it has to be asked for, and shows it."""
    key = surroundings.of(context).new_id()
    show(context, lambda client: client.make(at, body, idempotency_key=key), profile, as_json=as_json, details=details)
