"""`glia` at a terminal and in a pipe, as a process of its own: streaming, Ctrl-C, the conversation, colours."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.glia_server import (
    ACCEPTED,
    CANCEL,
    CONVERSATION,
    EVENTS,
    TOKEN,
    TOPIC,
    Events,
    GliaServer,
    completed,
    delta,
    error,
    failed,
    started,
    turn,
)
from tests.support.terminal import Terminal, terminal

GLIA = [sys.executable, "-c", "from glia_sdk.cli.app import main; main()"]
ESCAPE = "\x1b"
CTRL_C, CTRL_D, UP = "\x03", "\x04", "\x1b[A"


@contextmanager
def at_terminal(environ: dict[str, str], *arguments: str) -> Iterator[Terminal]:
    with terminal([*GLIA, *arguments], environ) as shown:
        yield shown


def test_words_are_shown_as_they_come(glia_server: GliaServer, environ: dict[str, str]) -> None:
    """At a terminal the first words stand there while the rest is being written; topic and rule are dim."""
    gate = glia_server.gate()
    glia_server.answering(
        Events([started(1), delta(2, "The first words"), gate, delta(3, " and the last."), completed(4)])
    )
    with at_terminal(environ, "chat", "Hi.") as shown:
        shown.wait_for("The first words")
        assert "the last" not in shown.seen
        gate.set()
        assert shown.end() == 0
    assert "The first words and the last.\n" in shown.seen
    assert f"{ESCAPE}[2mtopic {TOPIC} (active_topic){ESCAPE}[0m" in shown.seen


def test_words_of_an_attempt_that_was_given_up_are_taken_back(glia_server: GliaServer, environ: dict[str, str]) -> None:
    """When an answer begins again, the terminal is cleared of what was shown of it, line by line."""
    half = "Half an answer that is longer than the sixty columns of the terminal\nand a second line"
    again = [started(3, attempt=2), delta(4, "The whole answer."), completed(5)]
    glia_server.answering(Events([started(1), delta(2, half), *again]))
    with at_terminal(environ, "chat", "Hi.") as shown:
        assert shown.end() == 0
    erased = f"\r{ESCAPE}[2K"
    between = shown.seen.partition("second line")[2].partition("The whole")[0]
    assert between.count(erased) == 3
    assert between.count(f"{ESCAPE}[1A") == 2


def test_words_that_have_left_the_screen_are_followed_by_a_note(
    glia_server: GliaServer, environ: dict[str, str]
) -> None:
    """What cannot be taken back is said to be void."""
    again = [started(3, attempt=2), delta(4, "The whole answer."), completed(5)]
    glia_server.answering(Events([started(1), delta(2, "line\n" * 30), *again]))
    with at_terminal(environ, "chat", "Hi.") as shown:
        assert shown.end() == 0
    assert shown.seen.index("the answer begins again") < shown.seen.index("The whole answer.")


def test_a_model_cannot_command_the_terminal(glia_server: GliaServer, environ: dict[str, str]) -> None:
    """Escape sequences inside an answer lose what makes them work."""
    glia_server.answering(Events([started(1), delta(2, f"red{ESCAPE}[31m \x9b2J bell\x07."), completed(3)]))
    with at_terminal(environ, "chat", "Hi.") as shown:
        assert shown.end() == 0
    assert "red[31m 2J bell." in shown.seen


@pytest.mark.parametrize("change", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_there_is_no_colour_where_none_is_wanted(
    glia_server: GliaServer, environ: dict[str, str], change: dict[str, str]
) -> None:
    """NO_COLOR and a dumb terminal get plain text."""
    glia_server.answering(Events([started(1), delta(2, "Hello."), failed(3)]))
    with at_terminal(environ | change, "chat", "Hi.") as shown:
        assert shown.end() == 1
    assert ESCAPE not in shown.seen
    assert "glia: the answer failed: auth" in shown.seen


def test_what_is_piped_in_is_the_message(glia_server: GliaServer, environ: dict[str, str]) -> None:
    """A message on stdin loses its last line break and nothing else; the answer has no colours."""
    glia_server.answering(Events([started(1), delta(2, "Hello."), completed(3)]))
    ran = subprocess.run(
        [*GLIA, "chat"], input=" two\nlines 🙂\n".encode(), env=environ, capture_output=True, check=True
    )
    assert glia_server.seen[0].body["message"] == " two\nlines 🙂"
    assert ran.stdout == b"Hello.\n"
    assert ESCAPE.encode() not in ran.stderr


@pytest.mark.parametrize("piped", [b"", b" \n", b"\xff\xfe"])
def test_nothing_to_say_is_a_matter_of_usage(environ: dict[str, str], piped: bytes) -> None:
    """Blank input, or input that is no text, is exit code 2."""
    ran = subprocess.run([*GLIA, "chat"], input=piped, env=environ, capture_output=True, check=False)
    assert ran.returncode == 2
    assert b"Traceback" not in ran.stderr


def test_a_token_is_read_from_stdin(glia_server: GliaServer, environ: dict[str, str], config: Path) -> None:
    """--token-stdin keeps the token off the command line and out of what is written."""
    glia_server.on("GET", "/conversation", CONVERSATION)
    command = [*GLIA, "login", "--token-stdin"]
    given = environ | {"GLIA_TOKEN": "another"}
    ran = subprocess.run(command, input=f"{TOKEN}\n".encode(), env=given, capture_output=True, check=True)
    assert TOKEN.encode() not in ran.stdout + ran.stderr
    assert TOKEN in config.read_text()


def test_login_asks_for_what_it_needs_and_does_not_show_the_token(
    glia_server: GliaServer, environ: dict[str, str], config: Path
) -> None:
    """At a terminal, address and token are asked for; what is typed as the token does not appear."""
    glia_server.on("GET", "/conversation", CONVERSATION)
    bare = {name: value for name, value in environ.items() if name not in ("GLIA_URL", "GLIA_TOKEN")}
    with at_terminal(bare, "login") as shown:
        shown.wait_for("Address of Glia")
        shown.type(glia_server.url + "\n")
        shown.wait_for("Token: ")
        shown.type(TOKEN + "\n")
        assert shown.end() == 0
    assert TOKEN not in shown.seen
    assert TOKEN in config.read_text()


def test_ctrl_c_cancels_the_answer(glia_server: GliaServer, environ: dict[str, str]) -> None:
    """Ctrl-C while Glia answers cancels the turn on the server, and waits for its end; exit code 1."""
    gate = glia_server.gate()
    glia_server.on("POST", "/chat", ACCEPTED).on("POST", CANCEL, turn("failed", "cancelled"))
    glia_server.on("GET", EVENTS, Events([started(1), delta(2, "Half"), gate]), Events([failed(3, "cancelled")]))
    with at_terminal(environ, "chat", "Hi.") as shown:
        shown.wait_for("Half")
        shown.type(CTRL_C)
        assert shown.end() == 1
    assert len(glia_server.requests("POST", CANCEL)) == 1
    assert [seen.headers["last-event-id"] for seen in glia_server.requests("GET", EVENTS)] == ["0", "2"]
    assert "cancelled" in shown.seen
    assert "Traceback" not in shown.seen


def test_an_interrupted_pipe_cancels_the_answer(glia_server: GliaServer, environ: dict[str, str]) -> None:
    """SIGINT does the same without a terminal, and half an answer is not piped on."""
    gate = glia_server.gate()
    glia_server.on("POST", "/chat", ACCEPTED).on("POST", CANCEL, turn("failed", "cancelled"))
    glia_server.on("GET", EVENTS, Events([started(1), delta(2, "Half"), gate]), Events([failed(3, "cancelled")]))
    pipe = subprocess.PIPE
    with subprocess.Popen([*GLIA, "chat", "Hi."], env=environ, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        glia_server.wait_for("GET", EVENTS)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, b"")
    assert err.endswith(b"cancelled\n")
    assert len(glia_server.requests("POST", CANCEL)) == 1


def test_an_answer_that_came_just_before_ctrl_c_stands(glia_server: GliaServer, environ: dict[str, str]) -> None:
    """If the turn had ended already, its answer is shown and the exit code is 0."""
    gate = glia_server.gate()
    glia_server.on("POST", "/chat", ACCEPTED).on("POST", CANCEL, error(409, "turn_ended"))
    glia_server.on("GET", "/turns/" + EVENTS.split("/")[2], turn("completed"))
    glia_server.on(
        "GET", EVENTS, Events([started(1), delta(2, "All"), gate]), Events([delta(3, " of it."), completed(4)])
    )
    with at_terminal(environ, "chat", "Hi.") as shown:
        shown.wait_for("All")
        shown.type(CTRL_C)
        assert shown.end() == 0
    assert " of it." in shown.seen


def test_a_conversation_goes_on_until_ctrl_d(glia_server: GliaServer, environ: dict[str, str], tmp_path: Path) -> None:
    """Without a message they are asked for; errors do not end it; Ctrl-C at the prompt clears the line."""
    glia_server.answering(
        Events([started(1), delta(2, "First answer."), completed(3)]),
        Events([started(1), failed(2)]),
        Events([started(1), delta(2, "Third answer."), completed(3)]),
    )
    with at_terminal(environ, "chat") as shown:
        shown.wait_for("> ")
        shown.type("one\n")
        shown.wait_for("First answer.\n> ")
        shown.type("two\n")
        shown.wait_for("the answer failed: auth")
        shown.type("typed in error" + CTRL_C)
        shown.wait_for("\n> ")
        shown.type("\n   \nthree\n")
        shown.wait_for("Third answer.\n> ")
        shown.type(CTRL_D)
        assert shown.end() == 0
    said = [seen.body for seen in glia_server.requests("POST", "/chat")]
    assert [body["message"] for body in said] == ["one", "two", "three"]
    assert len({body["client_message_id"] for body in said}) == 3
    [kept] = (tmp_path / "state").rglob("history")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_what_was_said_can_be_had_back(glia_server: GliaServer, environ: dict[str, str]) -> None:
    """The history of one conversation is there in the next."""
    answers = Events([started(1), delta(2, "Yes."), completed(3)])
    for keys in ("said before\n", UP + "\n"):
        glia_server.answering(answers)
        with at_terminal(environ, "chat") as shown:
            shown.wait_for("> ")
            shown.type(keys)
            shown.wait_for("Yes.\n> ")
            shown.type(CTRL_D)
            assert shown.end() == 0
    said = [seen.body["message"] for seen in glia_server.requests("POST", "/chat")]
    assert said == ["said before", "said before"]


def test_a_token_that_expires_ends_the_conversation(glia_server: GliaServer, environ: dict[str, str]) -> None:
    """401 in the middle is exit code 3: there is nothing to go on with."""
    glia_server.on("POST", "/chat", error(401, "token_expired"))
    with at_terminal(environ, "chat") as shown:
        shown.wait_for("> ")
        shown.type("one\n")
        assert shown.end() == 3
    assert "glia: token_expired" in shown.seen
