"""The order of things behind `make up`: what starts after what, what is watched, and how it all ends."""

from __future__ import annotations

import os
import socket
import sys
import time
import urllib.error
from collections.abc import Sequence
from pathlib import Path

import psycopg

from local import emulator, leftovers, postgres
from local.config import DEFAULT_PORT, ConfigError, LocalConfig, child_environment
from local.console import Console
from local.process import Child
from local.stopping import Stopping

DATABASE = "glia"
# The API's threads, the workers' and the schedules' may each hold a connection.
POSTGRES_SETTINGS = {"max_connections": "250"}
EMULATOR_START, API_START, POSTGRES_SETTLE = 30.0, 60.0, 10.0
CRASHES_BEFORE_READY = 4
CHILD_STOP = 8.0
TICK = 0.5


class StartError(Exception):
    """A part does not come up; the message says which, and its own lines say why."""


class Stopped(Exception):
    """The user stopped it before it was ready."""


class Supervisor:
    """One run of Glia on this machine.

    Args:
        config: the user's decisions.
        console: where lines go.
        stopping: set by the signal handlers; every wait here ends when it is.
    """

    def __init__(self, config: LocalConfig, console: Console, stopping: Stopping) -> None:
        self._config, self._console, self._stopping = config, console, stopping
        self._children: list[Child] = []
        self._emulator: Child | None = None
        self._state = config.home / "run.json"
        self._resources_made = config.home / "worker.ready"
        self._data = None if config.databases else config.home / "postgres"
        self._listening: socket.socket | None = None
        self.environ: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}" if self._listening else ""

    def start(self) -> None:
        """Starts everything and returns when the API answers that it is healthy.

        Raises:
            ConfigError: a port is taken, or the emulator is not installed.
            StartError, postgres.PostgresError: a part does not come up.
            Stopped: `stopping` was set meanwhile.
        """
        ended = leftovers.end(leftovers.recall(self._state)[1])
        if ended:
            self._say(f"ended what an earlier run left behind: {', '.join(ended)}")
        self._listening = listen(self._config.port)
        endpoint = self._config.endpoint or self._start_emulator()
        databases = self._config.databases or self._start_postgres()
        self._migrate(databases.owner)
        self._recover(databases.system)
        issuer, jwks = _development_issuer(self._config.home)
        self.environ = child_environment(self._config, databases, endpoint, issuer, jwks)
        self._start_api(self._listening)
        self._start_worker()
        self._wait_emulator()
        self._wait_ready()

    def watch(self) -> None:
        """Starts again what crashes, until `stopping` is set."""
        while not self._stopping.wait(TICK):
            self._keep_up()

    def stop(self, patience: float = CHILD_STOP) -> None:
        """Stops every process, Postgres last, and waits until they are gone.

        Args:
            patience: seconds until a child that does not stop by itself is killed.
        """
        users = [child for child in self._children if child is not self._emulator]
        for group in (users, [self._emulator] if self._emulator else []):  # the emulator outlives those that use it
            for child in group:
                child.terminate()
            deadline = time.monotonic() + patience
            for child in group:
                child.wait(deadline)
        if self._data:
            postgres.stop(self._data)
        if self._listening:
            self._listening.close()
        for file in (self._state, self._resources_made):
            file.unlink(missing_ok=True)

    def _start_emulator(self) -> str:
        python = self._config.emulator_python
        if not os.access(python, os.X_OK):
            raise ConfigError(f"the S3 and SQS emulator is not installed: {python} is missing (GLIA_EMULATOR_PYTHON)")
        data = self._config.home / "emulator"
        self._port = emulator.free_port(data)
        environ = emulator.environment(data, self._port, self._config.region)
        self._emulator = self._launch("s3+sqs", emulator.command(python), environ)
        return f"http://127.0.0.1:{self._port}"

    def _wait_emulator(self) -> None:
        child, deadline = self._emulator, time.monotonic() + EMULATOR_START
        while child and not emulator.healthy(self._port, child.pid):
            if not child.running() and child.crashes:
                raise StartError("the S3 and SQS emulator does not start; its lines are above")
            if not child.running():
                # What a killed run left of the queues may be what it stumbles over; they are made again from the jobs.
                emulator.set_state_aside(self._config.home / "emulator")
            if time.monotonic() > deadline:
                raise StartError(f"the S3 and SQS emulator does not answer after {EMULATOR_START:.0f} s")
            child.keep_up()
            self._pause()

    def _start_postgres(self) -> postgres.DatabaseUrls:
        self._check()
        data = self._config.home / "postgres"
        if not data.exists():
            self._say("creating the database; this happens once")
        return self._bootstrapped(data)

    def _bootstrapped(self, data: Path) -> postgres.DatabaseUrls:
        """The database of a started server. One that a killed run left behind may go away in between."""
        deadline = time.monotonic() + POSTGRES_SETTLE
        while True:
            self._check()
            superuser = postgres.start(data, POSTGRES_SETTINGS, die_with_parent=True)
            try:
                return postgres.bootstrap(superuser, DATABASE)
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                self._pause()

    def _migrate(self, owner_url: str) -> None:
        from chalicelib.migrate import migrate

        self._check()
        try:
            names = migrate(owner_url)
        except Exception as error:
            raise StartError(f"the migrations cannot be applied: {error}") from error
        if names:
            self._say(f"applied {len(names)} migrations, up to {names[-1]}")

    def _recover(self, system_url: str) -> None:
        """Work that an earlier run left open. With the user's own database other workers may be alive: not there."""
        from chalicelib.adapters.postgres import Database
        from chalicelib.jobs.service import recover

        if self._data is None:
            return
        database = Database(system_url, pooled=False)
        if count := recover(database):
            self._say(f"{count} jobs of an earlier run are still open; going on with them")
        database.close()

    def _start_api(self, listening: socket.socket) -> None:
        fd = listening.fileno()
        api = {**self.environ, "GLIA_LISTEN_FD": str(fd)}
        self._launch("api", [sys.executable, "-m", "local.server"], api, [fd])

    def _start_worker(self) -> None:
        self._resources_made.unlink(missing_ok=True)
        environ = {**self.environ, "GLIA_READY_FILE": str(self._resources_made)}
        self._launch("worker", [sys.executable, "-m", "local.worker"], environ)

    def _launch(self, name: str, command: list[str], environ: dict[str, str], pass_fds: Sequence[int] = ()) -> Child:
        self._check()
        child = Child(name, command, environ, self._console, pass_fds)
        self._children.append(child)
        child.start()
        self._remember()
        return child

    def _wait_ready(self) -> None:
        """Waits for the worker's queues and bucket and for the API's health."""
        deadline = time.monotonic() + API_START
        while not self._resources_made.exists() or _health(self.url) != 200:
            failing = [child.name for child in self._children if child.crashes >= CRASHES_BEFORE_READY]
            if failing:
                raise StartError(f"{' and '.join(failing)} cannot start; the reason is in the lines above")
            if time.monotonic() > deadline:
                raise StartError(f"not ready after {API_START:.0f} s; the reason is in the lines above")
            self._keep_up()
            self._pause()

    def _keep_up(self) -> None:
        if self._data and not postgres.is_running(self._data):
            self._restart_postgres(self._data)
        started = [child for child in self._children if child.keep_up()]
        if started:
            self._remember()

    def _restart_postgres(self, data: Path) -> None:
        self._say("postgres ended unexpectedly; starting it again")
        try:
            postgres.start(data, POSTGRES_SETTINGS, die_with_parent=True)
        except postgres.PostgresError as error:
            self._say(f"{error}")
            self._stopping.wait(2.0)

    def _remember(self) -> None:
        leftovers.remember(self._state, self.url, (leftovers.Trace.of(c.name, c.pid) for c in self._children))

    def _pause(self) -> None:
        self._stopping.wait(0.05)
        self._check()

    def _check(self) -> None:
        if self._stopping.is_set():
            raise Stopped

    def _say(self, text: str) -> None:
        for line in text.splitlines():
            self._console.line("glia", line)


def listen(port: int | None) -> socket.socket:
    """A listening socket on loopback. The supervisor keeps it open, so the address survives a restart of the API.

    Args:
        port: the user's choice; None takes 8765 or else the next free one.

    Raises:
        ConfigError: the user's choice is taken.
    """
    for candidate in [port] if port else [DEFAULT_PORT, *range(DEFAULT_PORT + 1, DEFAULT_PORT + 50), 0]:
        try:
            return socket.create_server(("127.0.0.1", candidate), backlog=1024)
        except OSError:
            continue
    raise ConfigError(f"port {port} (GLIA_PORT) is taken or not allowed; choose another one or unset it")


def _health(url: str) -> int:
    """The status of GET /health; 0 without an answer."""
    try:
        with emulator.LOOPBACK.open(f"{url}/health", timeout=3) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def _development_issuer(home: Path) -> tuple[str, Path]:
    from chalicelib.identity import dev_issuer

    return dev_issuer.ISSUER, dev_issuer.ensure_keys(home)
