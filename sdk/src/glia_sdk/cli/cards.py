"""`glia cards`."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

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
  glia cards --all-topics --status superseded,retired
  glia cards --as-of 2025-05-01T12:00:00Z
  glia cards show ID               with everything it rests on
  glia cards edit ID --title "Postgres 17" --kind decision
  glia cards delete ID             for good; `restore` takes it back
  glia cards pin ID
  glia cards accept ID             the words that the extraction suggests; `dismiss` keeps yours
  glia cards history ID
"""


def _quote(row: Row) -> str:
    """The first words a card rests on, and how many citations there are beside."""
    citations = row.get("citations")
    if not isinstance(citations, list) or not citations:
        return ""
    more = f" (+{len(citations) - 1})" if len(citations) > 1 else ""
    return f"“{cell(citations[0].get('quote'))}”{more}"


def _card(version: Row) -> Row:
    card = version.get("card")
    return card if isinstance(card, dict) else {}


COLUMNS = (
    Column("ID", "card_id"),
    Column("KIND", "kind"),
    Column("TITLE", "title", is_text=True),
    Column("QUOTE", _quote, is_text=True),
)
VERSIONS = (
    Column("VERSION", "version"),
    Column("ACTION", "action"),
    Column("AT", listing.moment("at")),
    Column("STATUS", lambda row: _card(row).get("status")),
    Column("KIND", lambda row: _card(row).get("kind")),
    Column("TITLE", lambda row: _card(row).get("title"), is_text=True),
)
CardId = Annotated[str, typer.Argument(metavar="ID", help="The card's id.")]
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
    is_everywhere: Annotated[bool, typer.Option("--all-topics", help="Of all topics, newest evidence first.")] = False,
    kind: Annotated[Kind | None, typer.Option(help="Only such cards.")] = None,
    status: Annotated[
        str | None,
        typer.Option(metavar="STATUSES", help="active, superseded, retired, deleted, by commas; else the first two."),
    ] = None,
    as_of: Annotated[str | None, typer.Option(metavar="TIME", help="As they were at that moment (RFC 3339).")] = None,
    limit: options.Limit = 50,
    cursor: options.Cursor = None,
    is_all: options.All = False,
    as_json: options.JsonList = False,
    profile: options.Profile = None,
) -> None:
    """Cards, each with the words it rests on: list those of a topic or of all, or change one."""
    if context.invoked_subcommand:
        return
    if is_everywhere and (topic or as_of):
        raise typer.BadParameter("--all-topics goes with neither --topic nor --as-of")
    paging = Paging(limit, cursor, is_all, as_json)

    def at(client: Client) -> str:
        return "/cards" if is_everywhere else path("topics", topic or _active(client), "cards")

    commands.show_list(context, at, listing.as_table(COLUMNS), paging, profile, kind=kind, status=status, as_of=as_of)


def _active(client: Client) -> str:
    active = client.conversation().active_topic_id
    if active is None:
        raise typer.BadParameter("no topic is active; name one with --topic")
    return active


@app.command("show", epilog="Example: glia cards show ID")
def show(
    context: typer.Context, card_id: CardId, as_json: options.JsonDocument = False, profile: options.Profile = None
) -> None:
    """Show a card with all its citations."""
    _show(context, lambda client: client.read(path("cards", card_id)), profile, as_json=as_json)


@app.command("edit", epilog='Example: glia cards edit ID --title "Postgres 17" --kind decision')
def edit(
    context: typer.Context,
    card_id: CardId,
    title: Annotated[str | None, typer.Option(help="Its new title.")] = None,
    body: Annotated[str | None, typer.Option(help="Its new body.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="What it is.")] = None,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Set what a card says: it stays yours through every extraction."""
    given = {"title": title, "body": body, "kind": kind}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise typer.BadParameter("say what to change: --title, --body or --kind")
    _show(context, lambda client: client.change(path("cards", card_id), changes), profile, as_json=as_json)


@app.command("delete", epilog="Example: glia cards delete ID")
def delete(
    context: typer.Context, card_id: CardId, as_json: options.JsonDocument = False, profile: options.Profile = None
) -> None:
    """Delete a card for good: no extraction brings it back. `restore` does."""

    def remove(client: Client) -> Row:
        client.remove(path("cards", card_id))
        return client.read(path("cards", card_id))

    _show(context, remove, profile, as_json=as_json)


@app.command("restore", epilog="Example: glia cards restore ID")
def restore(
    context: typer.Context, card_id: CardId, as_json: options.JsonDocument = False, profile: options.Profile = None
) -> None:
    """Take a deleted card back."""
    _act(context, card_id, "restore", profile, as_json=as_json)


@app.command("pin", epilog="Example: glia cards pin ID")
def pin(
    context: typer.Context, card_id: CardId, as_json: options.JsonDocument = False, profile: options.Profile = None
) -> None:
    """Pin a card: it stays, whether it is found again or not."""
    _act(context, card_id, "pin", profile, as_json=as_json)


@app.command("unpin", epilog="Example: glia cards unpin ID")
def unpin(
    context: typer.Context, card_id: CardId, as_json: options.JsonDocument = False, profile: options.Profile = None
) -> None:
    """Unpin a card."""
    _act(context, card_id, "unpin", profile, as_json=as_json)


@app.command("accept", epilog="Example: glia cards accept ID")
def accept(
    context: typer.Context, card_id: CardId, as_json: options.JsonDocument = False, profile: options.Profile = None
) -> None:
    """Take the words that the extraction suggests for a card you have edited."""
    _act(context, card_id, "accept-suggestion", profile, as_json=as_json)


@app.command("dismiss", epilog="Example: glia cards dismiss ID")
def dismiss(
    context: typer.Context, card_id: CardId, as_json: options.JsonDocument = False, profile: options.Profile = None
) -> None:
    """Keep your words; the same suggestion is not made again."""
    _act(context, card_id, "dismiss-suggestion", profile, as_json=as_json)


@app.command("history", epilog="Example: glia cards history ID --all")
def history(
    context: typer.Context,
    card_id: CardId,
    limit: options.Limit = 50,
    cursor: options.Cursor = None,
    is_all: options.All = False,
    as_json: options.JsonList = False,
    profile: options.Profile = None,
) -> None:
    """Every state a card was in, oldest first."""
    paging = Paging(limit, cursor, is_all, as_json)
    commands.show_list(context, path("cards", card_id, "history"), listing.as_table(VERSIONS), paging, profile)


def _act(context: typer.Context, card_id: str, action: str, profile: str | None, *, as_json: bool) -> None:
    commands.make(context, path("cards", card_id, action), None, profile, as_json=as_json, details=_show_citations)


def _show(context: typer.Context, ask: Callable[[Client], Row], profile: str | None, *, as_json: bool) -> None:
    commands.show(context, ask, profile, as_json=as_json, details=_show_citations)


def _show_citations(screen: Screen, card: Row) -> None:
    for citation in card.get("citations") or []:
        screen.line("")
        at = f"{cell(citation.get('start'))} to {cell(citation.get('end'))}"
        screen.heading(f"message #{cell(citation.get('message_id'))}, characters {at}")
        screen.line(f"“{cell(citation.get('quote'))}”")
