"""Only what has changed is extracted again; fallbacks are tried again; runs say what they read and saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chalicelib.cards.models import SourceMessage
from chalicelib.cards.windows import cut
from local.roles import DatabaseUrls
from tests.conftest import settings_for
from tests.support.api import Api
from tests.support.databases import Server
from tests.support.model_glia import MODEL, ModelGlia, Start, starter
from tests.support.model_server import AnswerJson, HttpError, ModelRequest, Step
from tests.support.queue import RecordingQueue

MESSAGES = 150


@pytest.fixture
def start(database: DatabaseUrls, home: Path, server: Server, queue: RecordingQueue) -> Iterator[Start]:
    settings_with = partial(settings_for, database, home, server, GLIA_EXTRACT_MODEL=MODEL, GLIA_CHAT_MODEL="")
    with starter(settings_with, queue, home) as started:
        yield started


def every_decision(request: ModelRequest) -> dict[str, Any]:
    """A card for each message shown as evidence."""
    return {
        "cards": [
            {
                "kind": "decision", "title": f"Plan {shown.content.split()[-1]}", "body": shown.content,
                "confidence": 0.9, "evidence": [{"message_id": shown.message_id, "quote": shown.content}],
            }
            for shown in request.shown
            if shown.use == "evidence"
        ]
    }  # fmt: skip


ANSWER: Step = AnswerJson(every_decision)


def history(api: Api, count: int = MESSAGES) -> str:
    """A topic with a long past."""
    messages = [
        {"key": str(n), "role": "user", "content": f"We go with plan number{n}", "topic": "t"} for n in range(count)
    ]
    api.post("/imports", {"source": "s", "messages": messages})
    api.work()
    topic_id: str = api.get("/topics")["items"][0]["topic_id"]
    return topic_id


def windows(api: Api, topic_id: str) -> list[tuple[int, ...]]:
    """The ids in each of a topic's windows, as its messages are cut now."""
    found: list[Any] = []
    page: Any = {"next_cursor": ""}
    while page["next_cursor"] is not None:
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
        page = api.get(f"/conversation/messages?topic_id={topic_id}&limit=200{cursor}")
        found += page["items"]
    sources = [SourceMessage(message["message_id"], message["role"], message["content"]) for message in found]
    return [window.messages for window in cut(sources)]


def newest_run(api: Api, topic_id: str) -> Any:
    return api.get(f"/extract-runs?topic_id={topic_id}")["items"][0]


def cards(api: Api, topic_id: str) -> list[Any]:
    found, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/topics/{topic_id}/cards?limit=200{cursor and f'&cursor={cursor}'}")
        found += page["items"]
        cursor = page["next_cursor"]
    return found


def test_a_new_message_asks_the_model_about_the_last_window_only(start: Start) -> None:
    """The others' results are kept: the run counts them and what they saved; no card but the new one changes."""
    glia = start([ANSWER] * 60)
    topic_id = history(glia.api)
    first = newest_run(glia.api, topic_id)
    assert (first["windows_reused"], first["tokens_saved"]) == (0, 0)
    assert first["windows_extracted"] == first["window_count"] == len(glia.model.requests) >= 5
    before = cards(glia.api, topic_id)
    assert len(before) == MESSAGES
    asked = len(glia.model.requests)
    glia.api.say("We go with plan late", topic_id=topic_id)
    second = newest_run(glia.api, topic_id)
    assert second["windows_extracted"] == len(glia.model.requests) - asked <= 2
    assert second["windows_reused"] == second["window_count"] - second["windows_extracted"]
    assert second["tokens_saved"] > 0
    assert [card for card in cards(glia.api, topic_id) if card in before] == before


def test_a_message_deleted_in_the_middle_asks_about_changed_windows_only(start: Start) -> None:
    """Where the cut falls into step again (how soon, `test_windows` checks), nothing is paid for once more."""
    glia = start([ANSWER] * 80)
    topic_id = history(glia.api, 300)
    asked = len(glia.model.requests)
    before = windows(glia.api, topic_id)
    glia.api.delete(f"/messages/{before[2][-1]}")
    glia.api.work()
    changed = set(windows(glia.api, topic_id)) - set(before)
    assert 1 <= len(glia.model.requests) - asked == len(changed) < asked
    assert len(cards(glia.api, topic_id)) == 299


def test_going_back_to_an_older_state_asks_nobody(start: Start) -> None:
    """Move and undo: every window is known."""
    glia = start([ANSWER] * 80)
    topic_id = history(glia.api)
    before = cards(glia.api, topic_id)
    message_id = before[70]["citations"][0]["message_id"]
    other = glia.api.post("/topics", {"title": "Other"}, 201)["topic_id"]
    moved = glia.api.post(f"/topics/{other}/messages", {"message_ids": [message_id]}, 201)
    glia.api.work()
    [followed] = cards(glia.api, other)
    assert followed["card_id"] == before[70]["card_id"], "the card has followed its message"
    asked = len(glia.model.requests)
    glia.api.post(f"/topic-operations/{moved['operation_id']}/undo")
    glia.api.work()
    assert len(glia.model.requests) == asked
    assert [card["card_id"] for card in cards(glia.api, topic_id)] == [card["card_id"] for card in before]


def failing(count: int) -> list[Step]:
    return [HttpError(503, "server_error")] * count


def test_a_fallback_is_tried_again_later_with_the_model_a_few_times(start: Start) -> None:
    """By the schedule of GLIA_UPGRADE_DELAYS: each try is a job that is due later; the last failure is left alone."""
    glia = start(failing(9), GLIA_UPGRADE_DELAYS="600,3600")
    glia.api.say("We decided to use Postgres.")
    topic_id = glia.api.get("/topics")["items"][0]["topic_id"]
    run = glia.run(topic_id)
    assert (run["fallback_used"], run["failure_class"], run["provider"]) == (True, "server", "rules")
    causes = [attempt["provider"] for attempt in run["attempts"]]
    assert causes == ["openai"] * 3 + ["rules"] + ["openai"] * 3 + ["rules"], "once now, once later"
    waiting = overdue(glia)
    assert waiting == 1, "the last one is too far off for the queue: the sweep sends it when it is due"


def overdue(glia: ModelGlia) -> int:
    with glia.api.services.db.user(glia.api.user_id) as tx:
        return len(tx.rows("SELECT FROM jobs WHERE cause = 'upgrade' AND status = 'queued' AND due_at > now()"))


def test_a_fallback_that_is_tried_again_is_upgraded(start: Start) -> None:
    """The model is back: its cards replace the rules', and the run says so; how far both agree is on record."""
    glia = start([*failing(3), ANSWER], GLIA_UPGRADE_DELAYS="600")
    topic_id = glia.api.say("We decided to use Postgres")["topic_id"]
    run = glia.run(topic_id)
    assert (run["fallback_used"], run["failure_class"], run["provider"]) == (False, None, "openai")
    assert run["agreement"] == 1.0
    [card] = glia.cards(topic_id)
    assert card["title"] == "Plan Postgres"


def test_a_fallback_is_tried_again_on_demand_and_by_no_new_message(start: Start) -> None:
    """A new message in another window leaves it; extraction by hand tries the model again."""
    script: list[Step] = [*failing(3), *[ANSWER] * 20]
    glia = start(script, GLIA_LLM_MAX_TRIES="3")
    topic_id = history(glia.api, 60)
    first = newest_run(glia.api, topic_id)
    assert (first["fallback_used"], first["failure_class"]) == (True, "server")
    glia.api.say("We go with plan late", topic_id=topic_id)
    assert newest_run(glia.api, topic_id)["fallback_used"] is True
    glia.api.post(f"/topics/{topic_id}/extract", status=202)
    glia.api.work()
    last = newest_run(glia.api, topic_id)
    assert (last["fallback_used"], last["failure_class"]) == (False, None)
    assert len(cards(glia.api, topic_id)) == 61


def test_one_window_that_the_model_refuses_is_the_only_one_left_to_the_rules(start: Start) -> None:
    """A window's own fault does not spoil the others."""
    glia = start([ANSWER, HttpError(400, "context_length_exceeded"), *[ANSWER] * 20])
    topic_id = history(glia.api, 90)
    run = newest_run(glia.api, topic_id)
    assert (run["fallback_used"], run["failure_class"], run["provider"]) == (True, "context_length", "openai")
    detail = glia.api.get(f"/extract-runs/{run['run_id']}")
    assert [a["provider"] for a in detail["attempts"]].count("rules") == 1


def test_another_version_of_the_rules_extracts_anew(api: Api, superuser: Callable[..., None]) -> None:
    """What is shown by another extractor than the one meant now is extracted again; ids stay."""
    topic_id = api.say("We decided to use Postgres.")["topic_id"]
    before = cards(api, topic_id)
    superuser("UPDATE shown_windows SET intended = 'rules///rules-0' WHERE topic_id = %s", topic_id)
    superuser("UPDATE card_extract_runs SET source_hash = 'x' WHERE topic_id = %s", topic_id)
    api.post(f"/topics/{topic_id}/extract", status=202)
    api.work()
    assert len(api.get(f"/extract-runs?topic_id={topic_id}")["items"]) == 2
    assert cards(api, topic_id) == before
