"""`glia keys`: API keys."""

from __future__ import annotations

from typing import Annotated

import typer

from glia_sdk.cli import commands, listing, options, surroundings
from glia_sdk.cli.listing import Column, Paging, path
from glia_sdk.cli.surroundings import FAILED

EXAMPLES = """\b
Examples:
  glia keys                        newest first, revoked ones too
  glia keys new laptop             shows the key, this once
  glia keys new laptop > laptop.key
  glia keys revoke ID              at once
"""
COLUMNS = (
    Column("ID", "key_id"),
    Column("NAME", "name", is_text=True),
    Column("BEGINS", "prefix"),
    Column("MADE", listing.moment("created_at")),
    Column("REVOKED", listing.moment("revoked_at")),
)
app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@app.callback()
def keys(
    context: typer.Context,
    limit: options.Limit = 50,
    cursor: options.Cursor = None,
    is_all: options.All = False,
    as_json: options.JsonList = False,
    profile: options.Profile = None,
) -> None:
    """Your API keys: list, make and revoke them."""
    if not context.invoked_subcommand:
        paging = Paging(limit, cursor, is_all, as_json)
        commands.show_list(context, "/api-keys", listing.as_table(COLUMNS), paging, profile)


@app.command("new", epilog="Example: glia keys new laptop")
def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Make a key. It goes to stdout, and cannot be had again."""
    around = surroundings.of(context)
    screen = around.screen
    with around.session(profile) as client:
        made = client.make("/api-keys", {"name": name}, idempotency_key=around.new_id())
    if as_json:
        listing.show_json(screen, made)
    elif made.get("secret"):
        screen.note(f"key {listing.cell(made.get('key_id'))}; keep it now, it is not shown again")
        screen.line(str(made["secret"]))
    if not made.get("secret"):
        screen.error(f"the key was lost on its way; revoke it: glia keys revoke {listing.cell(made.get('key_id'))}")
        raise typer.Exit(FAILED)


@app.command("revoke", epilog="Example: glia keys revoke ID")
def revoke(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id.")],
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Revoke a key, at once."""
    commands.show(context, lambda client: client.remove(path("api-keys", key_id)), profile, as_json=as_json)
