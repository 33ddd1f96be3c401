"""The `glia` command. A further group of commands is a module, and one line here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from glia_sdk.cli import (
    capture,
    cards,
    chat,
    design,
    dlq,
    extracts,
    health,
    import_trace,
    imports,
    jobs,
    keys,
    login,
    messages,
    reextract,
    routing,
    runs,
    story,
    topics,
)
from glia_sdk.cli.surroundings import INTERRUPTED, Surroundings

EPILOG = """\b
Examples:
  glia login --url http://127.0.0.1:8765
  glia chat "We decided to use Postgres for storage."
  glia cards
  glia import chatgpt-export.zip

\b
Environment:
  GLIA_URL, GLIA_TOKEN   stand in for a login
  GLIA_PROFILE           which login to use
  GLIA_CONFIG            where logins are kept
  NO_COLOR               no colours

\b
Exit codes:
  0 all went well             3 not logged in
  1 failed or refused         4 server unreachable or unavailable
  2 wrong usage
"""

app = typer.Typer(
    name="glia",
    help="Glia: one long conversation, remembered as cards.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("login", short_help="Check a token, and keep it.", epilog=login.EXAMPLES)(login.login)
app.command("chat", short_help="Talk to Glia.", epilog=chat.EXAMPLES)(chat.chat)
app.add_typer(topics.app, name="topics", short_help="List topics, or change them.", epilog=topics.EXAMPLES)
app.add_typer(messages.app, name="messages", short_help="Read what was said, or move it.", epilog=messages.EXAMPLES)
app.add_typer(routing.app, name="routing", short_help="What other policies would do.", epilog=routing.EXAMPLES)
app.add_typer(cards.app, name="cards", short_help="Read cards, or change them.", epilog=cards.EXAMPLES)
app.add_typer(story.app, name="story", short_help="The story of a topic.", epilog=story.EXAMPLES)
app.add_typer(design.app, name="design", short_help="Design an agent.", epilog=design.EXAMPLES)
app.command("extract", short_help="Extract a topic now.", epilog=extracts.EXTRACT_EXAMPLES)(extracts.extract)
app.add_typer(extracts.app, name="extracts", short_help="What was extracted, and how.", epilog=extracts.EXAMPLES)
app.add_typer(reextract.app, name="reextract", short_help="Extract many topics again.", epilog=reextract.EXAMPLES)
app.add_typer(jobs.app, name="jobs", short_help="Background work.", epilog=jobs.EXAMPLES)
app.add_typer(dlq.app, name="dlq", short_help="Work that was given up.", epilog=dlq.EXAMPLES)
app.command("import", short_help="Import history from elsewhere.", epilog=imports.EXAMPLES)(imports.import_)
app.command("import-trace", short_help="Import recorded runs of agents.", epilog=import_trace.EXAMPLES)(
    import_trace.import_trace
)
app.command(
    "capture",
    short_help="Run a command and record its AI calls.",
    epilog=capture.EXAMPLES,
    context_settings={"allow_interspersed_args": False},
)(capture.capture)
app.command("runs", short_help="What was captured.", epilog=runs.EXAMPLES)(runs.runs)
app.command("show", short_help="The steps of a run.", epilog=runs.SHOW_EXAMPLES)(runs.show)
app.command("tail", short_help="Follow runs as they come.", epilog=runs.TAIL_EXAMPLES)(runs.tail)
app.command("bundle", short_help="Write a run into a file.", epilog=runs.BUNDLE_EXAMPLES)(runs.bundle)
app.add_typer(keys.app, name="keys", short_help="Your API keys.", epilog=keys.EXAMPLES)
app.command("health", short_help="How the server is.", epilog=health.EXAMPLES)(health.health)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        sys.stdout.write(f"glia {version('glia-sdk')}\n")
        raise typer.Exit


@app.callback()
def root(
    is_version_asked: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options before the command."""


def main(arguments: Sequence[str] | None = None, around: Surroundings | None = None) -> None:
    """Runs the command line; ends with SystemExit."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name="glia", obj=around or Surroundings())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
