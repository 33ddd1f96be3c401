"""`glia capture`: another program, recorded without a change to it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Annotated, NoReturn

import typer

from glia_sdk.capture.launch.surroundings import captured
from glia_sdk.cli import options, surroundings
from glia_sdk.config import connection

EXAMPLES = """\b
Examples:
  glia capture -- python agent.py --verbose
  glia capture -- pytest tests
  glia capture --otel -- python app.py        also what emits OpenTelemetry

\b
The command runs in place of glia: output, signals and exit code are its own. Calls of the
openai package are recorded in every Python it starts, but for those with -I, -E or -S.
"""
NOT_EXECUTABLE, NOT_FOUND = 126, 127  # as shells have it


def capture(
    context: typer.Context,
    command: Annotated[list[str], typer.Argument(metavar="COMMAND...", help="What to run, after --.")],
    otel: Annotated[bool, typer.Option("--otel", help="Set OTEL_EXPORTER_OTLP_* to Glia, where they are not set.")] = (
        False
    ),
    profile: options.Profile = None,
) -> None:
    """Run a command and record its calls of AI models."""
    around = surroundings.of(context)
    name = around.profile(profile)
    with around.reporting():
        login = connection(around.environ, name)
        environ = captured(around.environ, name, login, is_otel=otel)
    try:
        _become(command, environ)
    except FileNotFoundError:
        around.screen.error(f"{command[0]}: command not found")
        raise typer.Exit(NOT_FOUND) from None
    except OSError as error:
        around.screen.error(f"{command[0]}: {error.strerror}")
        raise typer.Exit(NOT_EXECUTABLE) from None


def _become(command: list[str], environ: dict[str, str]) -> NoReturn:
    """Runs a command in place of this process."""
    if os.name == "nt":
        sys.exit(subprocess.run(command, env=environ, check=False).returncode)  # noqa: S603  # it is what was asked for
    os.execvpe(command[0], command, environ)  # noqa: S606  # the same
