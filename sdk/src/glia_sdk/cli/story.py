"""`glia story`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from glia_sdk.cli import commands, jobs, listing, options, surroundings
from glia_sdk.cli.listing import Column, Paging, Row, cell, path
from glia_sdk.cli.screen import Screen, harmless

EXAMPLES = """\b
Examples:
  glia story show TOPIC            the newest, with the words it rests on
  glia story show TOPIC --version 2
  glia story versions TOPIC        newest first; * marks the one that tells of the cards as they are
  glia story compare TOPIC         what changed since the version before
  glia story compare TOPIC --from 1 --to 3
  glia story renew TOPIC --wait    tell it now
"""
TopicId = Annotated[str, typer.Argument(metavar="TOPIC", help="The topic's id.")]
Version = Annotated[int | None, typer.Option("--version", min=1, help="An older one.")]


def _by(row: Row) -> str:
    """Who told it."""
    model, fallback = row.get("model"), " (fallback)" if row.get("fallback_used") else ""
    return f"{row.get('provider')}{f'/{model}' if model else ''}{fallback}"


COLUMNS = (
    Column("", lambda row: "*" if row.get("is_current") else ""),
    Column("VERSION", "version"),
    Column("CARDS", "cards_count"),
    Column("BY", _by, is_text=True),
    Column("FAILURE", "failure_class"),
    Column("CAUSE", "cause"),
    Column("TOLD", listing.moment("created_at")),
    Column("TITLE", "title", is_text=True),
)
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def story() -> None:
    """What happened in a topic, told from its cards."""


@app.command("show", epilog="Example: glia story show TOPIC --version 2")
def show(
    context: typer.Context,
    topic_id: TopicId,
    version: Version = None,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Read the story of a topic, with the words it rests on."""
    around = surroundings.of(context)
    with around.session(profile) as client:
        told = client.read(path("topics", topic_id, "story"), version=version)
    if as_json:
        listing.show_json(around.screen, told)
    else:
        _read_out(around.screen, told)


def _read_out(screen: Screen, told: Row) -> None:
    if told.get("title"):
        screen.heading(cell(told["title"]))
    when = cell(listing.moment("created_at")(told))
    screen.note(f"version {cell(told.get('version'))}, {when}, by {cell(_by(told))}")
    if not told.get("is_current"):
        screen.note("not of the cards as they are now")
    for paragraph in told.get("paragraphs") or []:
        screen.line("")
        _say(screen, paragraph)
        for citation in paragraph.get("citations") or []:
            screen.line(f"  “{cell(citation.get('quote'))}” (message #{cell(citation.get('message_id'))})")


def _say(screen: Screen, paragraph: Row, mark: str = "") -> None:
    """A paragraph, on lines of its own."""
    text = str(paragraph.get("text", ""))
    for line in (harmless(text) if screen.is_live else text).splitlines():
        screen.line(f"{mark}{line}")


@app.command("versions", epilog="Example: glia story versions TOPIC --all")
def versions(
    context: typer.Context,
    topic_id: TopicId,
    limit: options.Limit = 50,
    cursor: options.Cursor = None,
    is_all: options.All = False,
    as_json: options.JsonList = False,
    profile: options.Profile = None,
) -> None:
    """The versions of a topic's story, newest first."""
    paging, at = Paging(limit, cursor, is_all, as_json), path("topics", topic_id, "story", "versions")
    commands.show_list(context, at, listing.as_table(COLUMNS), paging, profile)


@app.command("compare", epilog="Example: glia story compare TOPIC --from 1 --to 3")
def compare(
    context: typer.Context,
    topic_id: TopicId,
    before: Annotated[int | None, typer.Option("--from", min=1, help="By default the version before --to.")] = None,
    after: Annotated[int | None, typer.Option("--to", min=1, help="By default the newest.")] = None,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """What changed between two versions, by paragraph: - is what was, + what is."""
    around = surroundings.of(context)
    with around.session(profile) as client:
        found = client.read(path("topics", topic_id, "story", "compare"), **{"from": before, "to": after})
    if as_json:
        listing.show_json(around.screen, found)
    else:
        _tell_apart(around.screen, found)


def _tell_apart(screen: Screen, found: Row) -> None:
    screen.heading(f"version {cell(found.get('from_version'))} to {cell(found.get('to_version'))}")
    _all(screen, "- ", found.get("removed") or [])
    for change in found.get("changed") or []:
        _all(screen, "- ", [change.get("before") or {}])
        _all(screen, "+ ", [change.get("after") or {}])
    _all(screen, "+ ", found.get("added") or [])
    screen.note(f"unchanged: {cell(found.get('unchanged'))}")


def _all(screen: Screen, mark: str, paragraphs: Iterable[Row]) -> None:
    for paragraph in paragraphs:
        _say(screen, paragraph, mark)


@app.command("renew", epilog="Example: glia story renew TOPIC --wait")
def renew(
    context: typer.Context,
    topic_id: TopicId,
    wait: options.Wait = False,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Tell the story of a topic now; it is told by itself when the cards have changed."""
    jobs.request(context, path("topics", topic_id, "story"), profile, wait=wait, as_json=as_json)
