"""`glia dlq`: background work that was given up, and taking it up again."""

from __future__ import annotations

from typing import Annotated

import typer

from glia_sdk.cli import commands, listing, options, surroundings
from glia_sdk.cli.listing import Column, Paging, path
from glia_sdk.cli.surroundings import Surroundings
from glia_sdk.client import Client
from glia_sdk.errors import ApiError

EXAMPLES = """\b
Examples:
  glia dlq list                    newest first
  glia dlq redrive JOB             try it again
  glia dlq redrive --all --kind extract
"""
COLUMNS = (
    Column("ID", "job_id"),
    Column("KIND", "kind"),
    Column("SUBJECT", "subject"),
    Column("CAUSE", "cause"),
    Column("ATTEMPTS", "attempts"),
    Column("FAILURE", "failure_class"),
    Column("DIED", listing.moment("ended_at")),
)
JOB_OF_TURN = "job_of_turn"
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


OnlyKind = Annotated[str | None, typer.Option(metavar="KIND", help="Only such jobs: turn, extract, reextract, …")]


@app.callback()
def dlq() -> None:
    """Work that was given up after too many attempts."""


@app.command("list", epilog="Example: glia dlq list --kind extract")
def list_(
    context: typer.Context,
    kind: OnlyKind = None,
    limit: options.Limit = 50,
    cursor: options.Cursor = None,
    is_all: options.All = False,
    as_json: options.JsonList = False,
    profile: options.Profile = None,
) -> None:
    """Dead jobs, newest first."""
    paging, shown = Paging(limit, cursor, is_all, as_json), listing.as_table(COLUMNS)
    commands.show_list(context, "/jobs", shown, paging, profile, status="dead", kind=kind)


@app.command("redrive", epilog="Example: glia dlq redrive JOB")
def redrive(
    context: typer.Context,
    job_id: Annotated[str | None, typer.Argument(metavar="JOB", help="The job's id.")] = None,
    is_all: Annotated[bool, typer.Option("--all", help="All there are; turns are left out: retry those.")] = False,
    kind: OnlyKind = None,
    as_json: options.Json = False,
    profile: options.Profile = None,
) -> None:
    """Give a dead job back to the queue, as if it were new. A job that waits for the same topic stands for it."""
    if (job_id is None) is not is_all:
        raise typer.BadParameter("name a job, or all with --all")
    around = surroundings.of(context)
    with around.session(profile) as client:
        if job_id is not None:
            _redrive(around, client, job_id, as_json=as_json)
            return
        for job in list(client.items("/jobs", status="dead", kind=kind)):
            _unless_over(around, client, str(job["job_id"]), as_json=as_json)


def _redrive(around: Surroundings, client: Client, job_id: str, *, as_json: bool) -> None:
    job = client.make(path("jobs", job_id, "redrive"), idempotency_key=around.new_id())
    if as_json:
        listing.show_json(around.screen, job)
    elif job.get("job_id") == job_id:
        around.screen.line(f"{job_id}\tqueued")
    else:
        around.screen.line(f"{job_id}\t{listing.cell(job.get('job_id'))} stands for it")


def _unless_over(around: Surroundings, client: Client, job_id: str, *, as_json: bool) -> None:
    try:
        _redrive(around, client, job_id, as_json=as_json)
    except ApiError as error:
        if error.code != JOB_OF_TURN:
            raise
        around.screen.note(f"{job_id} is a turn that has failed; retry the turn")
