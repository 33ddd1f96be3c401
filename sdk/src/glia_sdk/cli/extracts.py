"""`glia extracts` and `glia extract`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from glia_sdk.cli import commands, jobs, listing, options
from glia_sdk.cli.listing import Column, Paging, Row, path
from glia_sdk.cli.screen import Screen

EXAMPLES = """\b
Examples:
  glia extracts                    newest first
  glia extracts --topic ID --status failed
  glia extracts show ID            with every try it made
"""
EXTRACT_EXAMPLES = """\b
Examples:
  glia extract TOPIC               queue it, and go on
  glia extract TOPIC --wait        wait for the cards
"""


def _by(row: Row) -> str:
    """Who extracted, or was to."""
    provider, model = row.get("provider") or row.get("intended_provider"), row.get("model")
    fallback = " (fallback)" if row.get("fallback_used") else ""
    return f"{provider}{f'/{model}' if model else ''}{fallback}"


COLUMNS = (
    Column("ID", "run_id"),
    Column("STATUS", "status"),
    Column("CAUSE", "cause"),
    Column("BY", _by, is_text=True),
    Column("CARDS", "cards_count"),
    Column("FAILURE", "failure_class"),
    Column("BEGAN", listing.moment("created_at")),
    Column("TOPIC", "topic_id"),
)
ATTEMPTS = (
    Column("ATTEMPT", "attempt"),
    Column("TRY", "try_no"),
    Column("PROVIDER", "provider"),
    Column("MODEL", "model"),
    Column("FAILURE", "failure_class"),
    Column("MS", "latency_ms"),
    Column("TOKENS IN", "input_tokens"),
    Column("TOKENS OUT", "output_tokens"),
)
app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


class Status(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    SUPERSEDED = "superseded"


@app.callback()
def extracts(
    context: typer.Context,
    topic: options.Topic = None,
    status: Annotated[Status | None, typer.Option(help="Only such runs.")] = None,
    limit: options.Limit = 50,
    cursor: options.Cursor = None,
    is_all: options.All = False,
    as_json: options.JsonList = False,
    profile: options.Profile = None,
) -> None:
    """Extract runs: what ran, why, and how it ended."""
    if not context.invoked_subcommand:
        paging, shown = Paging(limit, cursor, is_all, as_json), listing.as_table(COLUMNS)
        commands.show_list(context, "/extract-runs", shown, paging, profile, topic_id=topic, status=status)


@app.command("show", epilog="Example: glia extracts show ID")
def show(
    context: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="ID", help="The run's id.")],
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Show an extract run with its attempts."""
    at = path("extract-runs", run_id)
    commands.show(context, lambda client: client.read(at), profile, as_json=as_json, details=_show_attempts)


def _show_attempts(screen: Screen, run: Row) -> None:
    if attempts := run.get("attempts"):
        screen.line("")
        listing.as_table(ATTEMPTS)(screen, attempts)


def extract(
    context: typer.Context,
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="The topic's id.")],
    wait: options.Wait = False,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Extract the cards of a topic now."""
    jobs.request(context, path("topics", topic, "extract"), profile, wait=wait, as_json=as_json)
