"""How many SQL statements things take, besides BEGIN, COMMIT and setting the user: no more than promised here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from chalicelib import wiring
from chalicelib.api import endpoints
from chalicelib.cards import store as cards
from chalicelib.cards.reextraction import store as batches
from chalicelib.cards.results import store as results
from chalicelib.cards.runs import store as runs
from chalicelib.health import HealthService
from chalicelib.jobs.models import JobKind, Outcome
from chalicelib.settings import Settings
from chalicelib.traces.recording import store as recording
from tests.support.api import Api
from tests.support.batches import make_old, make_topics, start
from tests.support.blobs import MemoryBlobs
from tests.support.queue import RecordingQueue
from tests.support.traces import new_run, run_events, send

CHAT, TURN, DUPLICATE, REPLACE, TELL, READ, TOPIC_WORK, BATCH, TRACE = 8, 13, 3, 6, 12, 3, 20, 12, 10
KEY = {"Idempotency-Key": "once"}


class Answering:
    """A queue or blob store that answers `/health`."""

    def check(self) -> None:
        pass


@pytest.fixture
def statements() -> list[str]:
    """Every statement since it was last cleared."""
    return []


@pytest.fixture
def limit() -> int:
    """Of messages a minute and tokens a day; 0: none. To check it takes statements, so there is one."""
    return 10_000


@pytest.fixture
def api(settings: Settings, queue: RecordingQueue, home: Path, statements: list[str], limit: int) -> Iterator[Api]:
    """The application, counted."""
    settings = settings.model_copy(update={"messages_per_minute": limit, "tokens_per_day": limit})
    services = wiring.build(settings, queue=queue, blobs=MemoryBlobs(), observe=statements.append)
    services.health = HealthService(settings, services.db, Answering(), Answering())
    wiring.use(services)
    yield Api(services, queue, home)
    services.close()


@pytest.mark.parametrize("limit", [0, 10_000])
def test_a_users_very_first_message_takes_at_most_eight_statements(api: Api, statements: list[str]) -> None:
    """User, conversation and topic are made on the way, and both kinds of key are kept."""
    api.post("/chat", {"message": "I decided to go with Postgres.", "client_message_id": "m1"}, 202, **KEY)
    assert 0 < len(statements) <= CHAT, statements


@pytest.mark.parametrize("limit", [0, 10_000])
def test_a_message_in_steady_state_takes_at_most_eight_statements(api: Api, statements: list[str]) -> None:
    """A known user, an active topic."""
    api.chat("I decided to go with Postgres.")
    statements.clear()
    api.chat("Do we need a cache?")
    assert 0 < len(statements) <= CHAT, statements


@pytest.mark.parametrize("message", ["Do we need a cache?", "New topic: the garden needs a fence."])
@pytest.mark.parametrize("is_explicit", [False, True])
def test_a_message_with_both_keys_takes_at_most_eight_statements(
    api: Api, statements: list[str], message: str, is_explicit: bool
) -> None:
    """An Idempotency-Key and a client_message_id, wherever the message goes; a repeat takes no more."""
    topic_id = api.chat("I decided to go with Postgres.")["topic_id"]
    body = {"message": message, "client_message_id": "m2", "topic_id": topic_id if is_explicit else None}
    counts = []
    for headers in (KEY, KEY, {"Idempotency-Key": "another"}):  # new, repeated by key, repeated by client_message_id
        statements.clear()
        api.post("/chat", body, 202, **headers)
        counts.append(len(statements))
    assert all(0 < count <= CHAT for count in counts), counts


@pytest.mark.parametrize("limit", [0, 10_000])
def test_answering_takes_at_most_thirteen_statements(api: Api, statements: list[str]) -> None:
    """Five to begin, one to stream, seven to end: one of these explains the turn, whole, however much it read."""
    for n in range(30):
        said = api.say(f"I decided to call store number {n} Alpha{n}.")
    api.chat("Do we need a cache?", topic_id=said["topic_id"])
    [message] = api.queue.take()
    statements.clear()
    assert api.services.worker.deliver(message) is Outcome.DONE
    assert sum(one in (recording.INSERT, recording.INSERT_WITH_CONTENTS) for one in statements) == 1
    assert 0 < len(statements) <= TURN, statements


def test_a_duplicate_delivery_takes_at_most_three_statements(api: Api, statements: list[str]) -> None:
    """Of a finished turn, extraction or story: they are told from work in two."""
    api.chat("I decided to go with Postgres.")
    for kind in (JobKind.TURN, JobKind.EXTRACT, JobKind.STORY):
        [message] = api.queue.take()
        assert message.kind is kind
        assert api.services.worker.deliver(message) is Outcome.DONE
        statements.clear()
        assert api.services.worker.deliver(message) is Outcome.NOTHING_TO_DO
        assert 0 < len(statements) <= DUPLICATE, statements


@pytest.mark.parametrize("count", [1, 60])
def test_replacing_a_topics_cards_takes_at_most_six_statements(api: Api, statements: list[str], count: int) -> None:
    """However many cards there are: three for cards and citations, one for their versions, two to show them."""
    topic_id = api.say("I decided to go with Postgres.")["topic_id"]
    for n in range(count):
        api.chat(f"I decided to call store number {n} Alpha{n}.", topic_id=topic_id)
    for message in api.queue.take():
        api.services.worker.deliver(message)
    extraction, *_ = api.queue.take()  # one is queued a topic; every turn has sent its message
    statements.clear()
    assert api.services.worker.deliver(extraction) is Outcome.DONE
    replacing = statements[statements.index(cards.UPSERT) : statements.index(runs.SHOW) + 1]
    assert {cards.INSERT_CITATIONS, cards.RECORD_VERSIONS, results.SHOW} < set(replacing)
    assert len(api.get(f"/topics/{topic_id}/cards?limit=200")["items"]) == count + 1
    assert len(replacing) <= REPLACE


@pytest.mark.parametrize("count", [1, 60])
def test_telling_a_story_takes_at_most_twelve_statements(api: Api, statements: list[str], count: int) -> None:
    """However many cards there are: six to begin, five to end, one to explain it."""
    topic_id = api.chat("I decided to go with Postgres.")["topic_id"]
    for n in range(count):
        api.chat(f"I decided to call store number {n} Alpha{n}.", topic_id=topic_id)
    while (messages := api.queue.take())[0].kind is not JobKind.STORY:
        for message in messages:
            api.services.worker.deliver(message)
    statements.clear()
    assert api.services.worker.deliver(messages[0]) is Outcome.DONE
    taken = len(statements)
    assert api.get(f"/topics/{topic_id}/story")["cards_count"] == count + 1
    assert 0 < taken <= TELL, statements


def test_a_message_to_a_session_takes_at_most_eight_statements(api: Api, statements: list[str]) -> None:
    """Under an Idempotency-Key, the last one completing the design."""
    session_id = api.post("/sessions/create", {}, 201)["session_id"]
    messages = ["a research assistant that searches the web", "formal", "no tools", "yes", "yes"]
    for n, message in enumerate(messages):
        statements.clear()
        turn = api.post(f"/sessions/{session_id}/message", {"message": message}, 200, **{"Idempotency-Key": f"k{n}"})
        assert 0 < len(statements) <= CHAT, statements
    assert turn["stage"] == "completed"


@pytest.fixture
def ids(api: Api) -> dict[str, Any]:
    """One of everything that a path may name."""
    said = api.say("I decided to go with Postgres for the new service.")
    [run] = api.get("/extract-runs")["items"]
    elsewhere = api.post("/topics", {"title": "Elsewhere"}, 201)["topic_id"]
    batch = api.post("/reextractions", {"filter": {"all": True}, "preview": True}, 202)
    api.work()
    merged = api.post(f"/topics/{elsewhere}/merge", {"into_topic_id": said["topic_id"]}, 201)
    trace_run_id = new_run()
    events = run_events(trace_run_id, 1)
    send(api, *events)
    tool = {"name": "mine", "title": "Mine", "description": "x", "parameters": {"type": "object"}, "effects": ["read"]}
    return {
        "session_id": api.post("/sessions/create", {}, 201)["session_id"],
        "tool_id": api.post("/tools", {"tool": tool}, 201)["items"][0]["tool_id"],
        "trace_run_id": trace_run_id,
        "step_id": events[1]["step_id"],
        "artifact_id": api.post("/artifacts", {"media_type": "text/plain", "bytes": 0, "content": ""}, 201)[
            "artifact_id"
        ],
        "turn_id": said["turn_id"],
        "topic_id": said["topic_id"],
        "operation_id": merged["operation_id"],
        "card_id": api.get(f"/topics/{said['topic_id']}/cards")["items"][0]["card_id"],
        "run_id": run["run_id"],
        "batch_id": batch["batch_id"],
        "job_id": run["job_id"],
        "conversation_id": api.get("/conversation")["conversation_id"],
        "asset": "glia.css",
    }


def test_reading_takes_at_most_three_statements(api: Api, ids: dict[str, Any], statements: list[str]) -> None:
    """Every GET route, for a user the process has seen before."""
    counts = {}
    for path in [endpoint.path for endpoint in endpoints() if endpoint.method == "GET"]:
        statements.clear()
        api.get(path.format(**ids))
        counts[path] = len(statements)
    assert len(counts) > 40
    assert {path: count for path, count in counts.items() if count > READ} == {}


@pytest.mark.parametrize("path", ["/conversation/messages?topic_id={topic_id}", "/topics/{topic_id}/cards"])
def test_a_list_takes_as_many_statements_long_as_short(
    api: Api, ids: dict[str, Any], statements: list[str], path: str
) -> None:
    """No statement is run per item."""
    counts = []
    for _ in range(2):
        statements.clear()
        api.get(path.format(**ids))
        counts.append(len(statements))
        for n in range(5):
            api.say(f"I decided on plan {uuid4()} for step {n}.", topic_id=ids["topic_id"])
    assert counts[0] == counts[1]


def test_topic_work_takes_as_many_statements_for_many_messages_as_for_few(api: Api, statements: list[str]) -> None:
    """Merging, splitting, moving and undoing: 10 messages or 300, from two topics."""
    counts = [topic_work(api, statements, size) for size in (10, 300)]
    assert counts[0] == counts[1]
    assert all(0 < count <= TOPIC_WORK for count in counts[0].values()), counts


def topic_work(api: Api, statements: list[str], size: int) -> dict[str, int]:
    """The statements of each operation, on two topics of `size` messages."""
    source = f"notes-{size}"
    for topic in ("a", "b"):
        batch = [{"key": f"{topic}{n}", "role": "user", "content": f"note {n}", "topic": topic} for n in range(size)]
        api.post("/imports", {"source": source, "messages": batch})
    first, second = (topic["topic_id"] for topic in api.get("/topics?limit=2")["items"])
    third = api.post("/topics", {}, 201)["topic_id"]
    ids = [api.messages_in(topic_id) for topic_id in (first, second)]
    api.work()
    done: dict[str, Any] = {}
    counts: dict[str, int] = {}
    steps: dict[str, Callable[[], Any]] = {
        "split": lambda: api.split(first, ids[0][1]),
        "undo split": lambda: api.undo(done["split"]),
        "merge": lambda: api.merge(first, second),
        "undo merge": lambda: api.undo(done["merge"]),
        "move": lambda: api.move(third, *ids[0][: size // 2], *ids[1][: size // 2]),
        "undo move": lambda: api.undo(done["move"]),
    }
    for name, work in steps.items():
        statements.clear()
        done[name] = work()
        counts[name] = len(statements)
    assert done["move"]["message_count"] == size // 2 * 2
    return counts


def test_starting_a_batch_takes_as_many_statements_for_many_topics_as_for_few(
    api: Api, statements: list[str], superuser: Callable[..., None]
) -> None:
    """Planning, starting the first topics and cancelling, whatever is asked for: 3 topics or 60; and a dry run."""
    counts = []
    for size in (3, 60):
        user = api.another()
        topics = make_topics(user, size)
        superuser("UPDATE shown_windows SET failure_class = 'timeout' WHERE user_id = %s", user.user_id)
        superuser("UPDATE card_extract_runs SET status = 'failed' WHERE user_id = %s", user.user_id)
        values = {"topics": topics, "older_than": "rules-99", "all": True, "fallback_only": True, "failed_only": True}
        taken = {}
        for asked, is_preview in product(values, (False, True)):
            taken[asked, is_preview] = batch(user, statements, {asked: values[asked]}, size, is_preview)
        counts.append(taken)
    assert counts[0] == counts[1]
    assert all(0 < count <= BATCH for taken in counts[0].values() for count in taken), counts


def batch(user: Api, statements: list[str], asked: dict[str, Any], size: int, is_preview: bool) -> list[int]:
    """The statements of a dry run, of starting and of cancelling."""
    taken = []
    statements.clear()
    start(user, asked, 200, dry_run=True)
    taken.append(len(statements))
    statements.clear()
    started = start(user, asked, preview=is_preview)
    assert started["topics"] == size
    taken.append(len(statements))
    statements.clear()
    user.post(f"/reextractions/{started['batch_id']}/cancel")
    taken.append(len(statements))
    user.queue.take()
    return taken


def test_applying_a_preview_takes_as_many_statements_for_many_topics_as_for_few(
    api: Api, statements: list[str]
) -> None:
    """3 topics or 60."""
    counts = []
    for size in (3, 60):
        user = api.another()
        make_topics(user, size)
        started = start(user, {"all": True}, preview=True)
        user.work()
        statements.clear()
        user.post(f"/reextractions/{started['batch_id']}/apply")
        counts.append(len(statements))
        user.queue.take()
    assert counts[0] == counts[1]
    assert 0 < counts[0] <= BATCH, counts


def test_going_on_with_a_batch_takes_as_many_statements_in_a_long_one(
    api: Api, statements: list[str], superuser: Callable[..., None]
) -> None:
    """Ending an item and starting the next one, however many there are."""
    counts = []
    for size in (12, 40):
        user = api.another()
        make_topics(user, size)
        make_old(superuser, user)
        start(user, {"all": True})
        [first, *_] = user.queue.take()
        statements.clear()
        user.services.worker.deliver(first)
        counts.append(len(statements))
        mine = statements[statements.index(batches.EXTRACTED) :]
        assert mine[:3] == [batches.EXTRACTED, batches.HOLD, batches.NEXT]
        assert len(mine) <= 7, mine
    assert counts[0] == counts[1]


def test_taking_events_in_takes_as_many_statements_for_many_as_for_few(api: Api, statements: list[str]) -> None:
    """New ones, some of them again, all of them again: 2 runs of 10 events, or 40 of 44, with contents."""
    counts = []
    for size, steps in ((2, 3), (40, 20)):
        user = api.another()
        user.get("/runs")
        long = {"input.value": "x" * 2000}
        events = [one for _ in range(size) for one in run_events(new_run(), steps)]
        events = [one | {"attributes": long} if one["event_type"] == "step.started" else one for one in events]
        taken = []
        for batch in (events[: len(events) // 2], events, events):
            statements.clear()
            send(user, *batch)
            taken.append(len(statements))
        counts.append(taken)
        assert {run["status"] for run in user.get("/runs?limit=200")["items"]} == {"completed"}
    assert counts[0] == counts[1], counts
    assert all(0 < count <= TRACE for count in counts[0]), counts
