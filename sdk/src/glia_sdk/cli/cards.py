"""`glia cards`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from glia_sdk.cli import commands, listing, options
from glia_sdk.cli.listing import Column, Paging, Row, cell, path
from glia_sdk.cli.screen import Screen
from glia_sdk.client import Client

EXAMPLES = """\b
Examples:
  glia cards                       of the active topic
  glia cards --topic ID --kind decision
  glia cards --topic ID --all --json
  glia cards show ID               with everything it rests on
"""


def _quote(row: Row) -> str:
    """The first words a card rests on, and how many citations there are beside."""
    citations = row.get("citations")
    if not isinstance(citations, list) or not citations:
        return ""
    more = f" (+{len(citations) - 1})" if len(citations) > 1 else ""
    return f"“{cell(citations[0].get('quote'))}”{more}"


COLUMNS = (
    Column("ID", "card_id"),
    Column("KIND", "kind"),
    Column("TITLE", "title", is_text=True),
    Column("QUOTE", _quote, is_text=True),
)
app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


class Kind(StrEnum):
    INSIGHT = "insight"
    DECISION = "decision"
    QUESTION = "question"
    ACTION = "action"
    FACT = "fact"
    PREFERENCE = "preference"


@app.callback()
def cards(
    context: typer.Context,
    topic: Annotated[
        str | None, typer.Option("--topic", metavar="ID", help="Whose cards; else the active topic's.")
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only such cards.")] = None,
    limit: options.Limit = 50,
    cursor: options.Cursor = None,
    is_all: options.All = False,
    as_json: options.JsonList = False,
    profile: options.Profile = None,
) -> None:
    """The cards of a topic, each with the words it rests on."""
    if context.invoked_subcommand:
        return
    paging = Paging(limit, cursor, is_all, as_json)

    def at(client: Client) -> str:
        return path("topics", topic or _active(client), "cards")

    commands.show_list(context, at, listing.as_table(COLUMNS), paging, profile, kind=kind)


def _active(client: Client) -> str:
    active = client.conversation().active_topic_id
    if active is None:
        raise typer.BadParameter("no topic is active; name one with --topic")
    return active


@app.command("show", epilog="Example: glia cards show ID")
def show(
    context: typer.Context,
    card_id: Annotated[str, typer.Argument(metavar="ID", help="The card's id.")],
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Show a card with all its citations."""
    at = path("cards", card_id)
    commands.show(context, lambda client: client.read(at), profile, as_json=as_json, details=_show_citations)


def _show_citations(screen: Screen, card: Row) -> None:
    for citation in card.get("citations") or []:
        screen.line("")
        at = f"{cell(citation.get('start'))} to {cell(citation.get('end'))}"
        screen.heading(f"message #{cell(citation.get('message_id'))}, characters {at}")
        screen.line(f"“{cell(citation.get('quote'))}”")
