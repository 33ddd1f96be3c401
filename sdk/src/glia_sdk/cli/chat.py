"""`glia chat`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from glia_sdk.cli import options, surroundings
from glia_sdk.cli.history import history, typed
from glia_sdk.cli.screen import Screen
from glia_sdk.cli.surroundings import FAILED, Surroundings
from glia_sdk.cli.views import View, view_for
from glia_sdk.client import Client
from glia_sdk.config import history_path
from glia_sdk.errors import GliaError, NotLoggedIn
from glia_sdk.events import Answer, follow
from glia_sdk.models import Accepted

EXAMPLES = """\b
Examples:
  glia chat "We decided to use Postgres for storage."
  git log -5 | glia chat
  glia chat --json "What is still open?" | tail -1
  glia chat                        a conversation; Ctrl-D leaves it
"""


@dataclass(frozen=True)
class Talk:
    """A conversation with Glia as the command line has it."""

    around: Surroundings
    client: Client
    screen: Screen
    topic_id: str | None
    as_json: bool
    is_streamed: bool

    def ask(self, message: str) -> bool:
        """Sends one message and shows what comes of it. Returns whether it was answered."""
        accepted = self.client.send(message, client_message_id=self.around.new_id(), topic_id=self.topic_id)
        view = view_for(self.screen, as_json=self.as_json, is_streamed=self.is_streamed)
        view.accepted(accepted)
        answer = Answer()
        try:
            self._follow(accepted, answer, view)
        except KeyboardInterrupt:
            self.client.cancel(accepted.turn_id)
            self._follow(accepted, answer, view)  # to its end, whether that was the cancelling or came just before
        view.ended(accepted, answer)
        return answer.is_complete

    def _follow(self, accepted: Accepted, answer: Answer, view: View) -> None:
        for event in follow(self.client, accepted.turn_id, answer.seq):
            answer.take(event)
            view.event(event)

    def converse(self) -> None:
        """Asks for messages until the end of input. What goes wrong with one of them is shown, and the next asked for.

        Raises:
            NotLoggedIn
        """
        with history(history_path()):
            for message in typed(self.screen):
                try:
                    if message.strip():
                        self.ask(message)
                except NotLoggedIn:
                    raise
                except GliaError as error:
                    self.screen.error(error)
                except KeyboardInterrupt:
                    self.screen.note("stopped")


def chat(
    context: typer.Context,
    message: Annotated[
        str | None,
        typer.Argument(help="What to say; left out, it is read from stdin or asked for.", show_default=False),
    ] = None,
    topic: Annotated[
        str | None, typer.Option("--topic", metavar="ID", help="The topic it belongs to; else Glia decides.")
    ] = None,
    as_json: options.Json = False,
    no_stream: Annotated[bool, typer.Option("--no-stream", help="Show the answer when it is whole.")] = False,
    profile: options.Profile = None,
) -> None:
    """Talk to Glia: one message, or a conversation.

    The answer goes to stdout, everything else to stderr. Ctrl-C while Glia answers cancels the answer.
    """
    around = surroundings.of(context)
    said = message if message is not None else _piped()
    with around.reporting(), around.connect(profile) as client:
        talk = Talk(around, client, around.screen, topic, as_json, not no_stream)
        if said is None:
            talk.converse()
        elif not talk.ask(said):
            raise typer.Exit(FAILED)


def _piped() -> str | None:
    """What is piped in, without its last line break; None if somebody sits at a terminal."""
    if sys.stdin.isatty():
        return None
    try:
        text = sys.stdin.buffer.read().decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise typer.BadParameter("stdin is not UTF-8 text") from None
    if not text.strip():
        raise typer.BadParameter("say something: as an argument, or on stdin")
    return text
