"""Glia explains itself: every turn, extraction, story and design turn is a run of traces, named by its row."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from chalicelib.jobs.errors import DeadJob
from chalicelib.jobs.models import JobKind, Outcome
from local.roles import DatabaseUrls
from tests.conftest import settings_for
from tests.support.api import Api
from tests.support.databases import Server
from tests.support.explained import shown
from tests.support.model_glia import MODEL, Start, starter
from tests.support.model_server import Answer, AnswerJson, HttpError, ModelRequest
from tests.support.queue import RecordingQueue
from tests.support.traces import event, new_run, send


@pytest.fixture
def start(database: DatabaseUrls, home: Path, server: Server, queue: RecordingQueue) -> Iterator[Start]:
    settings_with = partial(settings_for, database, home, server, GLIA_CHAT_MODEL=MODEL)
    with starter(settings_with, queue, home) as started:
        yield started


@pytest.fixture
def extracting(database: DatabaseUrls, home: Path, server: Server, queue: RecordingQueue) -> Iterator[Start]:
    settings_with = partial(settings_for, database, home, server, GLIA_EXTRACT_MODEL=MODEL)
    with starter(settings_with, queue, home) as started:
        yield started


@pytest.fixture
def designing(database: DatabaseUrls, home: Path, server: Server, queue: RecordingQueue) -> Iterator[Start]:
    settings_with = partial(settings_for, database, home, server, GLIA_DESIGN_MODEL=MODEL)
    with starter(settings_with, queue, home) as started:
        yield started


SAID = "We decided to use Postgres for storage."


def found_cards(request: ModelRequest) -> dict[str, Any]:
    """A card that quotes the message, and one that quotes what was never said."""
    [message] = [one for one in request.shown if SAID in one.content and one.role == "user"]
    card = {"kind": "decision", "title": "Storage", "body": "Postgres it is.", "confidence": 0.9}
    quotes = [{"message_id": message.message_id, "quote": quote} for quote in (SAID, "never said")]
    return {"cards": [{**card, "evidence": [quote]} for quote in quotes]}


def test_a_turn_is_explained_by_a_run(api: Api) -> None:
    """How its message was routed, which messages and cards were read, who answered; there once it has ended."""
    api.say("Do we need a cache in front of it?")
    said = api.chat("I decided to go with Postgres.")
    assert api.get(f"/turns/{said['turn_id']}")["trace_run_id"] is None
    api.work()
    turn = api.get(f"/turns/{said['turn_id']}")
    told = shown(api, turn["trace_run_id"])
    assert (told.run["name"], told.run["status"], told.run["service"]) == ("chat.turn", "completed", "glia")
    assert (told.run["tags"], told.run["health"]) == (["chat", "glia"], [])
    assert told.run["started_at"] == turn["created_at"]
    assert told.about["glia.turn.id"] == said["turn_id"]
    assert [(step["name"], step["kind"]) for step in told.steps] == [
        ("route", "planner"), ("context", "retriever"), ("reply", "tool"),
    ]  # fmt: skip
    route = told.facts("route")
    assert (route["glia.routing.rule"], route["glia.routing.policy"]) == ("active_topic", "v0")
    assert route["glia.routing.from_topic_id"] == route["glia.routing.to_topic_id"] == said["topic_id"]
    messages = api.messages_in(said["topic_id"])
    assert told.facts("context")["glia.messages.ids"] == messages[:-1]
    [card] = [one for one in api.get(f"/topics/{said['topic_id']}/cards")["items"] if one["kind"] == "question"]
    assert told.facts("context")["glia.cards.ids"] == [card["card_id"]]
    answer = api.get("/conversation/messages")["items"][-1]
    digest = hashlib.sha256(answer["content"].encode()).hexdigest()
    assert told.facts("reply")["glia.output.message_id"] == turn["assistant_message_id"] == answer["message_id"]
    assert told.facts("reply")["glia.output.sha256"] == digest


def test_every_try_of_a_model_is_a_step(start: Start) -> None:
    """With its model, tokens and failure class; what it was shown by hash."""
    glia = start([HttpError(500), Answer("Here I am.")])
    turn = glia.api.get(f"/turns/{glia.api.say('Hello there.')['turn_id']}")
    told = shown(glia.api, turn["trace_run_id"])
    failed, answered = told.steps[2:]
    assert [step["status"] for step in told.steps] == ["completed", "completed", "failed", "completed"]
    assert (failed["kind"], failed["facts"]["error.type"]) == ("model", "server")
    assert "glia.output.message_id" not in failed["facts"]
    facts = answered["facts"]
    assert facts["gen_ai.request.model"] == MODEL
    assert facts["gen_ai.provider.name"] == "openai"
    assert (facts["gen_ai.usage.input_tokens"], facts["gen_ai.usage.output_tokens"]) == (11, 7)
    assert facts["glia.prompt.sha256"] == failed["facts"]["glia.prompt.sha256"]
    assert facts["glia.output.message_id"] == turn["assistant_message_id"]
    assert (told.run["models"], told.run["input_tokens"], told.run["output_tokens"]) == ([MODEL], 11, 7)
    assert told.run["status"] == "completed"


def test_a_failed_turn_is_a_failed_run(start: Start) -> None:
    """With its failure class; the turn that tries again is a run of its own, which the routing is no part of."""
    glia = start([HttpError(401, "invalid_api_key"), Answer("Here I am.")])
    api, said = glia.api, glia.api.say("Hello there.")
    told = shown(api, api.get(f"/turns/{said['turn_id']}")["trace_run_id"])
    assert (told.run["status"], told.names) == ("failed", ["route", "context", "reply"])
    assert api.get(f"/runs/{told.run['run_id']}/events")["items"][-1]["attributes"]["error.type"] == "auth"
    again = api.post(f"/turns/{said['turn_id']}/retry", status=202)
    api.work()
    retried = shown(api, api.get(f"/turns/{again['turn_id']}")["trace_run_id"])
    assert (retried.run["status"], retried.names) == ("completed", ["context", "reply"])
    assert retried.about["glia.turn.retry_of"] == said["turn_id"]


def test_a_cancelled_turn_is_explained_too(api: Api) -> None:
    """By whoever cancels it: failed, of class cancelled."""
    said = api.chat("Hello there.")
    turn = api.post(f"/turns/{said['turn_id']}/cancel")
    told = shown(api, turn["trace_run_id"])
    assert (told.run["status"], told.names) == ("failed", ["route"])
    api.work()
    assert shown(api, turn["trace_run_id"]) == told


def test_an_extraction_is_explained_by_a_run(api: Api) -> None:
    """Windows read, what the rules found, citations, and what became of the cards, in counts."""
    said = api.say("I decided to go with Postgres. Do we need a cache?")
    [run] = api.get("/extract-runs")["items"]
    told = shown(api, run["trace_run_id"])
    assert (told.run["name"], told.run["status"], told.run["tags"]) == (
        "cards.extract",
        "completed",
        ["extraction", "glia"],
    )
    assert told.about["glia.extract_run.id"] == run["run_id"]
    assert told.about["glia.topic.id"] == said["topic_id"]
    assert [(step["name"], step["kind"]) for step in told.steps] == [
        ("windows", "retriever"), ("rules", "tool"), ("merge", "tool"),
    ]  # fmt: skip
    read = told.facts("windows")
    assert (read["glia.messages.count"], read["glia.windows.count"], read["glia.windows.changed"]) == (2, 1, 1)
    assert read["glia.source.sha256"] == run["source_hash"]
    assert told.facts("rules")["glia.cards.verified"] == 2
    assert told.facts("merge") == {"glia.cards.count": 2, "glia.cards.kept": 0, "glia.cards.created": 2}
    api.say("I also prefer dark mode.")
    newest = api.get("/extract-runs")["items"][0]
    merged = shown(api, newest["trace_run_id"]).facts("merge")
    assert merged == {"glia.cards.count": 3, "glia.cards.kept": 2, "glia.cards.created": 1}


def test_an_extraction_by_a_model_tells_of_every_try_and_what_was_dropped(extracting: Start) -> None:
    """A window is a step with its tries and the verification inside; the tokens are the run's."""
    glia = extracting([HttpError(503), AnswerJson(found_cards)])
    topic = glia.api.say(SAID)["topic_id"]
    run = glia.run(topic)
    told = shown(glia.api, run["trace_run_id"])
    assert told.names == ["windows", "window", "cards", "cards", "citations", "merge"]
    window, failed, answered, verified = told.steps[1:5]
    assert {step["parent"] for step in (failed, answered, verified)} == {window["id"]}
    assert [step["status"] for step in (window, failed, answered)] == ["completed", "failed", "completed"]
    assert (failed["facts"]["error.type"], answered["facts"]["gen_ai.request.model"]) == ("server", MODEL)
    assert told.facts("citations") == {"glia.cards.verified": 1, "glia.cards.dropped": 1}
    assert (told.run["input_tokens"], told.run["models"]) == (run["input_tokens"], [MODEL])


def test_a_fallback_is_told(extracting: Start) -> None:
    """The model's failure is a failed step, the rules stand beside it, and the run is completed."""
    glia = extracting([HttpError(401, "invalid_api_key")])
    run = glia.run(glia.api.say(SAID)["topic_id"])
    told = shown(glia.api, run["trace_run_id"])
    assert (told.run["status"], told.names) == (
        "completed",
        ["windows", "window", "cards", "rules", "citations", "merge"],
    )
    assert told.facts("window")["glia.fallback"] == run["failure_class"] == "auth"


def test_a_failed_extraction_is_a_failed_run_and_the_next_try_another(api: Api, superuser: Callable[..., None]) -> None:
    """Whatever breaks it: the row names the run of its last attempt; each attempt has its own."""
    api.chat("I decided to go with Postgres.")
    api.services.worker.deliver(api.queue.take()[0])
    [message] = api.queue.take()
    superuser(f"ALTER TABLE window_results ADD CONSTRAINT broken CHECK (user_id <> '{api.user_id}') NOT VALID")
    try:
        with pytest.raises(psycopg.errors.CheckViolation):
            api.services.worker.deliver(message)
    finally:
        superuser("ALTER TABLE window_results DROP CONSTRAINT broken")
    [run] = api.get("/extract-runs")["items"]
    first = shown(api, run["trace_run_id"])
    assert (run["status"], first.run["status"], first.names) == ("failed", "failed", ["windows", "rules"])
    assert api.services.worker.deliver(message) is Outcome.DONE
    [run] = api.get("/extract-runs")["items"]
    second = shown(api, run["trace_run_id"])
    assert (run["status"], second.run["status"], second.about["glia.extract_run.attempt"]) == (
        "finished",
        "completed",
        2,
    )
    assert second.run["run_id"] != first.run["run_id"]
    assert shown(api, first.run["run_id"]) == first


def test_a_story_is_explained_by_a_run(api: Api) -> None:
    """The cards it was told of, who told it, and what was kept; a story that is shown again names the same run."""
    said = api.say("I decided to go with Postgres.")
    story = api.get(f"/topics/{said['topic_id']}/story")
    told = shown(api, story["trace_run_id"])
    assert (told.run["name"], told.run["tags"], told.names) == (
        "story.tell", ["glia", "story"], ["cards", "rules", "paragraphs"],
    )  # fmt: skip
    assert (told.about["glia.story.outcome"], told.about["glia.story.version"]) == ("told", 1)
    assert told.facts("cards")["glia.cards.count"] == 1
    assert told.facts("paragraphs") == {"glia.paragraphs.kept": 1, "glia.paragraphs.dropped": 0}
    job = api.get(f"/jobs/{story['job_id']}")
    assert job["result"]["trace_run_id"] == story["trace_run_id"]
    elsewhere = api.post("/topics", {"title": "Elsewhere"}, 201)["topic_id"]
    later = api.say("I prefer dark mode.", topic_id=said["topic_id"])["message_id"]
    api.move(elsewhere, later)
    api.work()
    again = api.get(f"/topics/{said['topic_id']}/story")
    assert (again["version"], again["trace_run_id"]) == (3, story["trace_run_id"])


def test_a_design_turn_is_explained_by_a_run(api: Api) -> None:
    """How the message was read, where that led, and in the end what the checks found; the event names the run."""
    session_id = api.post("/sessions/create", {}, 201)["session_id"]
    turns = [
        api.post(f"/sessions/{session_id}/message", {"message": message})
        for message in ("a research assistant that searches the web", "formal", "no tools", "yes", "yes")
    ]
    told = [shown(api, turn["trace_run_id"]) for turn in turns]
    assert {(one.run["name"], one.run["status"], *one.run["tags"]) for one in told} == {
        ("design.turn", "completed", "design", "glia")
    }
    assert [one.names for one in told] == [["rules", "stage"]] * 4 + [["rules", "stage", "checks"]]
    decision = told[1].facts("stage")
    assert decision["glia.fields.changed"] == ["tone"]
    assert decision["glia.session.stage.after"] == turns[1]["stage"]
    assert decision["glia.fields.missing"] == turns[1]["missing"]
    assert told[-1].facts("checks")["glia.workflow.nodes"] > 0
    events = [one for one in api.get(f"/sessions/{session_id}/events")["items"] if one["kind"] == "message"]
    assert [event["trace_run_id"] for event in events] == [turn["trace_run_id"] for turn in turns]


def test_a_design_turn_that_a_model_reads_tells_of_its_calls(designing: Start) -> None:
    """One that failed, with the rules after it; one that answered, with what of it was verified."""
    said = {"changes": [{"op": "set", "field": "tone", "value": "formal", "old": None, "quote": "formal"}]}
    nothing: dict[str, Any] = {"acts": [], "changes": [], "go_to": None, "waived": [], "guarded": []}
    glia = designing([HttpError(500), AnswerJson(lambda _: nothing | said)])
    session_id = glia.api.post("/sessions/create", {}, 201)["session_id"]
    turns = [glia.api.post(f"/sessions/{session_id}/message", {"message": "formal please"}) for _ in range(2)]
    fallen, read = (shown(glia.api, turn["trace_run_id"]) for turn in turns)
    assert (fallen.names, fallen.about["glia.fallback"]) == (["read", "rules", "stage"], "server")
    assert [step["status"] for step in fallen.steps] == ["failed", "completed", "completed"]
    assert (read.names, read.run["models"], read.run["input_tokens"]) == (["read", "quotes", "stage"], [MODEL], 11)
    assert read.facts("quotes") == {"glia.changes.kept": 1, "glia.changes.dropped": 0}


def test_what_redelivery_does_again_is_told_once(api: Api) -> None:
    """Every message of the queue twice: as many runs as things done."""
    api.chat("I decided to go with Postgres.")
    while messages := api.queue.take():
        for message in messages + messages:
            api.services.worker.deliver(message)
    runs = api.get("/runs?tag=glia")["items"]
    assert sorted(run["name"] for run in runs) == ["cards.extract", "chat.turn", "story.tell"]


def test_a_job_given_up_leaves_failed_runs(api: Api, superuser: Callable[..., None]) -> None:
    """A turn and an extraction whose workers died at their last attempts."""
    said = api.chat("I decided to go with Postgres.")
    topic_id = said["topic_id"]
    [message] = api.queue.take()
    use_up(superuser, message.job_id)
    with pytest.raises(DeadJob):
        api.services.worker.deliver(message)
    told = shown(api, api.get(f"/turns/{said['turn_id']}")["trace_run_id"])
    assert (told.run["status"], told.names) == ("failed", ["route"])
    [message] = api.queue.take()
    api.services.worker.deliver(message)
    superuser(
        "UPDATE card_extract_runs SET status = 'running', trace_run_id = %s WHERE topic_id = %s", uuid4(), topic_id
    )
    api.post(f"/topics/{topic_id}/extract", status=202)
    message = next(one for one in api.queue.take() if one.kind is JobKind.EXTRACT)
    use_up(superuser, message.job_id)
    with pytest.raises(DeadJob):
        api.services.worker.deliver(message)
    [run] = api.get("/extract-runs")["items"]
    told = shown(api, run["trace_run_id"])
    assert (run["status"], told.run["status"], told.names) == ("failed", "failed", [])
    assert told.about["glia.extract_run.id"] == run["run_id"]


def use_up(superuser: Callable[..., None], job_id: UUID) -> None:
    superuser("UPDATE jobs SET attempts = 99 WHERE job_id = %s", job_id)


def test_a_preview_that_is_applied_is_explained(api: Api) -> None:
    """By what it made of the cards; nothing was called. So is the preview itself, named by its job."""
    said = api.say("I decided to go with Postgres.")
    batch = api.post("/reextractions", {"filter": {"all": True}, "preview": True}, 202)
    api.work()
    [item] = api.get(f"/reextractions/{batch['batch_id']}/items")["items"]
    preview = shown(api, api.get(f"/jobs/{item['job_id']}")["result"]["trace_run_id"])
    assert (preview.run["name"], preview.about["glia.preview.status"]) == ("cards.preview", "done")
    assert preview.facts("compare") == {"glia.cards.changed": 0}
    api.post(f"/reextractions/{batch['batch_id']}/apply")
    api.work()
    run = next(one for one in api.get("/extract-runs")["items"] if one["topic_id"] == said["topic_id"])
    told = shown(api, run["trace_run_id"])
    assert run["status"] == "finished"
    assert told.about["glia.extract_run.id"] == run["run_id"]


CANARY = "zebrafinch"
TRACES = ("trace_runs", "trace_events", "trace_steps", "trace_contents", "trace_content_refs", "artifact_refs")


def test_no_word_of_the_user_is_in_a_run(
    designing: Start, extracting: Start, start: Start, superuser_rows: Callable[[str], list[str]]
) -> None:
    """Messages, answers, cards, stories, titles, designs and a user's own tools: a run names them, and quotes none."""
    answer = Answer(f"The {CANARY} sings.")
    for glia in (start([answer, answer, HttpError(500)]), extracting([AnswerJson(found_canary)] * 3)):
        for _ in range(2):
            said = glia.api.say(f"New topic: we decided on the {CANARY}. Do we need a {CANARY}?")
        glia.api.patch(f"/topics/{said['topic_id']}", {"title": f"All about the {CANARY}"})
        glia.api.work()
    tool = {
        "name": CANARY,
        "title": CANARY,
        "description": CANARY,
        "parameters": {"type": "object"},
        "effects": ["write"],
    }
    api = designing([HttpError(500)] * 6).api
    api.post("/tools", {"tool": tool}, 201)
    session_id = api.post("/sessions/create", {}, 201)["session_id"]
    for message in (
        f"a {CANARY} assistant that searches the web", f"formal like a {CANARY}", f"use the {CANARY} tool",
        f"the {CANARY} may write without approval", "yes", "yes",
    ):  # fmt: skip
        api.post(f"/sessions/{session_id}/message", {"message": message})
    found = {row.split(":")[0] for row in superuser_rows(CANARY)}
    assert {"messages", "cards", "stories", "topics", "design_session_events", "design_tools"} <= found
    assert not found & set(TRACES)


def found_canary(request: ModelRequest) -> dict[str, Any]:
    """A card that quotes the message."""
    [*_, message] = [one for one in request.shown if CANARY in one.content and one.role == "user"]
    card = {"kind": "decision", "title": CANARY, "body": f"The {CANARY}.", "confidence": 0.9}
    return {"cards": [{**card, "evidence": [{"message_id": message.message_id, "quote": f"the {CANARY}"}]}]}


def test_erasing_a_run_leaves_what_it_explained(api: Api) -> None:
    """The turn goes on naming it; nothing is there under that name any more, and nothing comes back."""
    said = api.say("I decided to go with Postgres.")
    turn = api.get(f"/turns/{said['turn_id']}")
    api.delete(f"/runs/{turn['trace_run_id']}")
    api.get(f"/runs/{turn['trace_run_id']}", 404)
    assert api.get(f"/turns/{said['turn_id']}") == turn
    api.delete(f"/messages/{said['message_id']}")
    api.work()
    api.get(f"/runs/{turn['trace_run_id']}", 404)


def test_a_routing_record_names_the_run_of_its_turn(api: Api) -> None:
    """Imported messages were routed by nobody: theirs names none."""
    said = api.say("I decided to go with Postgres.")
    [record] = api.get(f"/topics/{said['topic_id']}/router-runs")["items"]
    assert record["trace_run_id"] == api.get(f"/turns/{said['turn_id']}")["trace_run_id"]
    api.post("/imports", {"source": "notes", "messages": [{"key": "1", "role": "user", "content": "x", "topic": "t"}]})
    imported = next(topic for topic in api.get("/topics")["items"] if topic["topic_id"] != said["topic_id"])
    [record] = api.get(f"/topics/{imported['topic_id']}/router-runs")["items"]
    assert record["trace_run_id"] is None


def test_glias_own_runs_and_those_of_programs_are_told_apart(api: Api) -> None:
    """By where they are from: a program that calls itself glia is none of ours."""
    said = api.say("I decided to go with Postgres.")
    program = new_run()
    send(api, event(program, 0, "run.started", attributes={"service": "glia", "tags": ["mine"]}))
    own = {run["run_id"] for run in api.get("/runs?origin=glia")["items"]}
    assert api.get(f"/turns/{said['turn_id']}")["trace_run_id"] in own
    assert [run["run_id"] for run in api.get("/runs?origin=programs")["items"]] == [program]
    assert {run["run_id"] for run in api.get("/runs")["items"]} == {*own, program}
