"""The commands that read and change things: what they ask for, and what they show to people and to programs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.glia_server import TOPIC, GliaServer, Json, Nothing, error, page
from tests.support.terminal import terminal
from tests.unit.sdk.conftest import RunGlia
from tests.unit.sdk.test_sdk_terminal import ESCAPE, GLIA

ID = "0190c0de-0000-7000-8000-00000000000a"
WHEN = "2024-05-01T12:00:00.123456Z"
TOPIC_ROW = {
    "topic_id": TOPIC,
    "title": "Stor\x1b[31mage\nand\tmore",
    "status": "active",
    "is_active": True,
    "message_count": 3,
    "created_at": WHEN,
    "updated_at": WHEN,
}
MESSAGE = {"message_id": 7, "topic_id": TOPIC, "role": "user", "content": "We use\nPostgres.", "created_at": WHEN}
CITATIONS = [
    {"message_id": 7, "start": 0, "end": 6, "quote": "We use"},
    {"message_id": 9, "start": 2, "end": 4, "quote": "ok"},
]
CARD = {
    "card_id": "c-1",
    "topic_id": TOPIC,
    "kind": "decision",
    "title": "Postgres",
    "body": "b",
    "citations": CITATIONS,
}
RUN = {
    "run_id": ID,
    "topic_id": TOPIC,
    "status": "finished",
    "cause": "import",
    "provider": "rules",
    "model": None,
    "intended_provider": "openai",
    "fallback_used": True,
    "cards_count": 2,
    "failure_class": "quota",
    "created_at": WHEN,
}
ATTEMPT = {"attempt": 1, "try_no": 1, "provider": "openai", "model": "m", "failure_class": "quota", "latency_ms": 80}
OPERATION = {
    "operation_id": ID,
    "kind": "merge",
    "from_topic_id": TOPIC,
    "to_topic_id": "t-2",
    "message_count": 4,
    "request_id": "req-1",
    "created_at": WHEN,
    "undone_at": None,
    "undone_moved": None,
    "undone_skipped": None,
}
KEY = {"key_id": ID, "name": "laptop", "prefix": "glia_abc", "created_at": WHEN, "revoked_at": None}
HEALTH = {
    "status": "ok",
    "database": "ok",
    "queue": "ok",
    "storage": "ok",
    "model": "not_configured",
    "warnings": ["w"],
}


def job(status: str, failure_class: str | None = None) -> Json:
    return Json(200, {"job_id": ID, "kind": "extract", "status": status, "failure_class": failure_class, "result": {}})


LISTS = [
    (("topics",), "/topics", [TOPIC_ROW, TOPIC_ROW]),
    (("messages",), "/conversation/messages", [MESSAGE, MESSAGE]),
    (("cards", "--topic", TOPIC), f"/topics/{TOPIC}/cards", [CARD, CARD]),
    (("extracts",), "/extract-runs", [RUN, RUN]),
    (("keys",), "/api-keys", [KEY, KEY]),
    (("topics", "operations"), "/topic-operations", [OPERATION, OPERATION]),
]


@pytest.mark.parametrize(("command", "path", "rows"), LISTS)
def test_a_list_is_one_document_or_with_all_one_item_a_line(
    glia_server: GliaServer, run_glia: RunGlia, command: tuple[str, ...], path: str, rows: list[dict[str, Any]]
) -> None:
    """--json is the page as the server tells it; --all follows the pages to the last one."""
    glia_server.listing(path, rows)
    ran = run_glia(*command, "--json")
    assert json.loads(ran.out) == {"items": rows[:1], "next_cursor": "more"}
    ran = run_glia(*command, "--all", "--json")
    assert [json.loads(line) for line in ran.out.splitlines()] == rows
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize(("command", "path", "rows"), LISTS)
def test_a_page_that_is_not_the_last_says_so(
    glia_server: GliaServer, run_glia: RunGlia, command: tuple[str, ...], path: str, rows: list[dict[str, Any]]
) -> None:
    """That there is more stands on stderr; --limit and --cursor name another part."""
    glia_server.listing(path, rows)
    ran = run_glia(*command)
    assert ran.out
    assert ran.err == "there are more: --all, or --cursor more\n"
    glia_server.on("GET", f"{path}?limit=7&cursor=more", page([]))
    ran = run_glia(*command, "--limit", "7", "--cursor", "more")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_rows_are_tab_separated_in_a_pipe(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """One line a row whatever stands in it, without anything a terminal would obey."""
    glia_server.listing("/topics", [TOPIC_ROW, TOPIC_ROW])
    rows = run_glia("topics", "--all").out.splitlines()
    assert rows == [f"*\t{TOPIC}\tactive\t3\t2024-05-01 12:00:00\tStor[31mage and more"] * 2


def test_a_table_has_headings_at_a_terminal(glia_server: GliaServer, environ: dict[str, str]) -> None:
    """At a terminal rows stand under headings, ids are whole, and what is too long is cut."""
    glia_server.on("GET", f"/topics/{TOPIC}/cards?limit=50", page([CARD | {"title": "x" * 100}]))
    with terminal([*GLIA, "cards", "--topic", TOPIC], environ) as shown:
        assert shown.end() == 0
    heading, row = shown.seen.splitlines()
    assert [word for word in ("ID", "KIND", "TITLE", "QUOTE") if word in heading] == ["ID", "KIND", "TITLE", "QUOTE"]
    assert row.startswith("c-1")
    assert "xxx…" in row


def test_rows_stay_whole_where_a_table_has_no_room(glia_server: GliaServer, environ: dict[str, str]) -> None:
    """On a narrow terminal no column vanishes: rows are written as in a pipe."""
    glia_server.on("GET", "/extract-runs?limit=50", page([RUN]))
    with terminal([*GLIA, "extracts"], environ) as shown:
        assert shown.end() == 0
    assert "".join(shown.seen.split()).count(ID + "finished") == 1
    assert TOPIC in shown.seen


def test_messages_are_read_like_a_conversation(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """Who said it when, then what was said as it is; of one topic if it is named."""
    glia_server.on("GET", f"/conversation/messages?topic_id={TOPIC}&limit=50", page([MESSAGE]))
    ran = run_glia("messages", "--topic", TOPIC)
    assert ran.out == "#7  user  2024-05-01 12:00:00\nWe use\nPostgres.\n\n"


def test_cards_are_those_of_the_active_topic_unless_another_is_named(
    glia_server: GliaServer, run_glia: RunGlia
) -> None:
    """Kind, title and quote in a row; without an active topic one is asked to name one."""
    active = {"conversation_id": "conv_1", "active_topic_id": TOPIC}
    nobody = Json(200, active | {"active_topic_id": None})
    glia_server.on("GET", "/conversation", Json(200, active), nobody)
    glia_server.on("GET", f"/topics/{TOPIC}/cards?kind=decision&limit=50", page([CARD]))
    assert run_glia("cards", "--kind", "decision").out == "c-1\tdecision\tPostgres\t“We use” (+1)\n"
    assert run_glia("cards").code == 2


def test_a_card_is_shown_with_all_its_citations(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """Every quote with its message and place; ids are escaped, whatever was typed."""
    glia_server.on("GET", "/cards/c%2F1", Json(200, CARD))
    ran = run_glia("cards", "show", "c/1")
    assert "kind      decision" in ran.out
    assert ran.out.endswith("\nmessage #7, characters 0 to 6\n“We use”\n\nmessage #9, characters 2 to 4\n“ok”\n")
    assert json.loads(run_glia("cards", "show", "c/1", "--json").out) == CARD


@pytest.mark.parametrize(
    ("arguments", "method", "path", "body"),
    [
        (("new", "Title"), "POST", "/topics", {"title": "Title"}),
        (("rename", TOPIC, "Title"), "PATCH", f"/topics/{TOPIC}", {"title": "Title"}),
        (("archive", TOPIC), "PATCH", f"/topics/{TOPIC}", {"status": "archived"}),
        (("use", TOPIC), "PATCH", f"/topics/{TOPIC}", {"is_active": True}),
        (("show", TOPIC), "GET", f"/topics/{TOPIC}", None),
    ],
)
def test_a_topic_is_changed_and_shown(
    glia_server: GliaServer, run_glia: RunGlia, arguments: tuple[str, ...], method: str, path: str, body: Any
) -> None:
    """Each change is one request, tried again under its key if the answer is lost, and ends with the topic shown."""
    glia_server.on(method, path, Nothing(), Json(200, TOPIC_ROW))
    ran = run_glia("topics", *arguments)
    assert ran.code == 0
    assert f"topic_id       {TOPIC}\n" in ran.out
    assert [seen.body for seen in glia_server.seen] == [body, body]
    keys = {seen.headers.get("idempotency-key") for seen in glia_server.seen}
    assert keys == ({"id-0"} if method == "POST" else {None})
    assert json.loads(run_glia("topics", *arguments, "--json").out) == TOPIC_ROW


@pytest.mark.parametrize(
    ("arguments", "path", "body"),
    [
        (("topics", "merge", TOPIC, "t-2"), f"/topics/{TOPIC}/merge", {"into_topic_id": "t-2"}),
        (("topics", "split", TOPIC, "7"), f"/topics/{TOPIC}/split", {"message_id": 7}),
        (("topics", "split", TOPIC, "7", "--title", "B"), f"/topics/{TOPIC}/split", {"message_id": 7, "title": "B"}),
        (("topics", "undo", ID), f"/topic-operations/{ID}/undo", None),
        (("messages", "move", TOPIC, "7", "9"), f"/topics/{TOPIC}/messages", {"message_ids": [7, 9]}),
    ],
)
def test_topic_work_is_one_request_and_ends_with_its_record(
    glia_server: GliaServer, run_glia: RunGlia, arguments: tuple[str, ...], path: str, body: Any
) -> None:
    """Tried again under its key if the answer is lost; the operation's id is shown, to undo it by."""
    glia_server.on("POST", path, Nothing(), Json(201, OPERATION))
    ran = run_glia(*arguments)
    assert ran.code == 0
    assert f"operation_id    {ID}\n" in ran.out
    assert [seen.body for seen in glia_server.seen] == [body, body]
    assert {seen.headers.get("idempotency-key") for seen in glia_server.seen} == {"id-0"}
    assert json.loads(run_glia(*arguments, "--json").out) == OPERATION


def test_operations_are_rows_and_may_be_those_of_a_topic(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """What was done, from where to where, how many messages, when, and when it was undone."""
    glia_server.on("GET", f"/topic-operations?topic_id={TOPIC}&limit=50", page([OPERATION | {"undone_at": WHEN}]))
    row = f"{ID}\tmerge\t{TOPIC}\tt-2\t4\t2024-05-01 12:00:00\t2024-05-01 12:00:00\n"
    assert run_glia("topics", "operations", "--topic", TOPIC).out == row


@pytest.mark.parametrize("arguments", [("topics", "split", TOPIC, "x"), ("messages", "move", TOPIC)])
def test_messages_are_named_by_number(glia_server: GliaServer, run_glia: RunGlia, arguments: tuple[str, ...]) -> None:
    """Anything else is a matter of usage, and nothing is sent."""
    assert run_glia(*arguments).code == 2
    assert glia_server.seen == []


def test_a_routing_replay_shows_figures_and_what_differs(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """A figure a line, then a line a message; --json is the server's answer as it is."""
    report = {
        "policy": "v1",
        "messages": 3,
        "is_cut": False,
        "changes": [
            {
                "message_id": 7,
                "was": {"rule": "active_topic", "opens_topic": False},
                "would": {"rule": "topic_shift", "opens_topic": True},
            }
        ],
        "agreement": {"corrected": 1, "recorded": {"pk": 0.5, "window_diff": None}},
    }
    glia_server.on("POST", "/routing/replays", Json(200, report))
    shown = run_glia("routing", "replay", "--policy", "v1", "--limit", "20", "--up-to", "9")
    assert (shown.code, shown.out.splitlines()) == (
        0,
        [
            "policy                v1",
            "messages              3",
            "is_cut                no",
            "corrected_messages    1",
            "recorded_pk           0.5",
            "recorded_window_diff",
            "",
            "7\tactive_topic (goes on)\ttopic_shift (opens a topic)",
        ],
    )
    assert glia_server.seen[0].body == {"policy": "v1", "limit": 20, "up_to_message_id": 9}
    assert json.loads(run_glia("routing", "replay", "--policy", "v1", "--json").out) == report
    assert glia_server.seen[1].body == {"policy": "v1", "limit": 1_000}
    assert run_glia("routing", "replay", "--policy", "v9").code == 2


def test_an_extract_run_is_shown_with_its_attempts(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """Fields first, then a line an attempt; lists name who stood in."""
    glia_server.on("GET", f"/extract-runs/{ID}", Json(200, RUN | {"attempts": [ATTEMPT]}))
    glia_server.on("GET", "/extract-runs?status=failed&limit=50", page([RUN]))
    assert run_glia("extracts", "show", ID).out.endswith("\n\n1\t1\topenai\tm\tquota\t80\t\t\n")
    assert "rules (fallback)\t2\tquota" in run_glia("extracts", "--status", "failed").out


def test_an_extraction_is_followed_to_its_end(glia_server: GliaServer, run_glia: RunGlia, waits: list[float]) -> None:
    """--wait looks at the job, ever more seldom, until it is done; without, the job is named."""
    glia_server.on("POST", f"/topics/{TOPIC}/extract", Json(202, {"job_id": ID}))
    glia_server.on("GET", f"/jobs/{ID}", job("queued"), job("running"), job("done"))
    assert run_glia("extract", TOPIC).out == f"job_id  {ID}\n"
    assert waits == []
    ran = run_glia("extract", TOPIC, "--wait", "--json")
    assert (ran.code, json.loads(ran.out)["status"]) == (0, "done")
    assert waits == [0.25, 0.5]


def test_a_topic_without_messages_has_nothing_to_extract(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """That is no failure, and nothing is waited for."""
    glia_server.on("POST", f"/topics/{TOPIC}/extract", Json(200, {"ok": True, "reason": "no_messages"}))
    ran = run_glia("extract", TOPIC, "--wait")
    assert (ran.code, ran.out) == (0, "ok      yes\nreason  no_messages\n")


def test_a_job_that_failed_is_exit_code_1(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """It is shown, and its class of failure is named; looking without waiting is no failure."""
    glia_server.on("GET", f"/jobs/{ID}", job("dead", "quota"))
    ran = run_glia("jobs", "show", ID, "--wait")
    assert (ran.code, ran.err) == (1, "glia: the job failed: quota\n")
    assert "status         dead\n" in ran.out
    assert run_glia("jobs", "show", ID).code == 0


def test_ctrl_c_ends_the_waiting_and_not_the_job(glia_server: GliaServer, environ: dict[str, str]) -> None:
    """A spinner while it waits; Ctrl-C is 130 and says how to go on."""
    glia_server.on("GET", f"/jobs/{ID}", job("running"))
    with terminal([*GLIA, "jobs", "show", ID, "--wait"], environ) as shown:
        shown.wait_for("waiting for job")
        shown.type("\x03")
        assert shown.end() == 130
    assert "the job goes on" in shown.seen
    assert "Traceback" not in shown.seen


def test_the_secret_of_a_key_is_alone_on_stdout(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """It can be piped on; what it is stands on stderr, without it."""
    glia_server.on("POST", "/api-keys", Json(201, KEY | {"secret": "glia_abc_secret"}))
    ran = run_glia("keys", "new", "laptop")
    assert (ran.code, ran.out) == (0, "glia_abc_secret\n")
    assert "secret" not in ran.err


def test_a_secret_that_was_lost_on_its_way_is_said_to_be(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """After a lost answer the key exists, and nobody has it: one is told how to revoke it."""
    glia_server.on("POST", "/api-keys", Nothing(), Json(201, KEY | {"secret": None}))
    ran = run_glia("keys", "new", "laptop")
    assert (ran.code, ran.out) == (1, "")
    assert f"glia keys revoke {ID}" in ran.err


def test_a_key_is_revoked(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """Revoking shows the key as it is now."""
    glia_server.on("DELETE", f"/api-keys/{ID}", Json(200, KEY | {"revoked_at": WHEN}))
    assert f"revoked_at  {WHEN}" in run_glia("keys", "revoke", ID).out


@pytest.mark.parametrize(
    ("status", "changes", "code"),
    [
        (200, {}, 0),
        (200, {"status": "degraded", "queue": "down"}, 1),
        (503, {"status": "degraded", "database": "down"}, 4),
    ],
)
def test_health_needs_no_login_and_says_how_bad_it_is(
    glia_server: GliaServer, run_glia: RunGlia, status: int, changes: dict[str, str], code: int
) -> None:
    """Every part is shown, also by a server that is unavailable; no token is sent; it is asked once."""
    glia_server.on("GET", "/health", Json(status, HEALTH | changes))
    ran = run_glia("health", GLIA_TOKEN="")
    assert (ran.code, ran.err) == (code, "w\n")
    assert "storage   ok\n" in ran.out
    assert len(glia_server.seen) == 1
    assert "authorization" not in glia_server.seen[0].headers
    assert json.loads(run_glia("health", "--json").out) == HEALTH | changes


def test_errors_of_every_command_are_one_line(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """Code and request id, and the exit code of the kind of error."""
    gone = error(404, "not_found")
    commands = [("topics", "show", ID), ("cards", "show", ID), ("extracts", "show", ID), ("jobs", "show", ID)]
    for command in commands:
        ran = run_glia(*command)
        assert (ran.code, ran.out, ran.err) == (1, "", "glia: not_found: It cannot be done. (request req-1)\n")
        assert run_glia(*command, GLIA_TOKEN="wrong").code == 3
    glia_server.on("GET", "/health", gone)
    assert run_glia("health").code == 1
    glia_server.on("GET", "/topics?limit=50", Json(200, {"items": ["strange"], "next_cursor": None}))
    assert run_glia("topics").code == 4


@pytest.mark.parametrize(
    "command",
    [
        "topics",
        "messages",
        "cards",
        "extract",
        "extracts",
        "jobs show",
        "keys",
        "health",
        "import",
        "topics new",
        "topics merge",
        "topics split",
        "topics operations",
        "topics undo",
        "messages move",
        "cards show",
        "cards edit",
        "cards delete",
        "cards restore",
        "cards pin",
        "cards unpin",
        "cards accept",
        "cards dismiss",
        "cards history",
        "story show",
        "story versions",
        "story compare",
        "story renew",
        "design",
        "design list",
        "design show",
        "design complete",
        "design undo",
        "design reopen",
        "design delete",
        "design export",
        "design validate",
        "reextract",
        "reextract list",
        "reextract show",
        "reextract cancel",
        "reextract apply",
        "reextract discard",
        "dlq list",
        "dlq redrive",
        "routing replay",
    ],
)
def test_every_command_shows_examples(run_glia: RunGlia, command: str) -> None:
    """--help of each has examples, its options for programs, and the login to use."""
    ran = run_glia(*command.split(), "--help")
    assert ran.code == 0
    assert f" glia {command}" in ran.out.partition("Example")[2]
    assert "--json" in ran.out
    assert "--profile" in ran.out


def test_completion_asks_no_server(glia_server: GliaServer, environ: dict[str, str]) -> None:
    """A shell's completion knows commands and choices, and sends nothing."""
    asked = environ | {"_GLIA_COMPLETE": "complete_bash", "COMP_WORDS": "glia cards --kind d", "COMP_CWORD": "3"}
    with terminal([*GLIA], asked) as shown:
        shown.end()
    assert "decision" in shown.seen
    assert ESCAPE not in shown.seen
    assert glia_server.seen == []
