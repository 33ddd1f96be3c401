"""What a command needs of the process it runs in, as one argument, so that tests can hand in their own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import typer

from glia_sdk.cli.screen import Screen
from glia_sdk.client import Client
from glia_sdk.config import DEFAULT_PROFILE, InvalidUrl, NotConfigured, Profile, connection
from glia_sdk.errors import ApiError, GliaError, NotGlia, NotLoggedIn, Unreachable

FAILED, USAGE, NOT_LOGGED_IN, UNREACHABLE, INTERRUPTED = 1, 2, 3, 4, 130
_EXIT_CODES: tuple[tuple[type[GliaError], int], ...] = (
    (InvalidUrl, USAGE),
    (NotConfigured, NOT_LOGGED_IN),
    (NotLoggedIn, NOT_LOGGED_IN),
    (Unreachable, UNREACHABLE),
    (NotGlia, UNREACHABLE),
)


def _new_id() -> str:
    return str(uuid4())


@dataclass(frozen=True)
class Surroundings:
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    sleep: Callable[[float], None] = time.sleep
    new_id: Callable[[], str] = _new_id

    @property
    def screen(self) -> Screen:
        return Screen(self.environ)

    def profile(self, asked: str | None) -> str:
        """The name of the login to use."""
        return asked or self.environ.get("GLIA_PROFILE") or DEFAULT_PROFILE

    def client(self, profile: Profile) -> Client:
        return Client(profile.url, profile.token, sleep=self.sleep)

    def connect(self, profile: str | None) -> Client:
        """A client of the server one is logged in at.

        Raises:
            NotConfigured, InvalidUrl
        """
        return self.client(connection(self.environ, self.profile(profile)))

    @contextmanager
    def session(self, profile: str | None) -> Iterator[Client]:
        """A client for the length of a block, whose errors end the command."""
        with self.reporting(), self.connect(profile) as client:
            yield client

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Shows an error as one line, and ends the command with its exit code."""
        try:
            yield
        except GliaError as error:
            self.screen.error(error)
            raise typer.Exit(exit_code(error)) from None


def exit_code(error: GliaError) -> int:
    if isinstance(error, ApiError) and error.is_passing:
        return UNREACHABLE
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), FAILED)


def of(context: typer.Context) -> Surroundings:
    found = context.obj
    return found if isinstance(found, Surroundings) else Surroundings()
