"""The dialogue of a design session: at a terminal with the draft beside it, in a pipe one message a line."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import typer

from glia_sdk.cli import listing
from glia_sdk.cli.draft import Draft
from glia_sdk.cli.history import history, typed
from glia_sdk.cli.listing import Row, cell, path
from glia_sdk.cli.surroundings import Surroundings
from glia_sdk.client import Client
from glia_sdk.config import history_path
from glia_sdk.errors import GliaError, NotGlia, NotLoggedIn

COMMAND = re.compile(r"/[a-z]+")
HELP = "/draft shows what is known, /undo takes the last change back, /done completes the design, /quit leaves"


def begin(around: Surroundings, client: Client, session_id: str | None, design: str | None) -> Row:
    """A new session, one that begins with a design in Glia's own format, or one that is taken up again: its id, its
    first message, and as far as there is anything to tell, its draft."""
    if session_id is not None:
        return client.make(path("sessions", session_id, "resume"), idempotency_key=around.new_id())
    body = {} if design is None else {"design": design}
    begun = client.make("/sessions/create", body, idempotency_key=around.new_id())
    return begun if design is None else begun | whole(client, id_of(begun))


def whole(client: Client, session_id: str) -> Row:
    """A session's document, with what its status tells beside."""
    return client.read(path("sessions", session_id)) | client.read(path("sessions", session_id, "status"))


def id_of(answer: Row) -> str:
    """
    Raises:
        NotGlia: there is none.
    """
    session_id = answer.get("session_id")
    if not isinstance(session_id, str):
        raise NotGlia("the server's answer is not one of Glia's; is the address right?")
    return session_id


@dataclass
class Dialogue:
    """A design session as the command line has it."""

    around: Surroundings
    client: Client
    session_id: str
    as_json: bool
    draft: Draft
    is_complete: bool = False

    def show(self, answer: Row, reply: str) -> None:
        """Shows what the server answered, and keeps the draft."""
        self.draft = Draft.of(answer)
        if self.as_json:
            listing.show_json(self.around.screen, answer)
        else:
            self.draft.show_with(self.around.screen, reply)
        self.is_complete = answer.get("stage") == "completed"

    def converse(self) -> None:
        """Takes lines until there are no more, or one says so.

        Raises:
            GliaError: in a pipe any, at a terminal only that one is not logged in.
        """
        is_typed = sys.stdin.isatty()
        lines = typed(self.around.screen) if is_typed else _piped()
        try:
            with history(history_path()) if is_typed else nullcontext():
                self._take_all(lines, is_patient=is_typed)
        finally:
            self._leave()

    def _take_all(self, lines: Iterator[str], *, is_patient: bool) -> None:
        """A patient dialogue shows what goes wrong with a line, and takes the next."""
        goes_on = True
        while goes_on and (line := next(lines, None)) is not None:
            try:
                goes_on = self._take(line)
            except GliaError as error:
                if isinstance(error, NotLoggedIn) or not is_patient:
                    raise
                self.around.screen.error(error)
            except KeyboardInterrupt:
                if not is_patient:
                    raise
                self.around.screen.note("stopped")

    def _take(self, line: str) -> bool:
        """Says a line, or does what it commands. Returns whether the dialogue goes on."""
        match line.strip():
            case "":
                pass
            case "/quit":
                return False
            case "/done":
                self.show(self._change("complete"), "The design is complete.")
                return False
            case "/undo":
                self._undo()
            case "/draft":
                self._recall()
            case command if COMMAND.fullmatch(command):
                self.around.screen.note(HELP)
            case _:
                turn = self._change("message", {"message": line})
                self.show(turn, str(turn.get("reply", "")))
        return True

    def _recall(self) -> None:
        if self.as_json:
            listing.show_json(self.around.screen, whole(self.client, self.session_id))
        else:
            self.draft.show(self.around.screen)

    def _undo(self) -> None:
        answer = self._change("undo")
        said = [] if self.as_json else self.client.read(path("sessions", self.session_id)).get("conversation_history")
        self.show(answer, str(said[-1].get("content", "")) if said else "")

    def _change(self, act: str, body: Any = None) -> Row:
        at = path("sessions", self.session_id, act)
        return self.client.make(at, body, idempotency_key=self.around.new_id())

    def _leave(self) -> None:
        if self.as_json:
            return
        session_id = cell(self.session_id)
        if self.is_complete:
            self.around.screen.note(f"glia design export {session_id} --format FORMAT exports it")
        self.around.screen.note(f"glia design --session {session_id} goes on from here")


def _piped() -> Iterator[str]:
    """The lines of stdin as they come, without their line breaks."""
    try:
        for line in sys.stdin.buffer:
            yield line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise typer.BadParameter("stdin is not UTF-8 text") from None
