"""`glia design`: the dialogue at a terminal and in a pipe, and designs as files."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from glia_sdk.cli.design import Stage
from glia_sdk.cli.design_files import Format
from glia_sdk.cli.draft import ORDER

from chalicelib.designer.exports.formats import FORMATS
from chalicelib.designer.models import FieldName
from chalicelib.designer.stages import REOPENABLE
from tests.support.glia_server import GliaServer, Json, Nothing, error, page
from tests.support.terminal import terminal
from tests.unit.sdk.conftest import Ran, RunGlia
from tests.unit.sdk.test_sdk_terminal import CTRL_D, ESCAPE, GLIA

ID = "0190c0de-0000-7000-8000-00000000000a"
WHEN = "2024-05-01T12:00:00.123456Z"
HELLO = "What kind of agent?"
ON = f"glia design --session {ID} goes on from here\n"


def field(value: Any, source: str = "rules") -> dict[str, Any]:
    return {"value": value, "source": source, "turn": 1, "quotes": []}


TYPE = {"agent_type": field("mail \x1b[31msorter")}
GOALS = {
    "use_tools": field(True, "user_edit"),
    "later": field([]),
    "goals": field(["sort\nmail", "archive"], "llm"),
} | TYPE
TURN = {
    "reply": "And its tone?",
    "stage": "tone",
    "collected_fields": GOALS,
    "changed": {"goals": [None, ["sort mail", "archive"]]},
    "missing": ["tone", "tools"],
    "extraction_source": "rules",
    "failure_class": None,
}
STATUS = {
    "session_id": ID,
    "status": "active",
    "stage": "goals",
    "name": None,
    "is_expired": False,
    "created_at": WHEN,
    "updated_at": WHEN,
    "completed_at": None,
    "expires_at": WHEN,
    "missing": ["goals", "tone"],
    "turn": 2,
    "version": 3,
}
CHANGED = STATUS | {"collected_fields": TYPE, "changed": {"goals": [["sort mail"], None]}}
DONE = CHANGED | {"status": "completed", "stage": "completed", "missing": [], "changed": {}}
DOCUMENT = {
    "session_id": ID,
    "stage": "goals",
    "collected_fields": TYPE,
    "final_prompt": None,
    "conversation_history": [{"role": "assistant", "content": "Which goals?", "timestamp": WHEN}],
}
TURN_LINES = (
    "And its tone?\n"
    "  agent_type  mail [31msorter (rules)\n"
    "* goals       sort mail; archive (llm)\n"
    "  use_tools   yes (user_edit)\n"
    "  later       none (rules)\n"
    "  missing: tone, tools\n"
)
HEAD_LINES = (
    f"session_id  {ID}\nstatus      active\nstage       goals\nname\nis_expired  no\nturn        2\nversion     3\n"
    "created_at  2024-05-01T12:00:00.123456Z\nupdated_at  2024-05-01T12:00:00.123456Z\n"
    "\n  agent_type  mail [31msorter (rules)\n  missing: goals, tone\n"
)
EXPORT = {"artifact": "name: mail\n", "filename": "agent.yaml", "losses": ["No cases.", "No\norigins."]}
FINDING = {"code": "goal_uncovered", "severity": "error", "about": "g1", "message": "No step serves it."}
FOUND = {"is_valid": False, "findings": [FINDING]}
VALID = {"is_valid": True, "findings": []}


@pytest.fixture
def sessions(glia_server: GliaServer) -> GliaServer:
    """A server with one design session."""
    at = f"/sessions/{ID}"
    glia_server.on("POST", "/sessions/create", Json(201, {"session_id": ID, "message": HELLO}))
    glia_server.on("POST", f"{at}/message", Json(200, TURN)).on("POST", f"{at}/undo", Json(200, CHANGED))
    glia_server.on("GET", at, Json(200, DOCUMENT)).on("GET", f"{at}/status", Json(200, STATUS))
    glia_server.on("POST", f"{at}/resume", Json(200, CHANGED | {"changed": None, "message": "Where were we?"}))
    glia_server.on("POST", f"{at}/complete", Json(200, DONE)).on("POST", f"{at}/reopen", Json(200, CHANGED))
    glia_server.on("DELETE", at, Json(204)).on("POST", f"{at}/workflow/validate", Json(200, FOUND))
    return glia_server


class Piped:
    """Runs `glia` with some lines on stdin."""

    def __init__(self, run_glia: RunGlia, monkeypatch: pytest.MonkeyPatch) -> None:
        self._run, self._patch = run_glia, monkeypatch

    def __call__(self, given: bytes, *arguments: str) -> Ran:
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        return self._run(*arguments)


@pytest.fixture
def piped(run_glia: RunGlia, monkeypatch: pytest.MonkeyPatch) -> Piped:
    return Piped(run_glia, monkeypatch)


def test_a_dialogue_in_a_pipe_is_a_message_a_line(sessions: GliaServer, piped: Piped) -> None:
    """Replies and drafts on stdout as plain lines in one order, what changed marked; stderr says how to go on."""
    ran = piped("a mail sorter\r\n\n  sort, archive 🙂\n".encode(), "design")
    assert (ran.code, ran.out, ran.err) == (0, f"{HELLO}\n{TURN_LINES}{TURN_LINES}", ON)
    said = sessions.requests("POST", f"/sessions/{ID}/message")
    assert [seen.body for seen in said] == [{"message": "a mail sorter"}, {"message": "  sort, archive 🙂"}]
    assert [seen.headers["idempotency-key"] for seen in said] == ["id-1", "id-2"]


def test_a_message_whose_answer_is_lost_is_sent_again_under_its_key(sessions: GliaServer, piped: Piped) -> None:
    """It is taken once."""
    sessions.on("POST", f"/sessions/{ID}/message", Nothing(), Json(200, TURN))
    assert piped(b"a mail sorter\n", "design").code == 0
    said = sessions.requests("POST", f"/sessions/{ID}/message")
    assert [seen.headers["idempotency-key"] for seen in said] == ["id-1", "id-1"]


def test_commands_of_the_dialogue(sessions: GliaServer, piped: Piped) -> None:
    """/undo shows the question it leads back to, /draft what is known, an unknown one what there is; /quit ends."""
    ran = piped(b"/undo\n/draft\n/what\n/quit\nnever said\n", "design")
    draft = "  agent_type  mail [31msorter (rules)\n  missing: goals, tone\n"
    assert ran.out == f"{HELLO}\nWhich goals?\n{draft}{draft}"
    assert ran.err.startswith("/draft shows")
    assert ran.err.endswith(f"leaves\n{ON}")
    assert not sessions.requests("POST", f"/sessions/{ID}/message")


def test_done_completes_and_says_what_comes_next(sessions: GliaServer, piped: Piped) -> None:
    """After it nothing is read, and the way to export is named."""
    ran = piped(b"/done\nnever said\n", "design")
    assert ran.out == f"{HELLO}\nThe design is complete.\n  agent_type  mail [31msorter (rules)\n"
    assert ran.err == f"glia design export {ID} --format FORMAT exports it\n{ON}"
    assert not sessions.requests("POST", f"/sessions/{ID}/message")


def test_an_error_ends_a_dialogue_in_a_pipe(sessions: GliaServer, piped: Piped) -> None:
    """Exit code 1 at the first line that is refused, and how to go on; what is no text is a matter of usage."""
    sessions.on("POST", f"/sessions/{ID}/complete", error(422, "session_incomplete"))
    ran = piped(b"/done\nnever said\n", "design")
    assert (ran.code, ran.err) == (1, f"{ON}glia: session_incomplete: It cannot be done. (request req-1)\n")
    assert not sessions.requests("POST", f"/sessions/{ID}/message")
    assert piped(b"\xff\xfe\n", "design").code == 2


def test_a_dialogue_for_programs_is_an_object_a_line(sessions: GliaServer, piped: Piped) -> None:
    """Every answer of the server as it is, and nothing on stderr."""
    ran = piped(b"a mail sorter\n/undo\n/draft\n/done\n", "design", "--json")
    told = [json.loads(line) for line in ran.out.splitlines()]
    assert told == [{"session_id": ID, "message": HELLO}, TURN, CHANGED, DOCUMENT | STATUS, DONE]
    assert (ran.code, ran.err) == (0, "")


def test_a_session_is_taken_up_again(sessions: GliaServer, piped: Piped) -> None:
    """What was agreed, what is missing, and the question it stands at."""
    ran = piped(b"", "design", "--session", ID)
    assert ran.out == "Where were we?\n  agent_type  mail [31msorter (rules)\n  missing: goals, tone\n"
    assert [seen.path for seen in sessions.seen] == [f"/sessions/{ID}/resume"]
    assert piped(b"", "design", "--session", "a/b").code == 1
    assert sessions.seen[-1].path == "/sessions/a%2Fb/resume"


def test_a_dialogue_begins_with_a_design(sessions: GliaServer, piped: Piped, tmp_path: Path) -> None:
    """The file goes as it is, and the draft shows what was in it; both ways to begin do not go together."""
    file = tmp_path / "agent.json"
    file.write_text('{"format": "Ü"}', "utf-8")
    ran = piped(b"", "design", "--from", str(file))
    assert sessions.seen[0].body == {"design": '{"format": "Ü"}'}
    assert ran.out == f"{HELLO}\n  agent_type  mail [31msorter (rules)\n  missing: goals, tone\n"
    assert piped(b"", "design", "--from", str(file), "--session", ID).code == 2
    file.write_bytes(b"\xff")
    assert piped(b"", "design", "--from", str(file)).code == 2
    assert len(sessions.requests("POST", "/sessions/create")) == 1


@pytest.mark.parametrize(("columns", "row"), [("120", "And its tone?  "), ("60", "And its tone?\n╭")])
def test_a_dialogue_at_a_terminal(sessions: GliaServer, environ: dict[str, str], columns: str, row: str) -> None:
    """The draft stands in a panel beside the reply, or below it where that is too narrow. An error does not end the
    dialogue, Ctrl-D does; nothing of what was gathered is obeyed by the terminal."""
    sessions.on("POST", f"/sessions/{ID}/complete", error(422, "session_incomplete"))
    with terminal([*GLIA, "design"], environ | {"COLUMNS": columns, "NO_COLOR": "1"}) as shown:
        shown.wait_for(f"{HELLO}\n> ")
        shown.type("a mail sorter\n")
        shown.wait_for("╯\n> ")
        shown.type("/done\n")
        shown.wait_for("(request req-1)\n> ")
        shown.type(CTRL_D)
        assert shown.end() == 0
    assert row in shown.seen
    assert "draft: tone" in shown.seen
    assert "* goals" in shown.seen
    assert f"{ESCAPE}[31m" not in shown.seen
    assert f"glia design --session {ID}" in shown.seen
    assert [seen.body for seen in sessions.requests("POST", f"/sessions/{ID}/message")] == [
        {"message": "a mail sorter"}
    ]


def test_a_token_that_expires_ends_the_dialogue(sessions: GliaServer, environ: dict[str, str]) -> None:
    """At a terminal too: exit code 3."""
    sessions.on("POST", f"/sessions/{ID}/message", error(401, "token_expired"))
    with terminal([*GLIA, "design"], environ) as shown:
        shown.wait_for("> ")
        shown.type("one\n")
        assert shown.end() == 3


def test_what_answers_without_a_session_is_not_glia(sessions: GliaServer, piped: Piped) -> None:
    """Exit code 4, and no traceback."""
    sessions.on("POST", "/sessions/create", Json(201, {"hello": 1}))
    assert piped(b"", "design").code == 4


def test_sessions_are_rows(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """Those that have expired say so; --status chooses."""
    rows = [STATUS, STATUS | {"is_expired": True, "name": "Sorter"}]
    glia_server.listing("/sessions", rows)
    row = "goals\t2024-05-01 12:00:00\t"
    shown = run_glia("design", "list", "--all").out.splitlines()
    assert shown == [f"{ID}\tactive\t{row}", f"{ID}\tactive (expired)\t{row}Sorter"]
    glia_server.on("GET", "/sessions?status=completed&limit=50", page(rows))
    assert json.loads(run_glia("design", "list", "--status", "completed", "--json").out)["items"] == rows
    assert run_glia("design", "list", "--status", "lost").code == 2


def test_a_session_is_shown(sessions: GliaServer, run_glia: RunGlia) -> None:
    """How it stands and its draft; for programs the whole of it."""
    assert run_glia("design", "show", ID).out == HEAD_LINES
    assert json.loads(run_glia("design", "show", ID, "--json").out) == DOCUMENT | STATUS


@pytest.mark.parametrize(
    ("arguments", "act", "body"),
    [
        (("complete", ID), "complete", None),
        (("undo", ID), "undo", None),
        (("reopen", ID, "goals"), "reopen", {"stage": "goals"}),
    ],
)
def test_a_session_is_changed_and_shown(
    sessions: GliaServer, run_glia: RunGlia, arguments: tuple[str, ...], act: str, body: Any
) -> None:
    """One request, tried again under its key if the answer is lost."""
    sessions.on("POST", f"/sessions/{ID}/{act}", Nothing(), Json(200, CHANGED))
    ran = run_glia("design", *arguments)
    assert (ran.code, ran.out) == (0, HEAD_LINES)
    assert [(seen.body, seen.headers["idempotency-key"]) for seen in sessions.seen] == [(body, "id-0")] * 2
    assert json.loads(run_glia("design", *arguments, "--json").out) == CHANGED
    sessions.on("POST", f"/sessions/{ID}/{act}", error(409, "session_ended"))
    assert run_glia("design", *arguments).code == 1


def test_a_session_is_given_up_and_shown_as_it_is_then(sessions: GliaServer, run_glia: RunGlia) -> None:
    """An answer without a body is an answer."""
    sessions.on("GET", f"/sessions/{ID}/status", Json(200, STATUS | {"status": "abandoned"}))
    assert "status      abandoned\n" in run_glia("design", "delete", ID).out
    assert run_glia("design", "delete", "another").code == 1


def test_an_export_goes_to_stdout_and_its_losses_to_stderr(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """What is piped on is the artifact alone; by default in Glia's own format."""
    at = f"/sessions/{ID}/export?format="
    glia_server.on("GET", f"{at}agent-spec-yaml", Json(200, EXPORT)).on("GET", f"{at}glia", Json(200, EXPORT))
    ran = run_glia("design", "export", ID, "--format", "agent-spec-yaml")
    assert (ran.code, ran.out, ran.err) == (0, "name: mail\n", "No cases.\nNo origins.\n")
    assert json.loads(run_glia("design", "export", ID, "--json").out) == EXPORT
    assert run_glia("design", "export", ID, "--format", "word").code == 2


def test_an_export_goes_to_a_file(glia_server: GliaServer, run_glia: RunGlia, tmp_path: Path) -> None:
    """Byte for byte; a file that cannot be written is an error on one line."""
    artifact = "name: Über\nend"
    glia_server.on("GET", f"/sessions/{ID}/export?format=glia", Json(200, EXPORT | {"artifact": artifact}))
    file = tmp_path / "agent.json"
    ran = run_glia("design", "export", ID, "--output", str(file))
    assert (ran.code, ran.out, ran.err) == (0, "", "No cases.\nNo origins.\n")
    assert file.read_bytes() == artifact.encode()
    ran = run_glia("design", "export", ID, "--output", str(file / "below"))
    assert ran.code == 1
    assert ran.err.startswith("glia: cannot write ")


def test_a_design_is_checked_and_nothing_goes_on(sessions: GliaServer, run_glia: RunGlia, tmp_path: Path) -> None:
    """Findings are rows, an error is exit code 1, and the session it takes is given up, also if the check fails."""
    file = tmp_path / "agent.json"
    file.write_text("{}")
    ran = run_glia("design", "validate", str(file))
    assert (ran.code, ran.out) == (1, "error\tgoal_uncovered\tg1\tNo step serves it.\n")
    assert ran.err == "not valid\n"
    assert [(seen.method, seen.body) for seen in sessions.seen] == [
        ("POST", {"design": "{}"}), ("POST", {}), ("DELETE", None)
    ]  # fmt: skip
    ran = run_glia("design", "validate", str(file), "--json")
    assert (ran.code, json.loads(ran.out)) == (1, FOUND)
    sessions.on("POST", f"/sessions/{ID}/workflow/validate", error(500, "internal"))
    assert run_glia("design", "validate", str(file)).code == 1
    assert sessions.seen[-1].method == "DELETE"
    sessions.on("POST", "/sessions/create", error(422, "invalid_design"))
    assert run_glia("design", "validate", str(file)).code == 1
    assert len(sessions.requests("DELETE", f"/sessions/{ID}")) == 3


def test_a_workflow_is_checked_against_a_design(sessions: GliaServer, run_glia: RunGlia, tmp_path: Path) -> None:
    """One request; warnings are no errors; what is no JSON object is a matter of usage."""
    warned = VALID | {"findings": [FINDING | {"severity": "warning"}]}
    sessions.on("POST", f"/sessions/{ID}/workflow/validate", Json(200, warned))
    file = tmp_path / "workflow.json"
    file.write_text('{"nodes": []}')
    ran = run_glia("design", "validate", str(file), "--session", ID)
    assert (ran.code, ran.err) == (0, "valid\n")
    assert [seen.body for seen in sessions.seen] == [{"workflow": {"nodes": []}}]
    for text in ("[]", "{", "[" * 100_000):
        file.write_text(text)
        assert run_glia("design", "validate", str(file), "--session", ID).code == 2
    assert run_glia("design", "validate", str(tmp_path / "missing")).code == 2


def test_the_command_line_knows_what_the_server_knows() -> None:
    """Formats, fields and stages are the same on both sides."""
    assert [kind.value for kind in Format] == list(FORMATS)
    assert set(ORDER) == {name.value for name in FieldName}
    assert tuple(stage.value for stage in Stage) == tuple(stage.value for stage in REOPENABLE)
