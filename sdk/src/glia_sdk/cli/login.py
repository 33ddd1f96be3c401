"""`glia login`."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer

from glia_sdk.cli import options, surroundings
from glia_sdk.cli.surroundings import Surroundings
from glia_sdk.config import DEFAULT_PROFILE, DEFAULT_URL, ConfigFile, Profile, checked_url, config_path
from glia_sdk.errors import GliaError

EXAMPLES = """\b
Examples:
  glia login
  glia login --url https://glia.example/api --token-stdin < token.txt
  glia login --profile work --url https://glia.example/api
"""


def login(
    context: typer.Context,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Address of the API, with its stage prefix if any (GLIA_URL).")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(metavar="TOKEN", help="A token or an API key (GLIA_TOKEN); others may see a command line."),
    ] = None,
    token_stdin: Annotated[bool, typer.Option("--token-stdin", help="Read the token from stdin.")] = False,
    profile: options.Profile = None,
) -> None:
    """Log in: check a token, and keep it with its address in a file that only you can read.

    What is not given is asked for; the token is not shown.
    """
    around = surroundings.of(context)
    environ = around.environ
    name = around.profile(profile)
    with around.reporting():
        file = ConfigFile(config_path(environ))
        kept = file.profiles().get(name)
        address = checked_url(url or environ.get("GLIA_URL") or _ask_url(kept.url if kept else DEFAULT_URL))
        candidate = Profile(address, _token(token or environ.get("GLIA_TOKEN"), token_stdin))
        file.save(name, _checked(around, candidate))
    which = "" if name == DEFAULT_PROFILE else f" as profile {name}"
    around.screen.note(f"logged in at {address}{which}")


def _checked(around: Surroundings, candidate: Profile) -> Profile:
    """The login with the user's key for the signatures of calls, where the server has such keys."""
    with around.client(candidate) as client:
        client.conversation()
        try:
            told = client.read("/keys/signing")
            return replace(candidate, signing_key_id=str(told["key_id"]), signing_key=str(told["key"]))
        except (GliaError, KeyError):
            return candidate


def _ask_url(default: str) -> str:
    if not sys.stdin.isatty():
        raise typer.BadParameter("give the address, as --url or as GLIA_URL")
    return str(typer.prompt("Address of Glia", default=default, err=True))


def _token(given: str | None, is_on_stdin: bool) -> str:
    """The token, from wherever it is to come.

    Raises:
        typer.BadParameter: there is none, or it cannot be one.
    """
    if is_on_stdin:
        token = sys.stdin.readline()
    elif given is not None:
        token = given
    elif sys.stdin.isatty():
        token = typer.prompt("Token", hide_input=True, err=True)
    else:
        raise typer.BadParameter("give the token, as --token-stdin or as GLIA_TOKEN")
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise typer.BadParameter("a token is a word of visible ASCII characters")
    return token
