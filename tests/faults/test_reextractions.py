"""Invariants 3, 4 and 14 for batches: whatever dies, progress adds up, nothing is done twice, and nothing is stuck."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.crashpoints import NAMES
from tests.conftest import settings_for
from tests.faults.world import Stage, World
from tests.support.batches import items, make_old, make_topics, progress, shown
from tests.support.crashing import Crash
from tests.support.databases import Server

SCHEDULES = max(1, int(os.environ.get("SCHEDULES", "2000")) // 500)
FIRST = int(os.environ.get("FIRST_SCHEDULE", "0")) // 500
TOPICS, CONCURRENCY, STEPS = 30, 4, 90
DIED: Counter[str] = Counter()


@pytest.fixture(scope="module")
def stage(server: Server, home: Path) -> Iterator[Stage]:
    """A database of its own: the sweep looks at all users."""
    database = server.new_database()
    more = {"GLIA_MAX_ATTEMPTS": "1000", "GLIA_REEXTRACT_CONCURRENCY": str(CONCURRENCY)}
    with closing(Stage(settings_for(database, home, server, **more), server.superuser(database), home)) as made:
        yield made


class Batches(World):
    """A world with thirty topics that older rules have extracted."""

    def settle_in(self) -> None:
        self.calm, self.others = True, list[Callable[[], None]]()
        self.made = make_topics(self.api, TOPICS)
        make_old(self.change, self.api)
        self.before = {topic_id: shown(self.api, topic_id) for topic_id in self.made}
        self.calm = False

    def overtake(self) -> None:
        """While one worker is slow, others take over; the topics change only if others do something besides."""
        if self.others:
            super().overtake()
            return
        for action in (self.expire, self.sweep, *[self.deliver] * self.random.randint(0, 5)):
            with suppress(Crash):
                action()
            self.observe()

    def observe(self) -> None:
        """Where the topics change, now and then: they are many."""
        if self.others and self.random.random() < 0.15:
            super().observe()

    def change(self, sql: Any, *params: Any) -> None:
        self.stage.superuser.execute(sql, params)

    def write(self, path: str, body: Any = None) -> Any:
        """A client asks until it has an answer, under one key."""
        key = {"Idempotency-Key": f"{self.seed}-{path}"}
        while True:
            with suppress(Crash):
                response = self.api.request("POST", path, body, headers=key)
                if response.status_code != 503:
                    return response.json_body

    def go_on(self, batch_id: str, *others: Callable[[], None]) -> None:
        """Deliveries, losses and deaths, until all is at rest; never are too many topics at work."""
        self.others = list(others)
        usual = [self.deliver] * 10 + [self.lose, self.expire, self.expire, self.sweep, self.sweep]
        for _ in range(STEPS):
            with suppress(Crash):
                self.random.choice([*usual, *self.others])()
            self.observe()
            assert progress(self.api, batch_id).get("running", 0) <= CONCURRENCY
        self.settle()
        DIED.update(self.crashes)

    def jobs(self, **wanted: str) -> int:
        found = self.rows("SELECT kind, cause FROM jobs WHERE user_id = %s", self.user_id)
        return sum(
            wanted == {name: row[n] for n, name in enumerate(("kind", "cause")) if name in wanted} for row in found
        )


@pytest.fixture
def world(request: pytest.FixtureRequest, stage: Stage) -> Batches:
    made = Batches(stage, request.param)
    made.settle_in()
    return made


def seeds(first: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("world", range(first + FIRST, first + FIRST + SCHEDULES), indirect=True)


@seeds(20_000)
def test_invariant_14_a_batch_ends_whole_whoever_dies(world: Batches) -> None:
    """Every topic is extracted again once, by one job; its cards, their ids and versions are as they were."""
    batch_id = world.write("/reextractions", {"filter": {"older_than": "rules-2"}})["batch_id"]
    world.go_on(batch_id)
    world.check()
    assert progress(world.api, batch_id) == {"done": TOPICS}
    assert world.api.get(f"/reextractions/{batch_id}")["status"] == "done"
    assert {topic_id: shown(world.api, topic_id) for topic_id in world.made} == world.before
    assert world.jobs(kind="extract", cause="reextraction") == TOPICS
    assert len({item["job_id"] for item in items(world.api, batch_id).values()}) == TOPICS
    assert world.write("/reextractions", {"filter": {"older_than": "rules-2"}})["batch_id"] == batch_id


@seeds(21_000)
def test_invariant_14_a_preview_is_made_and_applied_once_whoever_dies(world: Batches) -> None:
    """One job a topic to look, one to apply, and one run each; no card is another afterwards."""
    batch_id = world.write("/reextractions", {"filter": {"all": True}, "preview": True})["batch_id"]
    world.go_on(batch_id)
    assert progress(world.api, batch_id) == {"done": TOPICS}
    assert world.api.get(f"/reextractions/{batch_id}")["status"] == "ready"
    world.calm = False
    assert world.write(f"/reextractions/{batch_id}/apply")["status"] == "applying"
    world.go_on(batch_id)
    world.check()
    assert progress(world.api, batch_id) == {"applied": TOPICS}
    assert world.api.get(f"/reextractions/{batch_id}")["status"] == "done"
    assert {topic_id: shown(world.api, topic_id) for topic_id in world.made} == world.before
    assert world.jobs(kind="reextract") == 2 * TOPICS
    assert len({item["run_id"] for item in items(world.api, batch_id).values()}) == TOPICS


@seeds(22_000)
def test_invariant_4_batches_and_previews_while_the_topics_change(world: Batches) -> None:
    """Messages come, go and move; previews are applied to what is left: at every moment a reader sees a real state, and
    in the end exactly what extracting the messages gives."""
    asked = {"filter": {"all": True}}
    plain = world.write("/reextractions", asked)["batch_id"]
    world.calm = True
    batch_id = world.api.post("/reextractions", {**asked, "preview": True}, 202)["batch_id"]
    world.calm = False
    busy = (world.say, world.say, world.move, world.rearrange, world.delete, world.ask)
    world.go_on(batch_id, *busy)
    world.calm = False
    world.write(f"/reextractions/{batch_id}/apply")
    world.go_on(batch_id, *busy)
    world.check()
    told = progress(world.api, batch_id)
    assert sum(told.values()) == TOPICS
    assert set(told) <= {"applied", "failed"}
    assert progress(world.api, plain) == {"done": TOPICS}


def test_every_crash_point_was_died_at() -> None:
    """So that the schedules are worth something."""
    assert set(DIED) == set(NAMES)
