"""`glia messages`."""

from __future__ import annotations

from collections.abc import Iterable

import typer

from glia_sdk.cli import listing, options, surroundings
from glia_sdk.cli.listing import Paging, Row, cell
from glia_sdk.cli.screen import Screen, harmless

EXAMPLES = """\b
Examples:
  glia messages                    oldest first
  glia messages --topic ID --all
  glia messages --all --json | wc -l
"""


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
    around = surroundings.of(context)
    paging = Paging(limit, cursor, is_all, as_json)
    with around.session(profile) as client:
        listing.show_list(around.screen, client, "/conversation/messages", _transcript, paging, topic_id=topic)


def _transcript(screen: Screen, rows: Iterable[Row]) -> None:
    when = listing.moment("created_at")
    for row in rows:
        screen.heading(f"#{cell(row.get('message_id'))}  {cell(row.get('role'))}  {cell(when(row))}")
        text = str(row.get("content", ""))
        screen.line((harmless(text) if screen.is_live else text).rstrip("\n") + "\n")
