"""Shared fixtures: a real Postgres, a queue that only records, tokens, and the application behind its own client."""

from __future__ import annotations

import logging
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import LiteralString

INHERITED = ("AWS_", "OPENAI_", "GLIA_", "DATABASE_", "LOCALSTACK_", "POWERTOOLS_")
KEPT = ("GLIA_EMULATOR_PYTHON", "GLIA_TEST_SERVER")
for name in [name for name in os.environ if name.startswith(INHERITED) and name not in KEPT]:
    del os.environ[name]
os.environ["POWERTOOLS_METRICS_DISABLED"] = "true"
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a shell; what is tested is interrupted
    signal.signal(signal.SIGINT, signal.default_int_handler)

import hypothesis  # noqa: E402 - nothing of ours may be imported before the environment is clean
import psycopg  # noqa: E402 - nothing of ours may be imported before the environment is clean
import pytest  # noqa: E402 - nothing of ours may be imported before the environment is clean

from chalicelib import wiring  # noqa: E402
from chalicelib.identity import dev_issuer  # noqa: E402
from chalicelib.settings import Settings  # noqa: E402
from local.roles import DatabaseUrls  # noqa: E402
from tests.support import cores  # noqa: E402
from tests.support.api import Api  # noqa: E402
from tests.support.blobs import MemoryBlobs  # noqa: E402
from tests.support.databases import Server, rows_with, start_server  # noqa: E402
from tests.support.logs import LogWatch  # noqa: E402
from tests.support.queue import RecordingQueue  # noqa: E402

# On a busy machine an example may take its time: tests do not time things.
hypothesis.settings.register_profile("glia", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("glia")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What has to run in one process comes first: left for the end, it would keep one of them busy alone."""
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests of a group start processes of their own, which share all cores; any other keeps to its database's."""
    (cores.use_all if item.get_closest_marker("xdist_group") else cores.use_one)()


@pytest.fixture(scope="session", autouse=True)
def logs() -> Iterator[LogWatch]:
    """Watches every log line of the suite: none may hold what a user said, a token or a key."""
    watch = LogWatch()
    for name in ("chalicelib", "glia-api", "glia-worker"):
        logging.getLogger(name).addHandler(watch)
    yield watch
    assert watch.leaks == []


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The database server of this test process: embedded, or the one GLIA_TEST_SERVER names."""
    kind = os.environ.get("GLIA_TEST_SERVER", "embedded")
    # Not below pytest's own folder: every run closes that to other users, and as root the server is another user.
    with tempfile.TemporaryDirectory(prefix="glia-pg-") as folder, start_server(kind, Path(folder)) as started:
        yield started


@pytest.fixture(scope="session")
def database(server: Server) -> DatabaseUrls:
    """One migrated database for the whole process: tests keep apart by having users of their own."""
    return server.new_database()


@pytest.fixture
def fresh_database(server: Server) -> DatabaseUrls:
    """A migrated database nobody else uses, for tests that look across users."""
    return server.new_database()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GLIA_HOME with the keys of a development issuer."""
    folder = tmp_path_factory.mktemp("home")
    dev_issuer.ensure_keys(folder)
    return folder


def settings_for(database: DatabaseUrls, home: Path, server: Server, **changes: str) -> Settings:
    environment = {
        "DATABASE_URL": database.app,
        "DATABASE_SYSTEM_URL": database.system,
        "DATABASE_OWNER_URL": database.owner,
        "GLIA_DATABASE_POOLED": str(server.is_pooled).lower(),
        "GLIA_OIDC_ISSUER": dev_issuer.ISSUER,
        "GLIA_OIDC_JWKS_URL": str(home / "identity" / "jwks.json"),
        "GLIA_EXTRACT_DELAY": "0",
        "GLIA_STORY_DELAY": "0",
        "GLIA_BACKOFF_BASE": "0",
        "GLIA_UPGRADE_DELAYS": "never",
        "GLIA_IMPORT_QUEUE_AGE": "0",  # the database is shared: other tests leave jobs queued
        "GLIA_EVENTS_HOLD": "0",
    }
    return Settings.from_env(environment | changes)


@pytest.fixture
def settings(database: DatabaseUrls, home: Path, server: Server) -> Settings:
    return settings_for(database, home, server)


@pytest.fixture
def superuser_rows(server: Server, database: DatabaseUrls) -> Callable[..., list[str]]:
    """Looks for words in every row of every table, past row-level security. Answers `table: row` lines."""
    return lambda *words: rows_with(server.superuser(database), *words)


@pytest.fixture
def superuser(server: Server, database: DatabaseUrls) -> Callable[..., None]:
    """Changes rows as nobody else can: to make time pass."""

    def execute(sql: LiteralString, *params: object) -> None:
        with psycopg.connect(server.superuser(database), autocommit=True) as connection:
            connection.execute(sql, params)

    return execute


@pytest.fixture
def queue() -> RecordingQueue:
    return RecordingQueue()


@pytest.fixture
def services(settings: Settings, queue: RecordingQueue) -> Iterator[wiring.Services]:
    built = wiring.build(settings, queue=queue, blobs=MemoryBlobs())
    yield built
    built.close()


@pytest.fixture
def api(services: wiring.Services, queue: RecordingQueue, home: Path) -> Api:
    """The application as an HTTP client sees it, as a user nobody else is."""
    wiring.use(services)
    return Api(services, queue, home)
