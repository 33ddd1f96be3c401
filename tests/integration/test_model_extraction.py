"""Cards by a model: verified quotes, repair, the fallback to the rules, and what the run records of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chalicelib.jobs.models import Outcome
from chalicelib.llm.tokens import tokens
from local.roles import DatabaseUrls
from tests.conftest import settings_for
from tests.support.databases import Server
from tests.support.model_glia import MODEL, ModelGlia, Start, starter
from tests.support.model_server import (
    Answer,
    AnswerJson,
    EmptyAnswer,
    HangUp,
    HttpError,
    InvalidJson,
    ModelRequest,
    Refusal,
    ShownMessage,
    Slow,
    Step,
)
from tests.support.queue import RecordingQueue

SAID = "Some words first. 🙂 We decided to use Postgres for storage. And a few more."
QUOTE = "We decided to use Postgres for storage."


@pytest.fixture
def start(database: DatabaseUrls, home: Path, server: Server, queue: RecordingQueue) -> Iterator[Start]:
    settings_with = partial(settings_for, database, home, server, GLIA_EXTRACT_MODEL=MODEL)
    with starter(settings_with, queue, home) as started:
        yield started


def evidence(message: ShownMessage, quote: str, start: int | None = None, end: int | None = None) -> dict[str, Any]:
    return {"message_id": message.message_id, "quote": quote, "start": start, "end": end}


def card(*quotes: dict[str, Any], **changes: Any) -> dict[str, Any]:
    fields = {"kind": "decision", "title": "Storage", "body": "Postgres is used for storage.", "confidence": 0.9}
    return {**fields, "evidence": list(quotes), **changes}


def cards(*build: Callable[[list[ShownMessage]], dict[str, Any]]) -> AnswerJson:
    """A step that answers with cards, each built from the conversation the model was shown."""

    def answer(request: ModelRequest) -> dict[str, Any]:
        return {"cards": [make(request.shown) for make in build]}

    return AnswerJson(answer)


def decided(shown: list[ShownMessage]) -> dict[str, Any]:
    """The decision of SAID, quoted well."""
    source = next(message for message in shown if QUOTE in message.content)
    return card(evidence(source, QUOTE))


def failures(run: Any) -> list[tuple[str, str | None]]:
    """(provider, failure class) of every try of a run."""
    return [(attempt["provider"], attempt["failure_class"]) for attempt in run["attempts"]]


def summary(run: Any) -> tuple[str, str, bool, str | None]:
    return run["status"], run["provider"], run["fallback_used"], run["failure_class"]


def test_a_model_writes_cards_that_quote_the_messages(start: Start) -> None:
    """A card by the model cites the exact characters of the user's message; the run names who wrote it."""
    glia = start([cards(decided)])
    topic = glia.api.say(SAID)["topic_id"]
    [found] = glia.cards(topic)
    assert (found["kind"], found["title"], found["body"]) == ("decision", "Storage", "Postgres is used for storage.")
    [citation] = found["citations"]
    assert citation["quote"] == QUOTE == SAID[citation["start"] : citation["end"]]
    run = glia.run(topic)
    assert summary(run) == ("finished", "openai", False, None)
    assert (run["model"], run["intended_provider"], run["intended_model"]) == (MODEL, "openai", MODEL)
    assert (run["cards_count"], run["cards_dropped"]) == (1, 0)
    assert (run["input_tokens"], run["output_tokens"]) == (11, 7)
    assert failures(run) == [("openai", None)]
    assert run["prompt_version"]


def test_the_model_is_asked_for_json_of_a_schema_and_shown_evidence_and_context(start: Start) -> None:
    """The request carries the schema; user messages are marked as evidence, assistant messages as context."""
    glia = start([cards(decided)])
    glia.api.say(SAID)
    [request] = glia.model.requests
    asked = request.body["response_format"]
    assert asked["type"] == "json_schema"
    assert "cards" in asked["json_schema"]["schema"]["properties"]
    assert [(shown.role, shown.use) for shown in request.shown] == [("user", "evidence"), ("assistant", "context")]
    assert request.shown[0].content == SAID


@pytest.mark.parametrize(
    ("claimed_start", "claimed_end"),
    [(0, 5), (0, len(QUOTE)), (-3, 4), (10_000, 10_040), (40, 20), (None, 9)],
)
def test_wrong_offsets_are_corrected_by_looking_for_the_words(
    start: Start, claimed_start: int | None, claimed_end: int
) -> None:
    """Models count badly: what counts is that the words stand in the message."""
    glia = start([cards(lambda shown: card(evidence(shown[0], QUOTE, claimed_start, claimed_end)))])
    topic = glia.api.say(SAID)["topic_id"]
    [found] = glia.cards(topic)
    at = SAID.index(QUOTE)
    assert [(c["start"], c["end"]) for c in found["citations"]] == [(at, at + len(QUOTE))]


def test_right_offsets_choose_among_equal_passages(start: Start) -> None:
    """Where the words stand more than once, offsets that fit say which place is meant."""
    said = f"{QUOTE} Again: {QUOTE}"
    second = said.rindex(QUOTE)
    glia = start([cards(lambda shown: card(evidence(shown[0], QUOTE, second, second + len(QUOTE))))])
    [found] = glia.cards(glia.api.say(said)["topic_id"])
    assert found["citations"][0]["start"] == second


@pytest.mark.parametrize(
    "invented",
    [
        pytest.param(lambda shown: evidence(shown[0], "We decided to use MySQL."), id="words nobody said"),
        pytest.param(lambda shown: evidence(shown[0], QUOTE.lower()), id="not to the letter"),
        pytest.param(lambda shown: evidence(shown[0], "  "), id="blank"),
        pytest.param(lambda shown: evidence(shown[1], shown[1].content[:20]), id="words of the assistant"),
        pytest.param(lambda shown: evidence(shown[1], QUOTE), id="the user's words under the assistant's id"),
        pytest.param(lambda shown: {"message_id": 2**70, "quote": QUOTE}, id="no message at all"),
    ],
)
def test_a_card_with_an_unverified_quote_is_dropped_and_counted(
    start: Start, invented: Callable[[list[ShownMessage]], dict[str, Any]]
) -> None:
    """No card without verified evidence, not even if another of its quotes is right; the run counts what it dropped."""

    def half_right(shown: list[ShownMessage]) -> dict[str, Any]:
        return card(evidence(shown[0], QUOTE), invented(shown), title="Half right")

    glia = start([cards(lambda shown: card(invented(shown), title="Invented"), decided, half_right)])
    topic = glia.api.say(SAID)["topic_id"]
    assert [found["title"] for found in glia.cards(topic)] == ["Storage"]
    run = glia.run(topic)
    assert (run["cards_count"], run["cards_dropped"]) == (1, 2)
    assert summary(run) == ("finished", "openai", False, None)


def test_another_users_message_is_no_evidence(start: Start) -> None:
    """The same words under the id of somebody else's message are not verified."""
    others: list[int] = []
    glia = start([cards(lambda shown: card({"message_id": others[0], "quote": QUOTE}))])
    others.append(glia.api.another().chat(SAID)["message_id"])
    topic = glia.api.chat(SAID)["topic_id"]
    glia.api.work()
    assert glia.cards(topic) == []
    assert glia.run(topic)["cards_dropped"] == 1


def test_assistant_messages_are_evidence_where_the_setting_says_so(start: Start) -> None:
    """GLIA_EVIDENCE_ROLES=user,assistant lets cards cite answers too."""
    glia = start(
        [cards(lambda shown: card(evidence(shown[1], shown[1].content[:20])))], GLIA_EVIDENCE_ROLES="user,assistant"
    )
    assert len(glia.cards(glia.api.say(SAID)["topic_id"])) == 1


def test_no_cards_is_a_good_answer(start: Start) -> None:
    """A model that finds nothing is not a failure: the run is finished, the topic has no cards."""
    glia = start([cards()])
    topic = glia.api.say(SAID)["topic_id"]
    assert glia.cards(topic) == []
    assert summary(glia.run(topic)) == ("finished", "openai", False, None)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(InvalidJson(), id="not JSON"),
        pytest.param(EmptyAnswer(), id="empty"),
        pytest.param(Answer("[]"), id="not an object"),
        pytest.param(Answer('{"notes": []}'), id="another field"),
        pytest.param(cards(lambda shown: card(evidence(shown[0], QUOTE), kind="hunch")), id="an unknown kind"),
        pytest.param(cards(lambda shown: card()), id="a card without evidence"),
        pytest.param(cards(lambda shown: card(evidence(shown[0], QUOTE), confidence=7)), id="confidence of 7"),
        pytest.param(Answer('{"cards": [' * 2_000), id="deeply nested"),
        pytest.param(Answer('{"cards": [{"title": "\\ud800"}]}'), id="a lone surrogate"),
    ],
)
def test_an_answer_that_does_not_fit_is_repaired_once(start: Start, broken: Step) -> None:
    """The model is told what was wrong with its answer and may answer again; both tries are recorded."""
    glia = start([broken, cards(decided)])
    topic = glia.api.say(SAID)["topic_id"]
    assert [found["title"] for found in glia.cards(topic)] == ["Storage"]
    run = glia.run(topic)
    assert summary(run) == ("finished", "openai", False, None)
    assert failures(run) == [("openai", "schema"), ("openai", None)]
    first, second = glia.model.requests
    assert second.messages[:2] == first.messages
    assert [message["role"] for message in second.messages[2:]] == ["assistant", "user"]
    assert glia.waits == []


def test_an_answer_that_never_fits_leaves_the_topic_to_the_rules(start: Start) -> None:
    """One attempt at repair, then the rules extract; the run says so, and why, and keeps every try."""
    glia = start([InvalidJson()])
    topic = glia.api.say(SAID)["topic_id"]
    [found] = glia.cards(topic)
    assert "Postgres" in found["citations"][0]["quote"]
    run = glia.run(topic)
    assert summary(run) == ("finished", "rules", True, "schema")
    assert (run["model"], run["intended_provider"], run["intended_model"]) == (None, "openai", MODEL)
    assert failures(run) == [("openai", "schema"), ("openai", "schema"), ("rules", None)]
    assert (run["input_tokens"], run["output_tokens"]) == (22, 14)
    assert len(glia.model.requests) == 2


@pytest.mark.parametrize(
    ("step", "failure", "tries"),
    [
        pytest.param(HttpError(429, "rate_limit_exceeded", retry_after=3), "rate_limit", 3, id="rate limit"),
        pytest.param(HttpError(502), "server", 3, id="server error"),
        pytest.param(Slow(("late",), before=5), "timeout", 3, id="silent"),
        pytest.param(HangUp(), "network", 3, id="hang-up"),
        pytest.param(HttpError(401, "invalid_api_key"), "auth", 1, id="refused key"),
        pytest.param(HttpError(429, "insufficient_quota"), "quota", 1, id="quota"),
        pytest.param(HttpError(400, "context_length_exceeded"), "context_length", 1, id="context length"),
        pytest.param(Refusal(), "refusal", 1, id="refusal"),
    ],
)
def test_a_model_that_keeps_failing_leaves_the_topic_to_the_rules(
    start: Start, step: Step, failure: str, tries: int
) -> None:
    """Passing failures are tried three times, others once; then the rules extract and the class is recorded."""
    glia = start([step], GLIA_LLM_TIMEOUT="0.2")
    topic = glia.api.say(SAID)["topic_id"]
    assert len(glia.cards(topic)) == 1
    run = glia.run(topic)
    assert summary(run) == ("finished", "rules", True, failure)
    assert failures(run) == [*[("openai", failure)] * tries, ("rules", None)]
    assert (len(glia.model.requests), len(glia.waits)) == (tries, tries - 1)


def test_a_rate_limit_is_waited_out_as_the_endpoint_asks(start: Start) -> None:
    """A try after Retry-After that succeeds is no fallback; the failed try stays on record."""
    glia = start([HttpError(429, "rate_limit_exceeded", retry_after=4), cards(decided)])
    topic = glia.api.say(SAID)["topic_id"]
    run = glia.run(topic)
    assert summary(run) == ("finished", "openai", False, None)
    assert failures(run) == [("openai", "rate_limit"), ("openai", None)]
    assert glia.waits == [4.0]


def test_a_model_without_key_and_address_is_unconfigured(start: Start) -> None:
    """A model is named but cannot be reached: the rules stand in, and the run says so."""
    glia = start([Answer("never asked")], OPENAI_BASE_URL="")
    topic = glia.api.say(SAID)["topic_id"]
    assert len(glia.cards(topic)) == 1
    run = glia.run(topic)
    assert summary(run) == ("finished", "rules", True, "unconfigured")
    assert (run["intended_provider"], run["intended_model"]) == ("openai", MODEL)
    assert failures(run) == [("openai", "unconfigured"), ("rules", None)]
    assert glia.model.requests == []


def test_without_a_model_the_rules_are_what_was_meant(start: Start) -> None:
    """No model is named: the rules extract, and that is no fallback."""
    glia = start([Answer("never asked")], GLIA_EXTRACT_MODEL="")
    topic = glia.api.say(SAID)["topic_id"]
    run = glia.run(topic)
    assert summary(run) == ("finished", "rules", False, None)
    assert (run["intended_provider"], run["intended_model"]) == ("rules", None)
    assert failures(run) == [("rules", None)]
    assert glia.model.requests == []


def test_a_run_finished_by_fallback_is_redone_by_a_new_job_but_not_by_redelivery(
    start: Start, queue: RecordingQueue
) -> None:
    """A redelivery calls nothing; a new job gives the same row to the model again, and both attempts stay on record."""
    glia = start([HttpError(401, "invalid_api_key"), cards(decided)])
    topic = glia.api.chat(SAID)["topic_id"]
    _deliver(glia, queue)
    [extraction] = queue.take()
    deliver = glia.api.services.worker.deliver
    assert [deliver(extraction), deliver(extraction)] == [Outcome.DONE, Outcome.NOTHING_TO_DO]
    fallen = glia.run(topic)
    assert summary(fallen) == ("finished", "rules", True, "auth")
    assert len(glia.model.requests) == 1

    glia.api.post(f"/topics/{topic}/extract", status=202)
    glia.api.work()
    redone = glia.run(topic)
    assert (redone["run_id"], redone["attempt"]) == (fallen["run_id"], 2)
    assert summary(redone) == ("finished", "openai", False, None)
    assert failures(redone) == [("openai", "auth"), ("rules", None), ("openai", None)]
    assert [found["body"] for found in glia.cards(topic)] == ["Postgres is used for storage."]


def test_a_run_finished_by_the_model_is_not_asked_for_again(start: Start) -> None:
    """Same topic, same messages, same extractor: one call of the model, however often one asks."""
    glia = start([cards(decided)])
    topic = glia.api.say(SAID)["topic_id"]
    before = glia.cards(topic)
    for _ in range(2):
        job = glia.api.post(f"/topics/{topic}/extract", status=202)["job_id"]
        glia.api.work()
        assert glia.api.get(f"/jobs/{job}")["result"]["reason"] == "unchanged"
    assert glia.cards(topic) == before
    assert len(glia.model.requests) == 1


def test_cards_on_unchanged_evidence_keep_their_ids(start: Start) -> None:
    """A longer topic is another source; a card of the same kind on the same words is the same card, better worded."""
    reworded = cards(lambda shown: {**decided(shown), "title": "Storage, in other words"})
    glia = start([cards(decided), reworded])
    first = glia.api.say(SAID)
    [before] = glia.cards(first["topic_id"])
    glia.api.say("Nothing else.")
    [after] = glia.cards(first["topic_id"])
    assert after["card_id"] == before["card_id"]
    assert (after["title"], after["created_at"]) == ("Storage, in other words", before["created_at"])


def test_what_a_model_says_twice_is_one_card(start: Start) -> None:
    """Two equal cards become one."""
    glia = start([cards(decided, decided)])
    assert len(glia.cards(glia.api.say(SAID)["topic_id"])) == 1


@pytest.mark.parametrize(("count", "filler"), [(12, "It is painted green and has two windows. " * 14), (40, "")])
def test_a_long_topic_is_read_in_parts_that_fit(start: Start, count: int, filler: str) -> None:
    """Every request stays within GLIA_CONTEXT_TOKENS, and every message is shown once."""

    def one_each(request: ModelRequest) -> dict[str, Any]:
        users = [message for message in request.shown if message.role == "user"]
        return {"cards": [card(evidence(m, m.content[:12]), body=f"It is {m.content[:12]}") for m in users]}

    glia = start([AnswerJson(one_each)], GLIA_CONTEXT_TOKENS="1000")
    for number in range(count):
        topic = glia.api.chat(f"Wall no. {number:02}. {filler}")["topic_id"]
    glia.api.work()
    assert len(glia.cards(topic)) == count
    run = glia.run(topic)
    assert run["message_count"] == 2 * count
    shown = [message.message_id for request in glia.model.requests for message in request.shown]
    assert len(shown) == len(set(shown)) == 2 * count
    for request in glia.model.requests:
        assert sum(tokens(part["content"]) for part in request.messages) <= 1000


def test_a_repair_stays_within_the_bound_too(start: Start) -> None:
    """An endless answer that does not fit is not sent back whole: GLIA_CONTEXT_TOKENS bounds every request."""
    glia = start([InvalidJson('{"cards": [' * 2_000), cards(decided)], GLIA_CONTEXT_TOKENS="1000")
    topic = glia.api.say(SAID)["topic_id"]
    assert summary(glia.run(topic)) == ("finished", "openai", False, None)
    assert len(glia.model.requests) == 2
    for request in glia.model.requests:
        assert sum(tokens(part["content"]) for part in request.messages) <= 1000


def test_the_quote_of_a_clipped_message_is_verified_against_all_of_it(start: Start) -> None:
    """A message too long for the model is shown in part; what it quotes of that is found in the stored text."""
    said = "The beginning. " + "Filler. " * 2_000 + QUOTE
    glia = start([cards(decided)], GLIA_CONTEXT_TOKENS="1000")
    [found] = glia.cards(glia.api.say(said)["topic_id"])
    assert found["citations"][0]["start"] == said.index(QUOTE)


def test_what_cannot_be_kept_is_left_out_of_cards(start: Start) -> None:
    """A NUL in a title or body, which no database keeps, is dropped; the card stays."""
    glia = start([cards(lambda shown: {**decided(shown), "title": "Sto\x00rage", "body": "A\x00B"})])
    [found] = glia.cards(glia.api.say(SAID)["topic_id"])
    assert (found["title"], found["body"]) == ("Storage", "AB")


def _deliver(glia: ModelGlia, queue: RecordingQueue) -> None:
    """Delivers what is in the queue now, and leaves there what that sends."""
    for message in queue.take():
        glia.api.services.worker.deliver(message)
