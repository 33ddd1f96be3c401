"""`glia messages`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from glia_sdk.cli import commands, listing, options
from glia_sdk.cli.listing import Paging, Row, cell, path
from glia_sdk.cli.screen import Screen, harmless

EXAMPLES = """\b
Examples:
  glia messages                    oldest first
  glia messages --topic ID --all
  glia messages --all --json | wc -l
  glia messages move TOPIC MESSAGE MESSAGE
"""
app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@app.callback()
def messages(
    context: typer.Context,
    topic: options.Topic = None,
    limit: options.Limit = 50,
    cursor: options.Cursor = None,
    is_all: options.All = False,
    as_json: options.JsonList = False,
    profile: options.Profile = None,
) -> None:
    """Read what was said, oldest first; of one topic or of all."""
    if not context.invoked_subcommand:
        paging = Paging(limit, cursor, is_all, as_json)
        commands.show_list(context, "/conversation/messages", _transcript, paging, profile, topic_id=topic)


def _transcript(screen: Screen, rows: Iterable[Row]) -> None:
    when = listing.moment("created_at")
    for row in rows:
        screen.heading(f"#{cell(row.get('message_id'))}  {cell(row.get('role'))}  {cell(when(row))}")
        text = str(row.get("content", ""))
        screen.line((harmless(text) if screen.is_live else text).rstrip("\n") + "\n")


@app.command("move", epilog="Example: glia messages move TOPIC 17 18 21")
def move(
    context: typer.Context,
    topic_id: Annotated[str, typer.Argument(metavar="TOPIC", help="Where they belong.")],
    message_ids: Annotated[list[int], typer.Argument(metavar="MESSAGE...", help="Their numbers; up to 500.")],
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Put messages into a topic, from wherever they are; `glia topics undo` puts them back."""
    commands.make(context, path("topics", topic_id, "messages"), {"message_ids": message_ids}, profile, as_json=as_json)
