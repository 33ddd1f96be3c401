"""Invariants 3, 4, 10 and 14 under random schedules of duplicates, reorderings, crashes, stalls and lost queues."""

from __future__ import annotations

import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from chalicelib.adapters.crashpoints import NAMES
from chalicelib.errors import GliaError
from chalicelib.settings import Settings
from local.roles import DatabaseUrls
from tests.conftest import settings_for
from tests.faults.world import Crash, World
from tests.support.databases import Server

SCHEDULES = int(os.environ.get("SCHEDULES", "2000"))
BATCHES = max(1, SCHEDULES // 50)
STEPS = 14
THREADED = 30
REACHED: Counter[str] = Counter()


@pytest.fixture(scope="module")
def faulty(server: Server, home: Path) -> tuple[Settings, str]:
    """A database of its own: the sweep looks at all users."""
    database: DatabaseUrls = server.new_database()
    return settings_for(database, home, server, GLIA_MAX_ATTEMPTS="1000"), server.superuser(database)


def run(settings: Settings, superuser_url: str, home: Path, seed: int) -> Counter[str]:
    world = World(settings, superuser_url, home, seed)
    try:
        for _ in range(STEPS):
            world.step()
        world.settle()
        world.check()
        return Counter(world.crashes)
    finally:
        world.close()


@pytest.mark.parametrize("batch", range(BATCHES))
def test_invariant_14_a_killed_process_loses_nothing_and_duplicates_nothing(
    faulty: tuple[Settings, str], home: Path, batch: int
) -> None:
    """However workers die, stall and repeat: every turn ends once, every source has one run, every topic its cards."""
    per_batch = SCHEDULES // BATCHES
    crashes: Counter[str] = Counter()
    for seed in range(batch * per_batch, (batch + 1) * per_batch):
        try:
            crashes += run(*faulty, home, seed)
        except BaseException:
            print(f"schedule of seed {seed}")  # to run it again
            raise
    assert set(crashes) == set(NAMES), "every named crash point was died at"


@pytest.mark.parametrize("seed", range(THREADED))
def test_invariant_3_and_4_with_workers_that_really_run_at_once(
    faulty: tuple[Settings, str], home: Path, seed: int
) -> None:
    """Four threads deliver the same messages in different orders, some of them dying."""
    world = World(*faulty, home, 10_000 + seed, slow_rate=0)
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
    world.close()
