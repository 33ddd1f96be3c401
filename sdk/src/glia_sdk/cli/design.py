"""`glia design`."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from glia_sdk.cli import commands, design_dialogue, design_files, listing, options, surroundings
from glia_sdk.cli.design_dialogue import Dialogue, id_of
from glia_sdk.cli.draft import Draft
from glia_sdk.cli.listing import Column, Paging, Row, path
from glia_sdk.cli.screen import Screen
from glia_sdk.client import Client

EXAMPLES = """\b
Examples:
  glia design                      a dialogue; Ctrl-D leaves it
  glia design --session ID         go on with one
  glia design --from agent.json    begin with a design in Glia's own format
  glia design < messages.txt       one message a line
  glia design list
  glia design export ID --format agent-spec-json --output agent.json
  glia design validate agent.json

\b
In the dialogue:
  /draft                           what is known
  /undo                            take the last change back
  /done                            complete the design
  /quit                            leave
"""
HEAD = ("session_id", "status", "stage", "name", "is_expired", "turn", "version", "created_at", "updated_at")
SessionId = Annotated[str, typer.Argument(metavar="ID", help="The session's id.")]
app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


class Status(StrEnum):
    ACTIVE = "active"
    COMPLETED = "completed"
    ABANDONED = "abandoned"


class Stage(StrEnum):
    AGENT_TYPE = "agent_type"
    GOALS = "goals"
    TONE = "tone"
    TOOLS = "tools"
    WORKFLOW = "workflow"
    PROMPT = "prompt"


COLUMNS = (
    Column("ID", "session_id"),
    Column("STATUS", lambda row: f"{row.get('status')}{' (expired)' if row.get('is_expired') else ''}"),
    Column("STAGE", "stage"),
    Column("UPDATED", listing.moment("updated_at")),
    Column("NAME", "name", is_text=True),
)


@app.callback()
def design(
    context: typer.Context,
    session_id: Annotated[str | None, typer.Option("--session", metavar="ID", help="Go on with this one.")] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", exists=True, dir_okay=False, readable=True, help="A design in Glia's own format."),
    ] = None,
    as_json: options.Json = False,
    profile: options.Profile = None,
) -> None:
    """Design an agent in a dialogue, with the draft beside it; or see to the designs there are.

    Every field of the draft says where it came from; * marks what the last message changed.
    """
    if context.invoked_subcommand:
        return
    if session_id is not None and source is not None:
        raise typer.BadParameter("give either --session or --from")
    text = None if source is None else design_files.text_of(source)
    around = surroundings.of(context)
    with around.session(profile) as client:
        begun = design_dialogue.begin(around, client, session_id, text)
        dialogue = Dialogue(around, client, id_of(begun), as_json, Draft())
        dialogue.show(begun, str(begun.get("message", "")))
        dialogue.converse()


@app.command("list", epilog="Example: glia design list --status completed")
def list_(
    context: typer.Context,
    status: Annotated[Status | None, typer.Option(help="Only such sessions.")] = None,
    limit: options.Limit = 50,
    cursor: options.Cursor = None,
    is_all: options.All = False,
    as_json: options.JsonList = False,
    profile: options.Profile = None,
) -> None:
    """Your design sessions, newest first."""
    paging = Paging(limit, cursor, is_all, as_json)
    commands.show_list(context, "/sessions", listing.as_table(COLUMNS), paging, profile, status=status)


@app.command("show", epilog="Example: glia design show ID")
def show(
    context: typer.Context,
    session_id: SessionId,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Show a session's draft; with --json the whole session."""
    _show(context, lambda client: design_dialogue.whole(client, session_id), profile, as_json=as_json)


@app.command("complete", epilog="Example: glia design complete ID")
def complete(
    context: typer.Context,
    session_id: SessionId,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Complete a design from which nothing is missing."""
    _change(context, path("sessions", session_id, "complete"), None, profile, as_json=as_json)


@app.command("undo", epilog="Example: glia design undo ID")
def undo(
    context: typer.Context,
    session_id: SessionId,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Take the last change of a session back."""
    _change(context, path("sessions", session_id, "undo"), None, profile, as_json=as_json)


@app.command("reopen", epilog="Example: glia design reopen ID goals")
def reopen(
    context: typer.Context,
    session_id: SessionId,
    stage: Annotated[Stage, typer.Argument(metavar="STAGE", help=f"One of {', '.join(Stage)}.")],
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Go back to one stage; everything else stays."""
    _change(context, path("sessions", session_id, "reopen"), {"stage": stage}, profile, as_json=as_json)


@app.command("delete", epilog="Example: glia design delete ID")
def delete(
    context: typer.Context,
    session_id: SessionId,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Give a session up; `glia design --session ID` takes it up again."""

    def ask(client: Client) -> Row:
        client.remove(path("sessions", session_id))
        return client.read(path("sessions", session_id, "status"))

    _show(context, ask, profile, as_json=as_json)


app.command("export", epilog=design_files.EXPORT_EXAMPLE)(design_files.export)
app.command("validate", epilog=design_files.VALIDATE_EXAMPLE)(design_files.validate)


def _change(context: typer.Context, at: str, body: Any, profile: str | None, *, as_json: bool) -> None:
    key = surroundings.of(context).new_id()
    _show(context, lambda client: client.make(at, body, idempotency_key=key), profile, as_json=as_json)


def _show(context: typer.Context, ask: Callable[[Client], Row], profile: str | None, *, as_json: bool) -> None:
    around = surroundings.of(context)
    with around.session(profile) as client:
        answer = ask(client)
    if as_json:
        listing.show_json(around.screen, answer)
    else:
        _tell(around.screen, answer)


def _tell(screen: Screen, answer: Row) -> None:
    listing.show_fields(screen, {name: answer[name] for name in HEAD if name in answer}, as_json=False)
    draft = Draft.of(answer)
    if not draft.is_empty:
        screen.line("")
        draft.show(screen)
