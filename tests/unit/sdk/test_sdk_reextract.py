"""`glia reextract` and `glia dlq`: what they ask for, how they wait, and what they show."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.glia_server import TOPIC, GliaServer, Json, Nothing, error, page
from tests.support.terminal import terminal
from tests.unit.sdk.conftest import RunGlia
from tests.unit.sdk.test_sdk_terminal import GLIA

ID, OTHER = "0190c0de-0000-7000-8000-00000000000a", "0190c0de-0000-7000-8000-00000000000b"
WHEN = "2024-05-01T12:00:00.123456Z"
STARTED = {
    "batch_id": ID,
    "status": "running",
    "is_preview": False,
    "filter": {"all": True},
    "extractor": "rules///rules-2",
    "topics": 4,
    "progress": {"queued": 2, "running": 2, "done": 0, "failed": 0},
    "cards_changed": 0,
    "tokens": 0,
    "request_id": "req-1",
    "created_at": WHEN,
    "ended_at": None,
}
DEAD = {
    "job_id": ID,
    "kind": "extract",
    "subject": TOPIC,
    "status": "dead",
    "attempts": 5,
    "cause": "turn",
    "failure_class": "server",
    "ended_at": WHEN,
}
FACE = {"kind": "decision", "title": "Paint", "body": "b", "status": "active", "citations": []}


def at(status: str, **progress: int) -> Json:
    return Json(200, STARTED | {"status": status, "progress": STARTED["progress"] | progress})  # type: ignore[operator]


ENDED = at("done", queued=0, running=0, done=4)


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (("--all",), {"filter": {"all": True}}),
        (("--topic", TOPIC, "--topic", "t-2"), {"filter": {"topics": [TOPIC, "t-2"]}}),
        (("--fallback-only",), {"filter": {"fallback_only": True}}),
        (("--failed-only", "--preview"), {"filter": {"failed_only": True}, "preview": True}),
        (("--older-than", "rules-2"), {"filter": {"older_than": "rules-2"}}),
        (
            ("--all", "--preview", "--model", "m", "--prompt-version", "p"),
            {"filter": {"all": True}, "preview": True, "extractor": {"model": "m", "prompt_version": "p"}},
        ),
    ],
)
def test_a_batch_is_asked_for_once(
    glia_server: GliaServer, run_glia: RunGlia, arguments: tuple[str, ...], body: dict[str, Any]
) -> None:
    """Tried again under its key if the answer is lost; without waiting, it is shown as it is."""
    glia_server.on("POST", "/reextractions", Nothing(), Json(202, STARTED))
    ran = run_glia("reextract", *arguments, "--no-wait")
    assert ran.code == 0
    assert f"batch_id       {ID}\n" in ran.out
    assert "progress       2 queued, 2 running\n" in ran.out
    assert [seen.body for seen in glia_server.seen] == [{"preview": False, "dry_run": False, **body}] * 2
    assert {seen.headers.get("idempotency-key") for seen in glia_server.seen} == {"id-0"}
    assert json.loads(run_glia("reextract", *arguments, "--no-wait", "--json").out) == STARTED


@pytest.mark.parametrize(
    "arguments", [(), ("--all", "--failed-only"), ("--topic", TOPIC, "--all"), ("--all", "--model", "m")]
)
def test_what_is_wanted_is_said_in_one_way(
    glia_server: GliaServer, run_glia: RunGlia, arguments: tuple[str, ...]
) -> None:
    """No filter, two of them, or a model without a preview: that is usage, and nothing is sent."""
    assert run_glia("reextract", *arguments).code == 2
    assert glia_server.seen == []


def test_a_dry_run_shows_what_it_would_take(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """Nothing is waited for."""
    glia_server.on("POST", "/reextractions", Json(200, {"topics": 4, "estimated_tokens": 100}))
    assert run_glia("reextract", "--all", "--dry-run").out == "topics            4\nestimated_tokens  100\n"


def test_a_batch_is_followed_to_its_end(glia_server: GliaServer, run_glia: RunGlia, waits: list[float]) -> None:
    """Ever more seldom; how far it is stands on stderr, how it ended on stdout."""
    glia_server.on("POST", "/reextractions", Json(202, STARTED))
    glia_server.on("GET", f"/reextractions/{ID}", at("running", queued=0, done=2), ENDED)
    ran = run_glia("reextract", "--all")
    assert (ran.code, waits) == (0, [0.25, 0.5])
    assert ran.err.splitlines() == ["0 of 4 done", "2 of 4 done", "4 of 4 done"]
    assert "progress       4 done\n" in ran.out
    ran = run_glia("reextract", "--all", "--json")
    assert (json.loads(ran.out)["status"], ran.err) == ("done", "")


def test_failed_topics_are_exit_code_1(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """However many others went well."""
    glia_server.on("POST", "/reextractions", Json(202, STARTED))
    glia_server.on("GET", f"/reextractions/{ID}", at("done", queued=0, running=0, done=3, failed=1))
    ran = run_glia("reextract", "--all", "--json")
    assert (ran.code, ran.err) == (1, "glia: 1 topics failed\n")


def test_a_bar_at_a_terminal_and_ctrl_c_ends_the_waiting(glia_server: GliaServer, environ: dict[str, str]) -> None:
    """The batch goes on; one is told how to look at it."""
    glia_server.on("POST", "/reextractions", Json(202, STARTED))
    glia_server.on("GET", f"/reextractions/{ID}", at("running"))
    with terminal([*GLIA, "reextract", "--all"], environ) as shown:
        shown.wait_for("extracting")
        shown.type("\x03")
        assert shown.end() == 130
    assert "the re-extraction goes on" in shown.seen


def test_a_preview_says_how_to_look_at_it_and_shows_its_changes(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """A card a line, with its title before and after, over all pages."""
    ready = STARTED | {"status": "ready", "is_preview": True, "progress": {"done": 4}}
    glia_server.on("POST", "/reextractions", Json(202, ready))
    assert f"glia reextract show {ID} --diff" in run_glia("reextract", "--all", "--preview").err
    changes = [
        {"action": "updated", "card_id": "c-1", "before": FACE, "after": FACE | {"title": "Paint blue"}},
        {"action": "created", "card_id": "c-2", "before": None, "after": FACE},
    ]
    glia_server.on("GET", f"/reextractions/{ID}", Json(200, ready))
    at_items = f"/reextractions/{ID}/items?limit=50"
    glia_server.on("GET", at_items, page([{"topic_id": TOPIC, "diff": changes[:1]}], "more"))
    last: list[dict[str, Any]] = [{"topic_id": "t-2", "diff": changes[1:]}, {"topic_id": "t-3", "diff": None}]
    glia_server.on("GET", f"{at_items}&cursor=more", page(last))
    ran = run_glia("reextract", "show", ID, "--diff")
    assert ran.out.endswith(f"\n\n{TOPIC}\tupdated\tdecision\tPaint\tPaint blue\nt-2\tcreated\tdecision\t\tPaint\n")
    told = json.loads(run_glia("reextract", "show", ID, "--diff", "--json").out)
    assert [change["card_id"] for change in told["changes"]] == ["c-1", "c-2"]


def test_deciding_is_one_request_and_applying_is_waited_for(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """Cancelling and discarding are not; each is tried again under its key."""
    for act in ("cancel", "discard"):
        glia_server.on("POST", f"/reextractions/{ID}/{act}", Nothing(), at("cancelled"))
        assert "status         cancelled\n" in run_glia("reextract", act, ID).out
    glia_server.on("POST", f"/reextractions/{ID}/apply", at("applying"))
    glia_server.on("GET", f"/reextractions/{ID}", ENDED)
    assert "status         done\n" in run_glia("reextract", "apply", ID).out
    assert "status         applying\n" in run_glia("reextract", "apply", ID, "--no-wait").out


def test_batches_and_dead_jobs_are_rows(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """One a line; of one kind if it is named."""
    glia_server.on("GET", "/reextractions?limit=50", page([STARTED]))
    row = f"{ID}\trunning\tno\t4\t2 queued, 2 running\t0\t2024-05-01 12:00:00\trules///rules-2\n"
    assert run_glia("reextract", "list").out == row
    glia_server.on("GET", "/jobs?status=dead&kind=extract&limit=50", page([DEAD]))
    row = f"{ID}\textract\t{TOPIC}\tturn\t5\tserver\t2024-05-01 12:00:00\n"
    assert run_glia("dlq", "list", "--kind", "extract").out == row


def test_a_dead_job_is_redriven(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """Or the one that stands for it is named."""
    glia_server.on("POST", f"/jobs/{ID}/redrive", Nothing(), Json(200, DEAD | {"status": "queued"}))
    assert run_glia("dlq", "redrive", ID).out == f"{ID}\tqueued\n"
    glia_server.on("POST", f"/jobs/{ID}/redrive", Json(200, DEAD | {"job_id": OTHER}))
    assert run_glia("dlq", "redrive", ID).out == f"{ID}\t{OTHER} stands for it\n"
    assert json.loads(run_glia("dlq", "redrive", ID, "--json").out)["job_id"] == OTHER


def test_all_dead_jobs_are_redriven_but_turns(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """A turn that has ended is named and left; another error ends the command."""
    glia_server.on("GET", "/jobs?status=dead&limit=200", page([DEAD, DEAD | {"job_id": OTHER, "kind": "turn"}]))
    glia_server.on("POST", f"/jobs/{ID}/redrive", Json(200, DEAD | {"status": "queued"}))
    glia_server.on("POST", f"/jobs/{OTHER}/redrive", error(409, "job_of_turn"))
    ran = run_glia("dlq", "redrive", "--all")
    assert (ran.code, ran.out) == (0, f"{ID}\tqueued\n")
    assert ran.err == f"{OTHER} is a turn that has failed; retry the turn\n"
    glia_server.on("POST", f"/jobs/{OTHER}/redrive", error(409, "job_not_dead"))
    assert run_glia("dlq", "redrive", "--all").code == 1


@pytest.mark.parametrize("arguments", [(), (ID, "--all")])
def test_one_job_or_all(glia_server: GliaServer, run_glia: RunGlia, arguments: tuple[str, ...]) -> None:
    """Neither or both is a matter of usage, and nothing is sent."""
    assert run_glia("dlq", "redrive", *arguments).code == 2
    assert glia_server.seen == []
