"""`glia jobs`: background work, and waiting for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from glia_sdk.cli import commands, listing, options, surroundings
from glia_sdk.cli.listing import Row, path
from glia_sdk.cli.surroundings import FAILED, INTERRUPTED, Surroundings
from glia_sdk.client import Client

EXAMPLES = """\b
Examples:
  glia jobs show ID
  glia jobs show ID --wait         until it has ended; exit code 1 if it failed
"""
FIRST_WAIT, LONGEST_WAIT = 0.25, 3.0  # seconds between two looks
DONE, DEAD = "done", "dead"
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def jobs() -> None:
    """Background work."""


@app.command("show", epilog=EXAMPLES)
def show(
    context: typer.Context,
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The job's id.")],
    wait: options.Wait = False,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Show a job: its state, attempts and result."""
    if not wait:
        commands.show(context, lambda client: client.read(path("jobs", job_id)), profile, as_json=as_json)
        return
    around = surroundings.of(context)
    with around.session(profile) as client:
        end(around, follow(around, client, job_id), as_json=as_json)


def request(context: typer.Context, at: str, profile: str | None, *, wait: bool, as_json: bool) -> None:
    """Asks for background work, once however often it has to be asked for, and shows it, or with `wait` its end."""
    around = surroundings.of(context)
    with around.session(profile) as client:
        told = client.make(at, idempotency_key=around.new_id())
        job_id = told.get("job_id")
        if wait and job_id:
            end(around, follow(around, client, str(job_id)), as_json=as_json)
        else:
            listing.show_fields(around.screen, told, as_json=as_json)


def follow(around: Surroundings, client: Client, job_id: str) -> Row:
    """Looks at a job until it has ended. Ctrl-C ends the waiting, not the job."""
    pause = FIRST_WAIT
    with _waiting(around, job_id):
        while True:
            job = client.read(path("jobs", job_id))
            if job.get("status") in (DONE, DEAD):
                return job
            around.sleep(pause)
            pause = min(pause * 2, LONGEST_WAIT)


def end(around: Surroundings, job: Row, *, as_json: bool) -> None:
    """Shows a job that has ended, and ends the command with the exit code that says how."""
    listing.show_fields(around.screen, job, as_json=as_json)
    if job.get("status") != DONE:
        around.screen.error(f"the job failed: {job.get('failure_class') or 'unknown'}")
        raise typer.Exit(FAILED)


@contextmanager
def _waiting(around: Surroundings, job_id: str) -> Iterator[None]:
    """A spinner where somebody sees it."""
    screen = around.screen
    try:
        if screen.is_animated:
            with screen.margin.status(f"waiting for job {listing.cell(job_id)}"):
                yield
        else:
            yield
    except KeyboardInterrupt:
        screen.note(f"the job goes on; glia jobs show {job_id} --wait")
        raise typer.Exit(INTERRUPTED) from None
