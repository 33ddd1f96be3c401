"""Invariants 3, 4, 10 and 14 under random schedules of duplicates, reorderings, crashes, stalls and lost queues."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest

from chalicelib.adapters.crashpoints import NAMES
from chalicelib.errors import GliaError
from tests.conftest import settings_for
from tests.faults.world import Stage, World
from tests.support.crashing import Crash
from tests.support.databases import Server

SCHEDULES = int(os.environ.get("SCHEDULES", "2000"))
FIRST = int(os.environ.get("FIRST_SCHEDULE", "0"))
BATCHES = max(1, SCHEDULES // 50)
STEPS = 14
THREADED = range(FIRST * 3 // 200, (FIRST + SCHEDULES) * 3 // 200)
REACHED: Counter[str] = Counter()


@pytest.fixture(scope="module")
def stage(server: Server, home: Path) -> Iterator[Stage]:
    """A database of its own: the sweep looks at all users."""
    database = server.new_database()
    settings = settings_for(database, home, server, GLIA_MAX_ATTEMPTS="1000")
    with closing(Stage(settings, server.superuser(database), home)) as made:
        yield made


def run(stage: Stage, seed: int) -> Counter[str]:
    world = World(stage, seed)
    for _ in range(STEPS):
        world.step()
    world.settle()
    world.check()
    return Counter(world.crashes)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_invariant_14_a_killed_process_loses_nothing_and_duplicates_nothing(stage: Stage, batch: int) -> None:
    """However workers die, stall and repeat: every turn ends once, every source has one run, every topic its cards."""
    per_batch = SCHEDULES // BATCHES
    crashes: Counter[str] = Counter()
    for seed in range(FIRST + batch * per_batch, FIRST + (batch + 1) * per_batch):
        try:
            crashes += run(stage, seed)
        except BaseException:
            print(f"schedule of seed {seed}")  # to run it again
            raise
    assert set(crashes) == set(NAMES), "every named crash point was died at"


@pytest.mark.parametrize("seed", THREADED)
def test_invariant_3_and_4_with_workers_that_really_run_at_once(stage: Stage, seed: int) -> None:
    """Four threads deliver the same messages in different orders, some of them dying."""
    world = World(stage, 10_000 + seed, slow_rate=0)
    world.calm = True
    for _ in range(4):
        world.say()
    world.calm = False

    def work(number: int) -> None:
        shuffled = random.Random(seed * 10 + number)
        for _ in range(6):
            messages = world.queue.sent_messages()
            shuffled.shuffle(messages)
            for message in messages[:4]:
                with suppress(GliaError, Crash):
                    world.services.worker.deliver(message)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    world.settle()
    world.check()
