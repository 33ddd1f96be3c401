"""`glia topics`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from glia_sdk.cli import commands, listing, options
from glia_sdk.cli.listing import Column, Paging, path

EXAMPLES = """\b
Examples:
  glia topics                      newest first; * marks the active one
  glia topics --status archived --all
  glia topics show ID
  glia topics new "Storage"
  glia topics rename ID "Storage and backups"
  glia topics archive ID
  glia topics use ID               the next message goes there
  glia topics merge FROM INTO
  glia topics split TOPIC MESSAGE --title "Backups"
  glia topics operations           merges, splits and moves, newest first
  glia topics undo OPERATION
"""
COLUMNS = (
    Column("", lambda row: "*" if row.get("is_active") else ""),
    Column("ID", "topic_id"),
    Column("STATUS", "status"),
    Column("MESSAGES", "message_count"),
    Column("UPDATED", listing.moment("updated_at")),
    Column("TITLE", "title", is_text=True),
)
OPERATION_COLUMNS = (
    Column("ID", "operation_id"),
    Column("KIND", "kind"),
    Column("FROM", "from_topic_id"),
    Column("TO", "to_topic_id"),
    Column("MESSAGES", "message_count"),
    Column("DONE", listing.moment("created_at")),
    Column("UNDONE", listing.moment("undone_at")),
)
TopicId = Annotated[str, typer.Argument(metavar="ID", help="The topic's id.")]
Title = Annotated[str, typer.Argument(metavar="TITLE", help="Its title.")]
app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


class Status(StrEnum):
    ACTIVE = "active"
    ARCHIVED = "archived"


@app.callback()
def topics(
    context: typer.Context,
    status: Annotated[Status | None, typer.Option(help="Only such topics.")] = None,
    limit: options.Limit = 50,
    cursor: options.Cursor = None,
    is_all: options.All = False,
    as_json: options.JsonList = False,
    profile: options.Profile = None,
) -> None:
    """Your topics: list them, or change one."""
    if not context.invoked_subcommand:
        paging = Paging(limit, cursor, is_all, as_json)
        commands.show_list(context, "/topics", listing.as_table(COLUMNS), paging, profile, status=status)


@app.command("show", epilog="Example: glia topics show ID")
def show(
    context: typer.Context, topic_id: TopicId, as_json: options.JsonDocument = False, profile: options.Profile = None
) -> None:
    """Show a topic."""
    commands.show(context, lambda client: client.read(path("topics", topic_id)), profile, as_json=as_json)


@app.command("new", epilog='Example: glia topics new "Storage"')
def new(
    context: typer.Context, title: Title, as_json: options.JsonDocument = False, profile: options.Profile = None
) -> None:
    """Open a topic; it becomes the active one."""
    commands.make(context, "/topics", {"title": title}, profile, as_json=as_json)


@app.command("rename", epilog='Example: glia topics rename ID "Storage and backups"')
def rename(
    context: typer.Context,
    topic_id: TopicId,
    title: Title,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Give a topic another title."""
    _change(context, topic_id, {"title": title}, profile, as_json=as_json)


@app.command("archive", epilog="Example: glia topics archive ID")
def archive(
    context: typer.Context, topic_id: TopicId, as_json: options.JsonDocument = False, profile: options.Profile = None
) -> None:
    """Put a topic away; `use` fetches it back."""
    _change(context, topic_id, {"status": "archived"}, profile, as_json=as_json)


@app.command("use", epilog="Example: glia topics use ID")
def use(
    context: typer.Context, topic_id: TopicId, as_json: options.JsonDocument = False, profile: options.Profile = None
) -> None:
    """Make a topic the active one: the next message goes there unless it says otherwise."""
    _change(context, topic_id, {"is_active": True}, profile, as_json=as_json)


@app.command("merge", epilog="Example: glia topics merge FROM INTO")
def merge(
    context: typer.Context,
    topic_id: Annotated[str, typer.Argument(metavar="FROM", help="The topic whose messages go; it is archived.")],
    into_id: Annotated[str, typer.Argument(metavar="INTO", help="The topic that gets them.")],
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Put all messages of a topic into another."""
    commands.make(context, path("topics", topic_id, "merge"), {"into_topic_id": into_id}, profile, as_json=as_json)


@app.command("split", epilog='Example: glia topics split TOPIC MESSAGE --title "Backups"')
def split(
    context: typer.Context,
    topic_id: Annotated[str, typer.Argument(metavar="TOPIC", help="The topic's id.")],
    message_id: Annotated[int, typer.Argument(metavar="MESSAGE", help="The first message of the new topic.")],
    title: Annotated[str | None, typer.Option(help="Of the new topic.")] = None,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Put a message and all later ones of its topic into a new topic."""
    body = {"message_id": message_id} | ({"title": title} if title else {})
    commands.make(context, path("topics", topic_id, "split"), body, profile, as_json=as_json)


@app.command("operations", epilog="Example: glia topics operations --topic ID")
def operations(
    context: typer.Context,
    topic: options.Topic = None,
    limit: options.Limit = 50,
    cursor: options.Cursor = None,
    is_all: options.All = False,
    as_json: options.JsonList = False,
    profile: options.Profile = None,
) -> None:
    """Merges, splits and moves, newest first."""
    paging, shown = Paging(limit, cursor, is_all, as_json), listing.as_table(OPERATION_COLUMNS)
    commands.show_list(context, "/topic-operations", shown, paging, profile, topic_id=topic)


@app.command("undo", epilog="Example: glia topics undo OPERATION")
def undo(
    context: typer.Context,
    operation_id: Annotated[str, typer.Argument(metavar="OPERATION", help="The operation's id.")],
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Undo a merge, split or move: what still is where it put it goes back."""
    commands.make(context, path("topic-operations", operation_id, "undo"), None, profile, as_json=as_json)


def _change(
    context: typer.Context, topic_id: str, changes: dict[str, Any], profile: str | None, *, as_json: bool
) -> None:
    commands.show(context, lambda client: client.change(path("topics", topic_id), changes), profile, as_json=as_json)
