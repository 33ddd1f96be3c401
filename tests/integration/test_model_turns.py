"""Turns answered by a model: streaming, failure classes, retries, and what the model is told."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chalicelib.llm.tokens import tokens
from local.roles import DatabaseUrls
from tests.conftest import settings_for
from tests.support.databases import Server
from tests.support.model_glia import MODEL, ModelGlia, Start, starter
from tests.support.model_server import (
    Answer,
    EmptyAnswer,
    HangUp,
    HttpError,
    ModelRequest,
    Refusal,
    Slow,
    Step,
)
from tests.support.queue import RecordingQueue


@pytest.fixture
def start(database: DatabaseUrls, home: Path, server: Server, queue: RecordingQueue) -> Iterator[Start]:
    settings_with = partial(settings_for, database, home, server, GLIA_CHAT_MODEL=MODEL)
    with starter(settings_with, queue, home) as started:
        yield started


def _turn(glia: ModelGlia, accepted: Any) -> Any:
    return glia.api.get(f"/turns/{accepted['turn_id']}")


def _kinds(glia: ModelGlia, accepted: Any) -> list[str]:
    return [kind for _, kind, _ in glia.events(accepted["turn_id"])]


def _roles_and_words(request: ModelRequest) -> list[tuple[str, str]]:
    """What the model was told after the instructions."""
    return [(message["role"], message["content"]) for message in request.messages[1:]]


def test_a_turn_streams_deltas_that_make_up_the_stored_answer(start: Start) -> None:
    """Deltas, joined, are to the letter the assistant's message; the turn names model and tokens."""
    glia = start([Answer("Grüße, ", "wie ", "geht’s? 🙂", "\n")])
    accepted = glia.api.say("Hello there.")
    events = glia.events(accepted["turn_id"])
    assert [kind for _, kind, _ in events] == ["turn.started", *["message.delta"] * 4, "turn.completed"]
    assert [seq for seq, _, _ in events] == list(range(1, len(events) + 1))
    turn = _turn(glia, accepted)
    assert glia.words(accepted["turn_id"]) == glia.message(turn["assistant_message_id"]) == "Grüße, wie geht’s? 🙂\n"
    assert (turn["status"], turn["provider"], turn["model"]) == ("completed", "openai", MODEL)
    assert (turn["input_tokens"], turn["output_tokens"]) == (11, 7)
    assert events[-1][2] == {"message_id": turn["assistant_message_id"], "provider": "openai", "model": MODEL}


def test_pieces_are_gathered_within_the_delta_interval(start: Start) -> None:
    """Fast pieces do not become an event each: what arrives within an interval is one delta."""
    glia = start([Answer(*"A fast answer.")], GLIA_DELTA_INTERVAL="60")
    accepted = glia.api.say("Hello there.")
    assert _kinds(glia, accepted) == ["turn.started", "message.delta", "turn.completed"]
    assert glia.words(accepted["turn_id"]) == "A fast answer."


@pytest.mark.parametrize("end", ["lost", "cut"])
def test_a_hang_up_in_the_middle_starts_again_and_doubles_nothing(start: Start, end: Any) -> None:
    """After half an answer another attempt begins with `turn.started`; only the whole answer is kept."""
    glia = start([HangUp(("Half an ", "ans"), end), Answer("The whole ", "answer.")])
    accepted = glia.api.say("Hello there.")
    events = glia.events(accepted["turn_id"])
    kinds = [kind for _, kind, _ in events]
    deltas = ["message.delta"] * 2
    assert kinds == ["turn.started", *deltas, "turn.started", *deltas, "turn.completed"]
    attempts = [data["attempt"] for _, kind, data in events if kind == "turn.started"]
    assert attempts == sorted(set(attempts))
    turn = _turn(glia, accepted)
    assert glia.words(accepted["turn_id"]) == glia.message(turn["assistant_message_id"]) == "The whole answer."
    assert len(glia.model.requests) == 2
    assert len(glia.waits) == 1


def test_a_refused_key_fails_the_turn_at_once(start: Start) -> None:
    """`auth` is never retried, fails the turn in the open, and the user's message is extracted all the same."""
    glia = start([HttpError(401, "invalid_api_key")])
    accepted = glia.api.say("We decided to use Postgres for storage.")
    [*_, (_, kind, data)] = glia.events(accepted["turn_id"])
    assert (kind, data["class"]) == ("turn.failed", "auth")
    assert "quote the prompt" not in data["message"]
    turn = _turn(glia, accepted)
    assert (turn["status"], turn["failure_class"], turn["model"]) == ("failed", "auth", MODEL)
    assert (len(glia.model.requests), glia.waits) == (1, [])
    [card] = glia.cards(accepted["topic_id"])
    assert [citation["message_id"] for citation in card["citations"]] == [accepted["message_id"]]


def test_a_rate_limit_is_waited_out_as_the_endpoint_asks(start: Start) -> None:
    """`rate_limit` is tried again after exactly the Retry-After it came with."""
    glia = start([HttpError(429, "rate_limit_exceeded", retry_after=7), Answer("Here I am.")])
    accepted = glia.api.say("Hello there.")
    assert _turn(glia, accepted)["status"] == "completed"
    assert (len(glia.model.requests), glia.waits) == (2, [7.0])


def test_a_long_retry_after_is_bounded(start: Start) -> None:
    """No Retry-After makes a worker wait longer than 20 seconds."""
    glia = start([HttpError(503, retry_after=3600), Answer("Here I am.")])
    glia.api.say("Hello there.")
    assert glia.waits == [20.0]


PASSING = 3  # tries


@pytest.mark.parametrize(
    ("step", "failure", "tries"),
    [
        pytest.param(HttpError(429, "rate_limit_exceeded"), "rate_limit", PASSING, id="rate limit"),
        pytest.param(HttpError(500), "server", PASSING, id="server error"),
        pytest.param(HttpError(503), "server", PASSING, id="overloaded"),
        pytest.param(HttpError(408), "timeout", PASSING, id="request timeout"),
        pytest.param(Slow(("late",), before=5), "timeout", PASSING, id="silent"),
        pytest.param(Slow(("so ", "late"), between=5), "timeout", PASSING, id="silent in the middle"),
        pytest.param(HangUp(), "network", PASSING, id="hang-up"),
        pytest.param(HangUp(("half",)), "network", PASSING, id="hang-up in the middle"),
        pytest.param(EmptyAnswer(), "server", PASSING, id="empty answer"),
        pytest.param(Answer(" ", "\n"), "server", PASSING, id="blank answer"),
        pytest.param(HttpError(403), "auth", 1, id="forbidden"),
        pytest.param(HttpError(429, "insufficient_quota"), "quota", 1, id="quota"),
        pytest.param(HttpError(400, "context_length_exceeded"), "context_length", 1, id="context length"),
        pytest.param(
            HttpError(400, None, message="This model's maximum context length is 4096 tokens."),
            "context_length",
            1,
            id="context length in words",
        ),
        pytest.param(HttpError(400, "content_filter"), "refusal", 1, id="filtered"),
        pytest.param(Refusal(), "refusal", 1, id="refusal"),
    ],
)
def test_a_model_that_keeps_failing_fails_the_turn_with_its_class(
    start: Start, step: Step, failure: str, tries: int
) -> None:
    """Passing failures are tried three times, others once; then `turn.failed` names the class, once."""
    glia = start([step], GLIA_LLM_MAX_TRIES=str(PASSING), GLIA_LLM_TIMEOUT="0.2")
    accepted = glia.api.say("Hello there.")
    turn = _turn(glia, accepted)
    assert (turn["status"], turn["failure_class"], turn["assistant_message_id"]) == ("failed", failure, None)
    kinds = _kinds(glia, accepted)
    assert kinds[-1] == "turn.failed"
    assert not {"turn.failed", "turn.completed"} & set(kinds[:-1])
    assert (len(glia.model.requests), len(glia.waits)) == (tries, tries - 1)


def test_the_number_of_tries_is_a_setting(start: Start) -> None:
    """GLIA_LLM_MAX_TRIES=1 means that nothing is tried again."""
    glia = start([HttpError(500)], GLIA_LLM_MAX_TRIES="1")
    glia.api.say("Hello there.")
    assert (len(glia.model.requests), glia.waits) == (1, [])


def test_a_model_without_key_and_address_is_unconfigured(start: Start) -> None:
    """A model that is named but cannot be reached fails in the open; no other answerer stands in unseen."""
    glia = start([Answer("never asked")], OPENAI_BASE_URL="")
    accepted = glia.api.say("Hello there.")
    assert (_turn(glia, accepted)["status"], _turn(glia, accepted)["failure_class"]) == ("failed", "unconfigured")
    assert glia.model.requests == []


def test_a_retry_sees_the_topic_as_the_first_try_saw_it(start: Start) -> None:
    """The context of a retried turn ends at its user message, whatever was said since."""
    glia = start([Answer("Hi."), HttpError(401), Answer("Later answer."), Answer("Answer at last.")])
    opening = glia.api.say("The opening.")
    failed = glia.api.say("The failed question.")
    glia.api.say("A later message.")
    retry = glia.api.post(f"/turns/{failed['turn_id']}/retry", status=202)
    glia.api.work()
    turn = _turn(glia, retry)
    assert (turn["status"], turn["retry_of"]) == ("completed", failed["turn_id"])
    assert turn["user_message_id"] == failed["message_id"]
    assert glia.message(turn["assistant_message_id"]) == "Answer at last."
    first_try, retried = glia.model.requests[1], glia.model.requests[3]
    assert _roles_and_words(retried) == _roles_and_words(first_try)
    assert _roles_and_words(retried)[-1] == ("user", "The failed question.")
    assert opening["topic_id"] == turn["topic_id"]


def test_the_model_is_told_of_its_own_topic_only(start: Start) -> None:
    """The messages of another topic are no part of the context."""
    glia = start([Answer("Noted.")])
    glia.api.say("The harbour is closed.")
    glia.api.say("New topic: the orchard is open.")
    assert _roles_and_words(glia.model.requests[-1]) == [("user", "New topic: the orchard is open.")]


def test_the_model_is_told_what_was_noted_in_the_topic(start: Start) -> None:
    """The topic's cards are part of the instructions."""
    glia = start([Answer("Noted.")])
    glia.api.say("We decided to use Postgres for storage.")
    glia.api.say("And what else?")
    before, after = (request.messages[0]["content"] for request in glia.model.requests)
    assert "use Postgres for storage" in after
    assert "use Postgres for storage" not in before


@pytest.mark.parametrize("limit", [512, 600, 1500])
def test_the_context_is_bounded_by_tokens(start: Start, limit: int) -> None:
    """However long a topic is, a request stays within GLIA_CONTEXT_TOKENS and holds the newest messages that fit."""
    glia = start([Answer("Yes. " * 40)], GLIA_CONTEXT_TOKENS=str(limit))
    said = [f"Message {number}. " + f"We decided to paint wall {number} in grün. " * number for number in range(9)]
    for message in said:
        glia.api.say(message)
    for message, request in zip(said, glia.model.requests, strict=True):
        assert sum(tokens(part["content"]) for part in request.messages) <= limit
        role, words = _roles_and_words(request)[-1]
        assert role == "user"
        assert message.startswith(words[:10])
    told = [words for role, words in _roles_and_words(glia.model.requests[-1])[:-1] if role == "user"]
    assert told == said[-1 - len(told) : -1]


def test_a_message_longer_than_the_context_is_clipped_in_the_middle(start: Start) -> None:
    """The message to answer is always told: its beginning and its end, if not all of it."""
    glia = start([Answer("Noted.")], GLIA_CONTEXT_TOKENS="512")
    glia.api.say("The beginning. " + "x" * 50_000 + " The end.")
    [(role, words)] = _roles_and_words(glia.model.requests[0])
    assert role == "user"
    assert words.startswith("The beginning.")
    assert words.endswith("The end.")
    assert sum(tokens(part["content"]) for part in glia.model.requests[0].messages) <= 512


def test_what_cannot_be_kept_is_left_out_of_events_and_answer_alike(start: Start) -> None:
    """NUL and lone surrogates, which no database keeps, are dropped or replaced; the rest arrives."""
    glia = start([Answer("a\x00b", "c\ud800d")])
    accepted = glia.api.say("Hello there.")
    turn = _turn(glia, accepted)
    assert turn["status"] == "completed"
    assert glia.words(accepted["turn_id"]) == glia.message(turn["assistant_message_id"]) == "abc\ufffdd"


def test_the_request_names_the_model_and_bounds_its_answer(start: Start) -> None:
    """The request asks for a stream with usage, from the model of the settings, within GLIA_ANSWER_TOKENS."""
    glia = start([Answer("Yes.")], GLIA_ANSWER_TOKENS="321", OPENAI_API_KEY="sk-only-here")
    glia.api.say("Hello there.")
    [request] = glia.model.requests
    assert (request.model, request.is_stream) == (MODEL, True)
    assert request.body["stream_options"] == {"include_usage": True}
    assert request.body["max_completion_tokens"] == 321
    assert request.headers["authorization"] == "Bearer sk-only-here"
