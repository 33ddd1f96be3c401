"""Stories by a model: what it is shown, what is kept of its answer, and the digest where it fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chalicelib.llm.tokens import tokens
from local.roles import DatabaseUrls
from tests.conftest import settings_for
from tests.support.databases import Server
from tests.support.model_failures import CASES, TIMEOUT, TRIES, Case
from tests.support.model_glia import MODEL, ModelGlia, Start, starter
from tests.support.model_server import AnswerJson, HttpError, InvalidJson, ModelRequest, Step, Wire
from tests.support.queue import RecordingQueue

SAID = "I decided to go with Postgres for the new service. Do we need a cache in front of it?"
DIGEST = ["One thing was decided: “I decided to go with Postgres for the new service”."]
SHOWN = re.compile(r'<card number="(\d+)" kind="(\w+)"(?: pinned="yes")?>\n(.*?)\n</card>', re.DOTALL)


@pytest.fixture
def start(database: DatabaseUrls, home: Path, server: Server, queue: RecordingQueue) -> Iterator[Start]:
    limits = {"GLIA_LLM_TIMEOUT": TIMEOUT, "GLIA_LLM_MAX_TRIES": str(TRIES)}
    settings_with = partial(settings_for, database, home, server, GLIA_STORY_MODEL=MODEL, **limits)
    with starter(settings_with, queue, home) as started:
        yield started


def content(request: ModelRequest) -> str:
    """What the model was shown."""
    return next(message["content"] for message in request.messages if "<card " in message["content"])


def told(*paragraphs: tuple[str, list[int]], title: str = "Storage for the service") -> AnswerJson:
    parts = [{"text": text, "cards": numbers} for text, numbers in paragraphs]
    return AnswerJson(lambda _: {"title": title, "paragraphs": parts})


def story(glia: ModelGlia, topic_id: str) -> Any:
    return glia.api.get(f"/topics/{topic_id}/story")


def test_a_model_tells_a_story_that_cites_what_its_cards_cite(start: Start) -> None:
    """In the words of the model, with its tokens and the prompt's version; its title is the topic's."""
    glia = start([told(("They chose Postgres.", [1]), ("A cache is open.", [2, 1, 2]))])
    topic_id = glia.api.say(SAID)["topic_id"]
    found, cards = story(glia, topic_id), glia.cards(topic_id)
    assert [paragraph["text"] for paragraph in found["paragraphs"]] == ["They chose Postgres.", "A cache is open."]
    assert [paragraph["card_ids"] for paragraph in found["paragraphs"]] == [
        [cards[0]["card_id"]],
        [card["card_id"] for card in cards],
    ]
    assert found["paragraphs"][0]["citations"] == cards[0]["citations"]
    assert (found["provider"], found["model"], found["prompt_version"]) == ("openai", MODEL, "story-1")
    assert (found["input_tokens"], found["output_tokens"], found["fallback_used"]) == (11, 7, False)
    assert [attempt["failure_class"] for attempt in found["attempts"]] == [None]
    assert glia.api.get(f"/topics/{topic_id}")["title"] == found["title"] == "Storage for the service"


def test_a_paragraph_without_a_real_card_is_dropped(start: Start) -> None:
    """Numbers of no card do not count; with none left the digest stands in, and the story says why."""
    glia = start([told(("Kept.", [1, 99]), ("Dropped.", []), ("Dropped.", [99])), told(("Invented.", [99]))])
    topic_id = glia.api.say(SAID)["topic_id"]
    [paragraph] = story(glia, topic_id)["paragraphs"]
    assert (paragraph["text"], len(paragraph["card_ids"])) == ("Kept.", 1)
    glia.api.say("I prefer dark mode in every editor.")
    found = story(glia, topic_id)
    assert (found["provider"], found["fallback_used"], found["failure_class"]) == ("rules", True, "schema")
    assert "Invented" not in str(found)
    assert len(found["paragraphs"]) == 3


class Telling:
    """Answers stories in any dialect, resting on the first card."""

    def play(self, request: ModelRequest, wire: Wire) -> None:
        told(("They chose Postgres.", [1])).play(request, wire)


@pytest.mark.parametrize("case", [case for case in CASES if case.extract], ids=lambda case: case.name)
def test_invariant_10_a_failing_story(start: Start, case: Case) -> None:
    """Its class after the right number of requests, each on record; the digest is told."""
    glia = start([case.step])
    topic_id = glia.api.say(SAID)["topic_id"]
    found = story(glia, topic_id)
    assert (found["failure_class"], found["fallback_used"], found["provider"]) == (case.extract, True, "rules")
    assert len(glia.model.requests) == case.extract_requests
    assert [paragraph["text"] for paragraph in found["paragraphs"]][:1] == DIGEST
    assert [attempt["provider"] for attempt in found["attempts"]] == ["openai"] * case.extract_requests + ["rules"]
    assert case.waits is None or glia.waits == [case.waits] * (TRIES - 1)


def test_an_answer_that_does_not_fit_is_repaired_once(start: Start) -> None:
    """The model gets its answer back with what is wrong with it."""
    glia = start([InvalidJson(), Telling()])
    found = story(glia, glia.api.say(SAID)["topic_id"])
    assert (found["failure_class"], found["paragraphs"][0]["text"]) == (None, "They chose Postgres.")
    assert [attempt["failure_class"] for attempt in found["attempts"]] == ["schema", None]


def test_by_hand_a_model_that_failed_is_tried_again(start: Start) -> None:
    """On the same cards: a new version; once it has told of them it is not asked any more."""
    glia = start([HttpError(401), Telling()])
    topic_id = glia.api.say(SAID)["topic_id"]
    assert story(glia, topic_id)["failure_class"] == "auth"
    for _ in range(2):
        glia.api.post(f"/topics/{topic_id}/story", status=202)
        glia.api.work()
    found = story(glia, topic_id)
    assert (found["version"], found["cause"], found["failure_class"]) == (2, "manual", None)
    assert len(glia.model.requests) == 2


def test_what_was_told_before_is_not_asked_for_again(start: Start) -> None:
    """Away and back: the kept story of those cards, as a new version."""
    glia = start([told(("One.", [1])), told(("Two.", [1])), told(("Never.", [1]))])
    topic_id = glia.api.say(SAID)["topic_id"]
    later = glia.api.say("I prefer dark mode in every editor.")["message_id"]
    other = glia.api.post("/topics", {"title": "Elsewhere"}, 201)["topic_id"]
    glia.api.merge(glia.api.say("Nothing.", topic_id=other)["topic_id"], topic_id)
    glia.api.work()
    assert (story(glia, topic_id)["version"], len(glia.model.requests)) == (2, 2)
    glia.api.delete(f"/messages/{later}")
    glia.api.work()
    found = story(glia, topic_id)
    assert (found["version"], found["paragraphs"][0]["text"], len(glia.model.requests)) == (3, "One.", 2)


@pytest.mark.parametrize("limit", [600, 1_500])
def test_every_request_stays_within_the_bound(start: Start, limit: int) -> None:
    """However many cards and messages there are; the repair too."""
    glia = start([InvalidJson('{"paragraphs": [' * 2_000), Telling()], GLIA_CONTEXT_TOKENS=str(limit))
    for number in range(30):
        topic_id = glia.api.chat(f"I decided to call store number {number} Alpha{number}. " + "Filler. " * 40)[
            "topic_id"
        ]
    glia.api.work()
    assert story(glia, topic_id)["cards_count"] == 30
    for request in glia.model.requests:
        assert sum(tokens(part["content"]) for part in request.messages) <= limit
    shown = SHOWN.findall(content(glia.model.requests[-1]))
    assert [number for number, _, _ in shown] == [str(n) for n in range(1, len(shown) + 1)]
    assert "Alpha29" in shown[-1][2]


def test_a_model_is_shown_cards_and_the_newest_messages(start: Start) -> None:
    """Cards by number, each with its kind; messages without their ids."""
    glia = start([Telling()])
    glia.api.say(SAID)
    shown = content(glia.model.requests[0])
    assert [(number, kind) for number, kind, _ in SHOWN.findall(shown)] == [("1", "decision"), ("2", "question")]
    assert f'<message role="user">\n{SAID}\n</message>' in shown


def test_deleting_a_message_that_was_only_shown_removes_the_story_too(
    start: Start, superuser_rows: Callable[[str], list[str]]
) -> None:
    """The model may have repeated it, whatever it says that it rests on; the renewed story is told without it."""
    echo: Step = AnswerJson(
        lambda request: {
            "title": "Zanzibar" if "zanzibar" in content(request) else "Plain",
            "paragraphs": [{"text": "zanzibar" * ("zanzibar" in content(request)) + "!", "cards": [1]}],
        }
    )
    glia = start([echo])
    shown = glia.api.say("So much for zanzibar.")
    topic_id = glia.api.say("I decided to go with Postgres.")["topic_id"]
    assert story(glia, topic_id)["title"] == "Zanzibar"
    for message in glia.api.get("/conversation/messages")["items"]:
        if "zanzibar" in message["content"]:
            glia.api.delete(f"/messages/{message['message_id']}")
    assert shown["topic_id"] == topic_id
    assert superuser_rows("zanzibar") == []
    glia.api.work()
    assert (story(glia, topic_id)["title"], story(glia, topic_id)["is_current"]) == ("Plain", True)
    assert superuser_rows("zanzibar") == []


def test_a_message_deleted_while_the_model_tells_leaves_nothing(
    start: Start, superuser_rows: Callable[[str], list[str]]
) -> None:
    """No card has changed, and yet what was told may hold its words: it is not written, and told again without."""
    glia = start([])
    deleted: list[int] = []

    class Deleting:
        """Answers after somebody has deleted what it was shown."""

        def play(self, request: ModelRequest, wire: Wire) -> None:
            if not deleted:
                deleted.append(doomed)
                for message in glia.api.get("/conversation/messages")["items"]:
                    if "zanzibar" in message["content"]:
                        glia.api.delete(f"/messages/{message['message_id']}")
                told(("About zanzibar.", [1]), title="Zanzibar").play(request, wire)
            else:
                told(("Plain.", [1])).play(request, wire)

    glia = start([Deleting()])
    doomed = glia.api.say("So much for zanzibar.")["message_id"]
    topic_id = glia.api.say("I decided to go with Postgres.")["topic_id"]
    assert superuser_rows("zanzibar") == []
    found = story(glia, topic_id)
    assert (found["paragraphs"][0]["text"], found["is_current"]) == ("Plain.", True)
    assert len(glia.model.requests) == 2


def test_what_cannot_be_kept_is_left_out_of_stories(start: Start) -> None:
    """A NUL is dropped, which no database keeps; titles are cut to sixty characters."""
    glia = start([told(("Post\x00gres.", [1]), title="A\x00 " + "very long title " * 8)])
    found = story(glia, glia.api.say(SAID)["topic_id"])
    assert found["paragraphs"][0]["text"] == "Postgres."
    assert found["title"].startswith("A very long title very")
    assert len(found["title"]) <= 60
