"""Invariant 10: every way a model can fail has its class, its number of tries, its record; and nothing is lost by it.

`pytest tests/integration/test_model_failures.py -s` prints the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from local.roles import DatabaseUrls
from tests.conftest import settings_for
from tests.support.databases import Server
from tests.support.model_failures import CASES, TIMEOUT, TRIES, Case, invented
from tests.support.model_glia import MODEL, ModelGlia, Start, starter
from tests.support.model_server import AnswerJson
from tests.support.queue import RecordingQueue

SAID = "I decided to go with Postgres."


@pytest.fixture
def start(database: DatabaseUrls, home: Path, server: Server, queue: RecordingQueue) -> Iterator[Start]:
    settings = partial(settings_for, database, home, server, GLIA_LLM_TIMEOUT=TIMEOUT, GLIA_LLM_MAX_TRIES=str(TRIES))
    with starter(settings, queue, home) as started:
        yield started


def show(case: Case, where: str, failure: str | None, glia: ModelGlia, outcome: str) -> None:
    waits = " ".join(f"{wait:.1f}" for wait in glia.waits) or "-"
    print(f"{case.name:<34}{where:<9}{failure or 'ok':<15}{len(glia.model.requests):<3}{waits:<12}{outcome}")


def check_waits(case: Case, glia: ModelGlia) -> None:
    assert case.waits is None or glia.waits == [case.waits] * (TRIES - 1)
    assert all(0 <= wait <= 20 for wait in glia.waits)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_invariant_10_a_failing_answer(start: Start, case: Case) -> None:
    """The turn ends with its class after the right number of requests; the message is kept and extracted."""
    glia = start([case.step], GLIA_CHAT_MODEL=MODEL)
    accepted = glia.api.say(SAID)
    turn = glia.api.get(f"/turns/{accepted['turn_id']}")
    events = glia.events(accepted["turn_id"])
    show(case, "turn", turn["failure_class"], glia, f"{turn['status']}, {turn['attempt']} started")
    assert (turn["failure_class"], len(glia.model.requests)) == (case.turn, case.turn_requests)
    check_waits(case, glia)
    assert events[-1][1] == ("turn.failed" if case.turn else "turn.completed")
    if case.turn:
        assert events[-1][2]["class"] == case.turn
        assert "endpoint, which may quote" not in str(events)
    else:
        assert glia.words(accepted["turn_id"]) == glia.message(turn["assistant_message_id"])
    assert [card["body"] for card in glia.cards(accepted["topic_id"])] == [SAID]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_invariant_10_a_failing_extraction(start: Start, case: Case) -> None:
    """The run finishes with the rules' cards, and records class, fallback and every try; or with the model's."""
    glia = start([case.step], GLIA_EXTRACT_MODEL=MODEL)
    topic_id = glia.api.say(SAID)["topic_id"]
    run = glia.run(topic_id)
    show(case, "extract", run["failure_class"], glia, f"{run['provider']}, {len(run['attempts'])} tries recorded")
    assert (run["failure_class"], len(glia.model.requests)) == (case.extract, case.extract_requests)
    assert (run["status"], run["fallback_used"]) == ("finished", case.extract is not None)
    assert (run["provider"], run["model"]) == (("rules", None) if case.extract else ("openai", MODEL))
    assert (run["intended_provider"], run["intended_model"]) == ("openai", MODEL)
    check_waits(case, glia)
    assert len(glia.cards(topic_id)) == 1
    if case.extract:
        assert [a["failure_class"] for a in run["attempts"]] == [case.extract] * case.extract_requests + [None]


def test_invariant_6_invented_quotes_are_dropped_and_counted(start: Start) -> None:
    """A model that only invents gives no card and no fallback: it did answer."""
    glia = start([AnswerJson(invented)], GLIA_EXTRACT_MODEL=MODEL)
    topic_id = glia.api.say(SAID)["topic_id"]
    run = glia.run(topic_id)
    assert (run["cards_count"], run["cards_dropped"], run["fallback_used"]) == (0, 1, False)
    assert glia.cards(topic_id) == []
