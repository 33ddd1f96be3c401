"""`glia reextract`: extracting many topics again, and previews of what that would change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from glia_sdk.cli import commands, listing, options, progress, surroundings
from glia_sdk.cli.listing import Column, Paging, Row, cell, path
from glia_sdk.cli.surroundings import FAILED, INTERRUPTED, Surroundings
from glia_sdk.client import Client

EXAMPLES = """\b
Examples:
  glia reextract --all --dry-run           what it would take
  glia reextract --failed-only             and wait, with a progress bar
  glia reextract --topic ID --topic ID --no-wait
  glia reextract --all --preview --model NAME
  glia reextract show ID --diff            what a preview would change
  glia reextract apply ID
"""
FIRST_WAIT, LONGEST_WAIT = 0.25, 3.0  # seconds between two looks
AT_WORK = ("running", "applying")
OPEN = ("queued", "running")


def _progress(batch: Row) -> str:
    told = batch.get("progress")
    counts = told if isinstance(told, dict) else {}
    return ", ".join(f"{count} {status}" for status, count in counts.items() if count)


COLUMNS = (
    Column("ID", "batch_id"),
    Column("STATUS", "status"),
    Column("PREVIEW", "is_preview"),
    Column("TOPICS", "topics"),
    Column("PROGRESS", _progress),
    Column("CARDS", "cards_changed"),
    Column("BEGAN", listing.moment("created_at")),
    Column("BY", "extractor", is_text=True),
)
CHANGES = (
    Column("TOPIC", "topic_id"),
    Column("CHANGE", "action"),
    Column("KIND", lambda row: row["after"].get("kind")),
    Column("BEFORE", lambda row: (row.get("before") or {}).get("title"), is_text=True),
    Column("AFTER", lambda row: row["after"].get("title"), is_text=True),
)
BatchId = Annotated[str, typer.Argument(metavar="ID", help="The re-extraction's id.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until it has ended.")]
app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@app.callback()
def reextract(
    context: typer.Context,
    is_all: Annotated[bool, typer.Option("--all", help="All topics.")] = False,
    topics: Annotated[list[str] | None, typer.Option("--topic", metavar="ID", help="These; may be repeated.")] = None,
    fallback_only: Annotated[
        bool, typer.Option("--fallback-only", help="Topics where the rules stood in for a model.")
    ] = False,
    failed_only: Annotated[bool, typer.Option("--failed-only", help="Topics whose last extraction failed.")] = False,
    older_than: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Topics by older rules than rules-N, or by other extractors.")
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Change no card; show what would change.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Start nothing; say what it would take.")] = False,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="For a preview: by this model.")] = None,
    prompt_version: Annotated[str | None, typer.Option(metavar="NAME", help="For a preview: with this prompt.")] = None,
    no_wait: NoWait = False,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Extract many topics again, or preview what that would change."""
    if context.invoked_subcommand:
        return
    given: dict[str, Any] = {
        "all": is_all, "topics": topics, "fallback_only": fallback_only, "failed_only": failed_only,
        "older_than": older_than,
    }  # fmt: skip
    chosen = {name: value for name, value in given.items() if value}
    if len(chosen) != 1:
        raise typer.BadParameter("give one of --all, --topic, --fallback-only, --failed-only, --older-than")
    extractor = {name: value for name, value in (("model", model), ("prompt_version", prompt_version)) if value}
    if extractor and not preview:
        raise typer.BadParameter("only a preview may name a model or a prompt version")
    asked = {"filter": chosen, "preview": preview, "dry_run": dry_run} | ({"extractor": extractor} if extractor else {})
    around = surroundings.of(context)
    with around.session(profile) as client:
        batch = client.make("/reextractions", asked, idempotency_key=around.new_id())
        if dry_run:
            listing.show_fields(around.screen, batch, as_json=as_json)
        else:
            _end(around, client, batch, no_wait=no_wait, as_json=as_json)


@app.command("list", epilog="Example: glia reextract list")
def list_(
    context: typer.Context,
    limit: options.Limit = 50,
    cursor: options.Cursor = None,
    is_all: options.All = False,
    as_json: options.JsonList = False,
    profile: options.Profile = None,
) -> None:
    """Re-extractions, newest first."""
    paging = Paging(limit, cursor, is_all, as_json)
    commands.show_list(context, "/reextractions", listing.as_table(COLUMNS), paging, profile)


@app.command("show", epilog="Example: glia reextract show ID --diff")
def show(
    context: typer.Context,
    batch_id: BatchId,
    with_diff: Annotated[bool, typer.Option("--diff", help="What a preview would change, a card a line.")] = False,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Show how far a re-extraction is."""
    around = surroundings.of(context)
    with around.session(profile) as client:
        batch = client.read(path("reextractions", batch_id))
        changes = list(_changes(client, batch_id)) if with_diff else []
    if as_json:
        listing.show_json(around.screen, batch | ({"changes": changes} if with_diff else {}))
        return
    _tell(around, batch, as_json=False)
    if changes:
        around.screen.line("")
        listing.as_table(CHANGES)(around.screen, changes)


def _changes(client: Client, batch_id: str) -> Iterator[Row]:
    cursor = None
    while True:
        page = client.page(path("reextractions", batch_id, "items"), limit=50, cursor=cursor)
        for item in page.items:
            yield from ({"topic_id": item.get("topic_id"), **change} for change in item.get("diff") or [])
        cursor = page.next_cursor
        if cursor is None:
            return


@app.command("cancel", epilog="Example: glia reextract cancel ID")
def cancel(
    context: typer.Context, batch_id: BatchId, as_json: options.JsonDocument = False, profile: options.Profile = None
) -> None:
    """Leave out what has not begun."""
    _decide(context, batch_id, "cancel", profile, no_wait=True, as_json=as_json)


@app.command("apply", epilog="Example: glia reextract apply ID")
def apply(
    context: typer.Context,
    batch_id: BatchId,
    no_wait: NoWait = False,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Make the cards what a preview shows."""
    _decide(context, batch_id, "apply", profile, no_wait=no_wait, as_json=as_json)


@app.command("discard", epilog="Example: glia reextract discard ID")
def discard(
    context: typer.Context, batch_id: BatchId, as_json: options.JsonDocument = False, profile: options.Profile = None
) -> None:
    """Drop a preview; no card changes."""
    _decide(context, batch_id, "discard", profile, no_wait=True, as_json=as_json)


def _decide(
    context: typer.Context, batch_id: str, act: str, profile: str | None, *, no_wait: bool, as_json: bool
) -> None:
    around = surroundings.of(context)
    with around.session(profile) as client:
        batch = client.make(path("reextractions", batch_id, act), idempotency_key=around.new_id())
        _end(around, client, batch, no_wait=no_wait, as_json=as_json)


def _end(around: Surroundings, client: Client, batch: Row, *, no_wait: bool, as_json: bool) -> None:
    """Waits for the batch unless that is not wanted, shows it, and says by the exit code whether topics failed."""
    batch = batch if no_wait else _follow(around, client, batch, is_quiet=as_json)
    _tell(around, batch, as_json=as_json)
    if batch.get("status") == "ready" and not as_json:
        around.screen.note(f"glia reextract show {cell(batch.get('batch_id'))} --diff shows it; then apply or discard")
    if failed := _count(batch, "failed"):
        around.screen.error(f"{failed} topics failed")
        raise typer.Exit(FAILED)


def _follow(around: Surroundings, client: Client, batch: Row, *, is_quiet: bool) -> Row:
    """Looks at a batch until nothing of it is at work. Ctrl-C ends the waiting, not the batch."""
    batch_id, total, pause = str(batch.get("batch_id")), int(batch.get("topics") or 0), FIRST_WAIT
    with (
        _going_on(around, batch_id),
        progress.watching(around.screen, total, is_quiet=is_quiet, doing="extracting", unit="topics") as watcher,
    ):
        while True:
            watcher.at(total - sum(_count(batch, status) for status in OPEN))
            if batch.get("status") not in AT_WORK:
                return batch
            around.sleep(pause)
            pause = min(pause * 2, LONGEST_WAIT)
            batch = client.read(path("reextractions", batch_id))


def _count(batch: Row, status: str) -> int:
    told = batch.get("progress")
    return int(told.get(status) or 0) if isinstance(told, dict) else 0


def _tell(around: Surroundings, batch: Row, *, as_json: bool) -> None:
    told = batch if as_json else batch | {"progress": _progress(batch)}
    listing.show_fields(around.screen, told, as_json=as_json)


@contextmanager
def _going_on(around: Surroundings, batch_id: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        around.screen.note(f"the re-extraction goes on; glia reextract show {cell(batch_id)}")
        raise typer.Exit(INTERRUPTED) from None
