"""`glia health`."""

from __future__ import annotations

import typer

from glia_sdk.cli import listing, options, surroundings
from glia_sdk.cli.surroundings import FAILED, UNREACHABLE
from glia_sdk.client import Client
from glia_sdk.config import address

EXAMPLES = """\b
Examples:
  glia health                      needs no login
  glia health --json

\b
Exit codes: 0 all is well, 1 a part is down, 4 nothing works.
"""


def health(context: typer.Context, as_json: options.JsonDocument = False, profile: options.Profile = None) -> None:
    """The state of the server's parts."""
    around = surroundings.of(context)
    screen = around.screen
    with around.reporting():
        with Client(address(around.environ, around.profile(profile)), None, sleep=around.sleep) as client:
            told = client.health()
        listing.show_fields(screen, told, as_json=as_json)
    for warning in told.get("warnings") or []:
        screen.note(listing.cell(warning))
    if told.get("status") != "ok":
        raise typer.Exit(UNREACHABLE if told.get("database") == "down" else FAILED)
