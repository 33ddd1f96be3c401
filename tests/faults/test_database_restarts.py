"""Invariant 14 while the database is killed and comes back, in the middle of requests, claims and transactions."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ships no types
import pytest

from local import postgres
from tests.conftest import settings_for
from tests.faults.world import Stage, World
from tests.support.databases import Server

SCHEDULES = int(os.environ.get("RESTART_SCHEDULES", "8"))
STEPS = 30
SURVIVES = {"fsync": "off"}  # the machine stays up; but what is committed is written: synchronous_commit is on


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """The data directory of a server of its own, which may be killed."""
    with tempfile.TemporaryDirectory(prefix="glia-pg-") as folder:
        yield Path(folder) / "data"
        postgres.stop(Path(folder) / "data")


@pytest.fixture(scope="module")
def mortal(data: Path) -> Server:
    server = Server(postgres.start(data, SURVIVES, die_with_parent=True))
    server.prepare()
    return server


def kill_and_start(data: Path) -> None:
    """kill -9 of the postmaster; its children end with it, and the next start recovers."""
    postmaster = postgres.postmaster(data)
    assert postmaster is not None
    everybody = [postmaster, *postmaster.children()]
    postmaster.kill()
    psutil.wait_procs(everybody, timeout=20)
    postgres.start(data, SURVIVES, die_with_parent=True)


@pytest.mark.xdist_group("restarts")
@pytest.mark.skipif(
    os.environ.get("GLIA_TEST_SERVER", "embedded") != "embedded", reason="the embedded server is killed"
)
@pytest.mark.parametrize("batch", range(4))
def test_invariant_14_a_killed_database_loses_nothing_and_duplicates_nothing(
    mortal: Server, data: Path, home: Path, batch: int
) -> None:
    """Requests meanwhile are late or refused with 503; afterwards every turn ends once, every topic has its cards."""
    database = mortal.new_database()
    settings = settings_for(database, home, mortal, GLIA_MAX_ATTEMPTS="1000")
    stage = Stage(settings, mortal.superuser(database), home)
    for seed in range(batch, SCHEDULES, 4):
        world = World(stage, 50_000 + seed, kill_database=lambda: kill_and_start(data))
        for step in range(STEPS):
            world.step()
            if step == STEPS // 2:
                world.kill()
        world.settle()
        world.check()
    stage.close()
