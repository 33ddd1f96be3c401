"""The command line: what it writes where, and with which exit code it ends."""

from __future__ import annotations

import json
import socket
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.glia_server import (
    ACCEPTED,
    CONVERSATION,
    RETRY,
    TOKEN,
    TOPIC,
    TURN,
    Events,
    GliaServer,
    Nothing,
    Page,
    Reply,
    completed,
    delta,
    error,
    failed,
    started,
)
from tests.unit.sdk.conftest import RunGlia

GREETING = Events([RETRY + started(1), delta(2, "Hel"), delta(3, "lo.\n"), completed(4)])
RESTARTED = Events([started(1), delta(2, "Half"), started(3, attempt=2), delta(4, "Whole."), completed(5)])


def test_the_answer_goes_to_stdout_and_nothing_else_does(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """What is piped on is the answer alone, with one line break; topic and routing rule stand on stderr."""
    glia_server.answering(GREETING)
    ran = run_glia("chat", "Hi.")
    assert (ran.code, ran.out) == (0, "Hello.\n")
    assert ran.err == f"topic {TOPIC} (active_topic)\n"
    assert glia_server.seen[0].body == {"message": "Hi.", "client_message_id": "id-0"}


def test_a_topic_may_be_named(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """--topic says where the message belongs."""
    glia_server.answering(GREETING)
    run_glia("chat", "--topic", TOPIC, "Hi.")
    assert glia_server.seen[0].body["topic_id"] == TOPIC


@pytest.mark.parametrize("options", [(), ("--no-stream",)])
def test_words_of_an_attempt_that_was_given_up_are_not_piped_on(
    glia_server: GliaServer, run_glia: RunGlia, options: tuple[str, ...]
) -> None:
    """What is piped cannot be taken back, so only the whole answer is."""
    glia_server.answering(RESTARTED)
    assert run_glia("chat", *options, "Hi.").out == "Whole.\n"


def test_json_is_one_object_an_event(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """--json writes what was accepted, then the events as they come; stderr is empty."""
    glia_server.answering(RESTARTED)
    ran = run_glia("chat", "--json", "Hi.")
    accepted, *events = [json.loads(line) for line in ran.out.splitlines()]
    assert (accepted["type"], accepted["turn_id"], accepted["topic_id"]) == ("accepted", TURN, TOPIC)
    assert [one["seq"] for one in events] == [1, 2, 3, 4, 5]
    assert events[-1]["type"] == "turn.completed"
    assert (ran.code, ran.err) == (0, "")


def test_json_without_streaming_is_one_object(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """--json --no-stream writes the turn and its whole answer."""
    glia_server.answering(RESTARTED)
    ran = run_glia("chat", "--json", "--no-stream", "Hi.")
    [line] = ran.out.splitlines()
    told = json.loads(line)
    assert (told["turn_id"], told["rule"], told["answer"]["text"]) == (TURN, "active_topic", "Whole.")
    assert told["answer"]["type"] == "turn.completed"


def test_a_failed_answer_is_one_line_and_exit_code_1(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """Half an answer is not piped on; class and reason are said."""
    glia_server.answering(Events([started(1), delta(2, "Half"), failed(3)]))
    ran = run_glia("chat", "Hi.")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[-1] == "glia: the answer failed: auth: The endpoint refused the key."


def test_a_failed_answer_is_json_and_exit_code_1(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """The exit code is the same with --json."""
    glia_server.answering(Events([started(1), failed(2)]))
    ran = run_glia("chat", "--json", "Hi.")
    assert ran.code == 1
    assert json.loads(ran.out.splitlines()[-1])["data"]["class"] == "auth"


def test_a_lost_answer_to_a_message_is_asked_for_again(
    glia_server: GliaServer, run_glia: RunGlia, waits: list[float]
) -> None:
    """A message whose answer was lost goes out again under its id, and is answered once."""
    glia_server.answering(GREETING).on("POST", "/chat", Nothing(), ACCEPTED)
    assert run_glia("chat", "Hi.").code == 0
    assert [seen.body["client_message_id"] for seen in glia_server.requests("POST", "/chat")] == ["id-0"] * 2
    assert len(waits) == 1


@pytest.mark.parametrize(
    ("reply", "code", "line"),
    [
        (error(404, "topic_not_found"), 1, "glia: topic_not_found: It cannot be done. (request req-1)"),
        (error(401, "token_invalid"), 3, "glia: token_invalid: It cannot be done. (request req-1)"),
        (error(503, "unavailable"), 4, "glia: unavailable: It cannot be done. (request req-1)"),
        (error(422, "invalid", "two\nlines \x1b[31m"), 1, "glia: invalid: two lines [31m (request req-1)"),
    ],
)
def test_an_error_is_one_line_with_code_and_request(
    glia_server: GliaServer, run_glia: RunGlia, reply: Reply, code: int, line: str
) -> None:
    """Errors of the contract end in one clear line on stderr and the exit code of their kind."""
    glia_server.on("POST", "/chat", reply)
    ran = run_glia("chat", "Hi.")
    assert (ran.code, ran.out, ran.err) == (code, "", line + "\n")


def test_something_else_at_the_address_is_exit_code_4(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """A page of another server is not a traceback."""
    glia_server.on("POST", "/chat", Page(200))
    ran = run_glia("chat", "Hi.")
    assert ran.code == 4
    assert "it is not Glia" in ran.err


def test_a_server_that_is_not_there_is_exit_code_4(run_glia: RunGlia, waits: list[float]) -> None:
    """After a few tries, one line that names the address."""
    with closing(socket.create_server(("127.0.0.1", 0))) as held:
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
    ran = run_glia("chat", "Hi.", GLIA_URL=url)
    assert (ran.code, ran.err) == (4, f"glia: cannot connect to {url}\n")
    assert waits


def test_without_a_login_it_is_exit_code_3(run_glia: RunGlia) -> None:
    """One is told what to run."""
    ran = run_glia("chat", "Hi.", GLIA_TOKEN="")
    assert (ran.code, ran.err) == (3, "glia: not logged in; run: glia login\n")


@pytest.mark.parametrize(
    "arguments",
    [("chat", "--nonsense"), ("sing",), ("chat", "a", "b"), (), ("login", "--token", "two words", "--url", "http://h")],
)
def test_wrong_usage_is_exit_code_2(run_glia: RunGlia, arguments: tuple[str, ...]) -> None:
    """Usage is explained on stderr."""
    ran = run_glia(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Usage: glia" in ran.err


def test_an_address_that_is_none_is_exit_code_2(run_glia: RunGlia) -> None:
    """A mistyped address is a matter of usage."""
    assert run_glia("chat", "Hi.", GLIA_URL="localhost:8765").code == 2


def test_help_has_examples(run_glia: RunGlia) -> None:
    """Every command shows how it is used; the overview names variables and exit codes."""
    for command in ("chat", "login"):
        ran = run_glia(command, "--help")
        assert ran.code == 0
        assert f"\n    glia {command} " in ran.out
    overview = run_glia("--help").out
    assert "GLIA_CONFIG" in overview
    assert "3 not logged in" in overview


def test_the_version_is_told(run_glia: RunGlia) -> None:
    """`glia --version` is one line."""
    ran = run_glia("--version")
    assert ran.code == 0
    assert ran.out.startswith("glia 0.")


def test_login_checks_a_token_and_keeps_it(glia_server: GliaServer, run_glia: RunGlia, config: Path) -> None:
    """After a login the environment is not needed; the token is in the file and nowhere else."""
    glia_server.on("GET", "/conversation", CONVERSATION).answering(GREETING)
    ran = run_glia("login", "--url", glia_server.url, "--token", TOKEN, GLIA_URL="", GLIA_TOKEN="")
    assert (ran.code, ran.out, ran.err) == (0, "", f"logged in at {glia_server.url}\n")
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert run_glia("chat", "Hi.", GLIA_URL="", GLIA_TOKEN="").out == "Hello.\n"


def test_a_wrong_token_is_not_kept(run_glia: RunGlia, config: Path) -> None:
    """A token the server refuses is exit code 3, is not shown and not stored."""
    ran = run_glia("login", "--token", "wrong-token")
    assert ran.code == 3
    assert "wrong-token" not in ran.out + ran.err
    assert not config.exists()


def test_profiles_are_chosen_by_option_or_environment(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """--profile and GLIA_PROFILE name another login."""
    glia_server.on("GET", "/conversation", CONVERSATION).answering(GREETING, GREETING)
    assert run_glia("login", "--profile", "work").err.endswith(" as profile work\n")
    nowhere = {"GLIA_URL": "", "GLIA_TOKEN": ""}
    assert run_glia("chat", "Hi.", **nowhere).code == 3
    assert run_glia("chat", "--profile", "work", "Hi.", **nowhere).code == 0
    assert run_glia("chat", "Hi.", GLIA_PROFILE="work", **nowhere).code == 0


def test_a_token_that_is_not_given_is_not_waited_for(run_glia: RunGlia) -> None:
    """Without a terminal to ask at, a missing token or address is a matter of usage."""
    assert run_glia("login", GLIA_TOKEN="").code == 2
    assert run_glia("login", GLIA_URL="").code == 2
