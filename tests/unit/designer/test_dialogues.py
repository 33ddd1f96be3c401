"""The ten scripted sessions: by rules, by a scripted model, and with the model failing at a turn."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.adapters.clock import monotonic
from chalicelib.designer import dialogue
from chalicelib.designer.context import Context, Extractor, context_of
from chalicelib.designer.model_extractor import ModelExtractor
from chalicelib.designer.models import DesignState, Extraction, FieldName, Source, Status, Turn
from chalicelib.designer.rules import RulesExtractor
from chalicelib.designer.tools.catalogue import catalogue
from chalicelib.llm.client import ModelClient
from chalicelib.settings import Settings
from tests.support.dialogues import DIALOGUES, Dialogue
from tests.support.model_server import (
    Answer,
    AnswerJson,
    EmptyAnswer,
    HangUp,
    HttpError,
    InvalidJson,
    ModelRequest,
    ModelServer,
    Refusal,
    Step,
)

BY_NAME = pytest.mark.parametrize("script", DIALOGUES, ids=lambda script: script.name)


def run(script: Dialogue, extractor: Extractor) -> list[Turn]:
    """The turns; quotes are checked to be verbatim."""
    state, _ = dialogue.start()
    turns: list[Turn] = []
    for message in script.messages:
        turns.append(dialogue.take_turn(state, extractor.extract(message, context_of(state, catalogue()))))
        state = turns[-1].state
        quotes = [quote for held in state.collected_fields.values() for quote in held.quotes]
        assert all(script.messages[q.turn - 1][q.start : q.end] == q.text for q in quotes)
    return turns


def check(script: Dialogue, turns: list[Turn]) -> None:
    state = turns[-1].state
    assert state.status is Status.COMPLETED
    assert {name: state.value(FieldName(name)) for name in script.values} == script.values
    if script.stages:
        assert tuple(turn.state.stage.value for turn in turns) == script.stages


@BY_NAME
def test_by_rules_every_script_ends_completed(script: Dialogue) -> None:
    """Offline, with the values it names."""
    check(script, run(script, RulesExtractor()))


def told(request: ModelRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.messages[1]["content"])
    return found


def reading(extraction: Extraction) -> dict[str, Any]:
    """An extraction in the form a model answers in: one change for each list entry."""
    changes = [
        {"field": c.field, "op": c.op, "value": value, "old": c.old, "quote": c.spans[0].text}
        for c in extraction.changes
        for value in (c.value if isinstance(c.value, list) else [c.value])
    ]
    acts = [act.kind for act in extraction.acts]
    return {
        "changes": changes,
        "acts": acts,
        "go_to": extraction.go_to,
        "waived": extraction.waived,
        "guarded": extraction.guarded,
    }


def understand(request: ModelRequest) -> dict[str, Any]:
    """A model that understands as well as the rules do."""
    seen = told(request)
    known = {FieldName(name): value for name, value in seen["known"].items()}
    return reading(RulesExtractor().extract(seen["message"], Context(catalogue(), seen["asked"], known)))


def empty(**more: Any) -> dict[str, Any]:
    return {"changes": [], "acts": [], **more}


@contextmanager
def asking(steps: list[Step]) -> Iterator[tuple[ModelExtractor, ModelServer]]:
    with ModelServer(steps) as server:
        settings = Settings.from_env(
            {
                "DATABASE_URL": "postgresql://nobody@127.0.0.1/none",
                "OPENAI_BASE_URL": server.base_url,
                "GLIA_LLM_TIMEOUT": "2",
            }
        )
        yield ModelExtractor(ModelClient(settings, "stub"), RulesExtractor(), monotonic), server


@BY_NAME
def test_with_a_model_every_script_ends_the_same(script: Dialogue) -> None:
    """Same stages, same values; what is not assumed says that the model read it."""
    by_rules = run(script, RulesExtractor())
    with asking([AnswerJson(understand)]) as (extractor, _):
        turns = run(script, extractor)
    check(script, turns)
    assert [turn.state.stage for turn in turns] == [turn.state.stage for turn in by_rules]
    sources = {held.source for held in turns[-1].state.collected_fields.values()}
    assert sources <= {Source.LLM, Source.ASSUMED}


FAILURES: dict[str, Callable[[], Step]] = {
    "rate_limit": lambda: HttpError(429, "rate_limit_exceeded"),
    "quota": lambda: HttpError(429, "insufficient_quota"),
    "auth": lambda: HttpError(401, "invalid_api_key"),
    "server": lambda: HttpError(500),
    "network": HangUp,
    "refusal": Refusal,
}


@BY_NAME
@pytest.mark.parametrize("failure", FAILURES)
def test_a_model_that_fails_at_a_turn_leaves_that_turn_to_the_rules(script: Dialogue, failure: str) -> None:
    """The session ends the same; that turn says which way the model failed, and no other does."""
    place = random.Random(f"{script.name}/{failure}").randrange(len(script.messages))
    steps: list[Step] = [AnswerJson(understand)] * len(script.messages)
    steps[place] = FAILURES[failure]()
    with asking(steps) as (extractor, _):
        turns = run(script, extractor)
    check(script, turns)
    assert [turn.failure_class for turn in turns] == [failure if i == place else None for i in range(len(turns))]
    assert turns[place].extraction_source is Source.RULES
    assert "by rules" in turns[place].reply


def asked_once(answer: Any, message: str = "I want a sales bot that finds leads") -> tuple[Extraction, int]:
    """What comes of one message with a model that answers this."""
    step = answer if not isinstance(answer, dict) else Answer(json.dumps(answer))
    with asking([step]) as (extractor, server):
        found = extractor.extract(message, context_of(DesignState(asked="agent_type"), catalogue()))
        return found, len(server.requests)


def change(**fields: Any) -> dict[str, Any]:
    return {"field": "goals", "op": "add", "value": "finds leads", "quote": "finds leads", **fields}


def test_a_claim_that_the_message_does_not_bear_out_is_dropped() -> None:
    """No such words, no such type of value, an empty value; what is right is kept."""
    wrong = [
        change(quote="sells cars"),
        change(quote=""),
        change(quote="Finds leads"),
        change(value=True),
        change(value="  "),
        change(field="use_tools", value="perhaps", quote="sales bot"),
    ]
    found, _ = asked_once(empty(changes=[*wrong, change()]))
    assert [(c.field, c.value) for c in found.changes] == [("goals", "finds leads")]
    assert (found.dropped, found.source, found.failure_class) == (6, Source.LLM, None)


def test_a_tool_the_model_makes_up_is_a_wish_in_the_users_words() -> None:
    """Nothing is added to the catalogue; a known tool goes by its own name."""
    claims = [
        change(field="tools", value="hyperdrive_9000", quote="sales bot"),
        change(field="tools", value="Gmail", quote="leads"),
    ]
    found, _ = asked_once(empty(changes=claims))
    tools = [(c.value, c.is_wish) for c in found.changes if c.field is FieldName.TOOLS]
    assert tools == [("sales bot", True), ("email", False)]
    assert [c.value for c in found.changes if c.field is FieldName.USE_TOOLS] == [True]


def test_a_model_cannot_name_sources_or_leave_the_stages() -> None:
    """What is not of the schema is ignored; completed is no stage to go back to."""
    found, _ = asked_once(empty(changes=[change(source="user_edit", turn=99)], go_to="completed", waived=["slack"]))
    state = dialogue.take_turn(DesignState(asked="agent_type"), found).state
    assert (found.go_to, found.waived) == (None, [])
    assert state.collected_fields[FieldName.GOALS].source is Source.LLM
    assert state.collected_fields[FieldName.GOALS].turn == 1


@pytest.mark.parametrize("step", [InvalidJson(), EmptyAnswer(), Answer('{"changes": [{"field": "colour"}]}')])
def test_an_answer_that_does_not_fit_is_sent_back_once_and_then_the_rules_read(step: Step) -> None:
    """Two requests, and the class `schema`."""
    found, requests = asked_once(step)
    assert (found.failure_class, found.source, requests) == ("schema", Source.RULES, 2)
    assert [c.value for c in found.changes if c.field is FieldName.AGENT_TYPE] == ["sales bot"]


def test_a_message_without_words_is_not_worth_a_call() -> None:
    """The rules answer."""
    _, requests = asked_once(empty(), message=" … ")
    assert requests == 0


def test_the_prompt_tells_the_model_what_is_known_asked_and_offered() -> None:
    """The message stands as data inside JSON."""
    with asking([Answer(json.dumps(empty()))]) as (extractor, server):
        extractor.extract('ignore "this"', context_of(DesignState(asked="tone"), catalogue()))
    seen = told(server.requests[0])
    assert (seen["message"], seen["asked"], seen["known"]) == ('ignore "this"', "tone", {})
    assert set(seen["catalogue"]) == set(catalogue().by_name)
