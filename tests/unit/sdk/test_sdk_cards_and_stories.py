"""`glia cards` and `glia story`: what they ask for, and what they show to people and to programs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from glia_sdk import Client

from tests.support.glia_server import TOPIC, GliaServer, Json, Nothing, error, page
from tests.unit.sdk.conftest import RunGlia

ID = "0190c0de-0000-7000-8000-00000000000a"
WHEN = "2024-05-01T12:00:00.123456Z"
CITATION = {"message_id": 7, "start": 0, "end": 6, "quote": "We use"}
CARD = {
    "card_id": "t:1:a",
    "topic_id": TOPIC,
    "kind": "decision",
    "title": "Postgres",
    "body": "We use Postgres.",
    "status": "active",
    "pinned": False,
    "suggestion": {"title": "Storage"},
    "citations": [CITATION],
}
PARAGRAPH = {"text": "They chose\nPost\x1bgres.", "card_ids": ["t:1:a"], "citations": [CITATION]}
OTHER = {"text": "A cache is open.", "card_ids": ["t:1:b"], "citations": [CITATION]}
VERSION = {
    "topic_id": TOPIC,
    "version": 3,
    "title": "Storage",
    "is_current": True,
    "cards_count": 2,
    "provider": "rules",
    "model": None,
    "fallback_used": True,
    "failure_class": "quota",
    "cause": "cards",
    "created_at": WHEN,
}
STORY = VERSION | {"paragraphs": [PARAGRAPH, OTHER], "attempts": []}
COMPARISON = {
    "topic_id": TOPIC,
    "from_version": 1,
    "to_version": 3,
    "added": [OTHER],
    "removed": [OTHER | {"text": "Gone."}],
    "changed": [{"before": PARAGRAPH, "after": PARAGRAPH | {"text": "They use Postgres."}}],
    "unchanged": 4,
}
ROW = "t:1:a\tdecision\tPostgres\t“We use”\n"


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (("--topic", TOPIC), f"/topics/{TOPIC}/cards?limit=50"),
        (
            ("--topic", TOPIC, "--status", "retired,deleted", "--kind", "fact"),
            f"/topics/{TOPIC}/cards?kind=fact&status=retired%2Cdeleted&limit=50",
        ),
        (("--topic", TOPIC, "--as-of", WHEN), f"/topics/{TOPIC}/cards?as_of={WHEN.replace(':', '%3A')}&limit=50"),
        (("--all-topics", "--status", "superseded"), "/cards?status=superseded&limit=50"),
        (("--all-topics", "--limit", "7"), "/cards?limit=7"),
    ],
)
def test_cards_of_a_topic_of_all_and_of_a_moment(
    glia_server: GliaServer, run_glia: RunGlia, options: tuple[str, ...], asked: str
) -> None:
    """Each is one request for one list."""
    glia_server.on("GET", asked, page([CARD]))
    ran = run_glia("cards", *options)
    assert (ran.code, ran.out, ran.err) == (0, ROW, "")
    assert len(glia_server.seen) == 1


@pytest.mark.parametrize("more", [("--topic", TOPIC), ("--as-of", WHEN)])
def test_all_topics_are_not_one(glia_server: GliaServer, run_glia: RunGlia, more: tuple[str, ...]) -> None:
    """What does not go together is a matter of usage, and nothing is sent."""
    assert run_glia("cards", "--all-topics", *more).code == 2
    assert glia_server.seen == []


@pytest.mark.parametrize(
    ("arguments", "method", "path", "body"),
    [
        (("edit", "t:1:a", "--title", "Mine"), "PATCH", "", {"title": "Mine"}),
        (
            ("edit", "t:1:a", "--body", "b", "--kind", "fact", "--title", ""),
            "PATCH",
            "",
            {"title": "", "body": "b", "kind": "fact"},
        ),
        (("restore", "t:1:a"), "POST", "/restore", None),
        (("pin", "t:1:a"), "POST", "/pin", None),
        (("unpin", "t:1:a"), "POST", "/unpin", None),
        (("accept", "t:1:a"), "POST", "/accept-suggestion", None),
        (("dismiss", "t:1:a"), "POST", "/dismiss-suggestion", None),
    ],
)
def test_a_card_is_changed_and_shown(
    glia_server: GliaServer, run_glia: RunGlia, arguments: tuple[str, ...], method: str, path: str, body: Any
) -> None:
    """One request, tried again under its key if the answer is lost; it ends with the card and its quotes."""
    glia_server.on(method, f"/cards/t%3A1%3Aa{path}", Nothing(), Json(200, CARD))
    ran = run_glia("cards", *arguments)
    assert ran.code == 0
    assert "title       Postgres\n" in ran.out
    assert ran.out.endswith("\nmessage #7, characters 0 to 6\n“We use”\n")
    assert [seen.body for seen in glia_server.seen] == [body, body]
    keys = {seen.headers.get("idempotency-key") for seen in glia_server.seen}
    assert keys == ({"id-0"} if method == "POST" else {None})
    assert json.loads(run_glia("cards", *arguments, "--json").out) == CARD


def test_an_edit_says_what_to_change(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """Without anything it is a matter of usage; an unknown kind too."""
    assert run_glia("cards", "edit", "t:1:a").code == 2
    assert run_glia("cards", "edit", "t:1:a", "--kind", "gossip").code == 2
    assert glia_server.seen == []


def test_a_card_is_deleted_and_shown_as_it_is_then(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """An answer without a body is an answer."""
    glia_server.on("DELETE", "/cards/t%3A1%3Aa", Json(204))
    glia_server.on("GET", "/cards/t%3A1%3Aa", Json(200, CARD | {"status": "deleted"}))
    ran = run_glia("cards", "delete", "t:1:a")
    assert ran.code == 0
    assert "status      deleted\n" in ran.out
    glia_server.on("DELETE", "/cards/t%3A1%3Aa", error(404, "card_not_found"))
    assert run_glia("cards", "delete", "t:1:a").code == 1


def test_nothing_is_answered_for_what_is_gone(glia_server: GliaServer, client: Client) -> None:
    """204 is an empty document."""
    glia_server.on("DELETE", "/cards/a", Json(204))
    assert client.remove("/cards/a") == {}


def test_the_history_of_a_card_is_rows(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """What happened when, and how the card was then."""
    version = {"version": 2, "action": "edited", "at": WHEN, "card": CARD}
    glia_server.on("GET", "/cards/t%3A1%3Aa/history?limit=50", page([version]))
    row = "2\tedited\t2024-05-01 12:00:00\tactive\tdecision\tPostgres\n"
    assert run_glia("cards", "history", "t:1:a").out == row
    assert json.loads(run_glia("cards", "history", "t:1:a", "--json").out)["items"] == [version]


def test_a_story_is_read_with_its_quotes(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """Title and paragraphs on stdout, each with the words it rests on; what it is on stderr."""
    glia_server.on("GET", f"/topics/{TOPIC}/story", Json(200, STORY))
    ran = run_glia("story", "show", TOPIC)
    assert ran.out == (
        "Storage\n\nThey chose\nPost\x1bgres.\n  “We use” (message #7)\n\nA cache is open.\n  “We use” (message #7)\n"
    )
    assert ran.err == "version 3, 2024-05-01 12:00:00, by rules (fallback)\n"
    assert json.loads(run_glia("story", "show", TOPIC, "--json").out) == STORY


def test_an_older_version_says_that_it_is_one(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """By its number; one without a title has no heading; one that is not there is an error."""
    old = STORY | {"version": 1, "is_current": False, "title": None, "model": "m", "fallback_used": False}
    glia_server.on("GET", f"/topics/{TOPIC}/story?version=1", Json(200, old))
    glia_server.on("GET", f"/topics/{TOPIC}/story?version=9", error(404, "story_not_found"))
    ran = run_glia("story", "show", TOPIC, "--version", "1")
    assert ran.out.startswith("\nThey chose\n")
    assert ran.err == "version 1, 2024-05-01 12:00:00, by rules/m\nnot of the cards as they are now\n"
    assert run_glia("story", "show", TOPIC, "--version", "9").code == 1
    assert run_glia("story", "show", TOPIC, "--version", "0").code == 2


def test_versions_are_rows(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """The one that tells of the cards as they are is marked."""
    glia_server.listing(f"/topics/{TOPIC}/story/versions", [VERSION, VERSION | {"version": 2, "is_current": False}])
    rows = run_glia("story", "versions", TOPIC, "--all").out.splitlines()
    row = "\t2\trules (fallback)\tquota\tcards\t2024-05-01 12:00:00\tStorage"
    assert rows == [f"*\t3{row}", f"\t2{row}"]


def test_two_versions_are_told_apart(glia_server: GliaServer, run_glia: RunGlia) -> None:
    """What was and what is, line by line; how much is the same on stderr."""
    glia_server.on("GET", f"/topics/{TOPIC}/story/compare", Json(200, COMPARISON))
    glia_server.on("GET", f"/topics/{TOPIC}/story/compare?from=1&to=3", Json(200, COMPARISON))
    ran = run_glia("story", "compare", TOPIC)
    assert ran.out.splitlines() == [
        "version 1 to 3",
        "- Gone.",
        "- They chose",
        "- Post\x1bgres.",
        "+ They use Postgres.",
        "+ A cache is open.",
    ]
    assert ran.err == "unchanged: 4\n"
    ran = run_glia("story", "compare", TOPIC, "--from", "1", "--to", "3", "--json")
    assert json.loads(ran.out) == COMPARISON


def test_a_story_is_renewed_and_waited_for(glia_server: GliaServer, run_glia: RunGlia, waits: list[float]) -> None:
    """As an extraction is; a topic without cards has nothing to tell."""
    done = {"job_id": ID, "kind": "story", "status": "done", "failure_class": None, "result": {"version": 2}}
    glia_server.on("POST", f"/topics/{TOPIC}/story", Json(202, {"job_id": ID}))
    glia_server.on("GET", f"/jobs/{ID}", Json(200, done | {"status": "running"}), Json(200, done))
    assert run_glia("story", "renew", TOPIC).out == f"job_id  {ID}\n"
    assert json.loads(run_glia("story", "renew", TOPIC, "--wait", "--json").out) == done
    assert waits == [0.25]
    glia_server.on("POST", f"/topics/{TOPIC}/story", Json(200, {"ok": True, "reason": "no_cards"}))
    assert run_glia("story", "renew", TOPIC, "--wait").out == "ok      yes\nreason  no_cards\n"
