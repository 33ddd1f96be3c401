"""Glia explains itself: every turn, extraction, story and design turn is a run of traces, named by its row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from local.roles import DatabaseUrls
from tests.conftest import settings_for
from tests.support.api import Api
from tests.support.databases import Server
from tests.support.explained import shown
from tests.support.model_glia import MODEL, Start, starter
from tests.support.model_server import Answer, HttpError
from tests.support.queue import RecordingQueue


@pytest.fixture
def start(database: DatabaseUrls, home: Path, server: Server, queue: RecordingQueue) -> Iterator[Start]:
    settings_with = partial(settings_for, database, home, server, GLIA_CHAT_MODEL=MODEL)
    with starter(settings_with, queue, home) as started:
        yield started


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
