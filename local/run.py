"""One run of Glia on this machine, from its lock to its clean stop."""

from __future__ import annotations

import fcntl
import importlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from local import leftovers
from local.config import ConfigError, LocalConfig
from local.console import Console
from local.postgres import PostgresError
from local.stopping import Stopping
from local.supervisor import StartError, Stopped, Supervisor

# A run that was stopped a moment ago may still be on its way out.
LOCK_WAIT = 1.0


@contextmanager
def only_run(home: Path) -> Iterator[None]:
    """Holds GLIA_HOME for this run; the lock ends with the process, however it ends.

    Raises:
        ConfigError: another run has it.
    """
    home.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + LOCK_WAIT
    with (home / "lock").open("w") as lock:
        while not _locked(lock.fileno()):
            if time.monotonic() > deadline:
                url = leftovers.recall(home / "run.json")[0]
                raise ConfigError(
                    f"Glia already runs on {home}{f' at {url}' if url else ''}; stop it, or set GLIA_HOME"
                )
            time.sleep(0.05)
        yield


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def load_sample(console: Console, url: str) -> None:
    """Loads the sample data and prints what there is to see; a failure is said and stops nothing."""
    try:
        sample = importlib.import_module("local.sample")
    except ModuleNotFoundError:
        return
    try:
        said = sample.load(url)
    except Exception as error:  # noqa: BLE001 - Glia is up; whatever is wrong with the sample must not take it down
        console.line("glia", f"the sample could not be loaded: {type(error).__name__}: {error}")
        return
    if said:
        console.plain(str(said))


def run(config: LocalConfig, stopping: Stopping) -> int:
    """One run from lock to clean stop; the process's exit code."""
    with only_run(config.home):
        console = Console(config.home / "logs")
        supervisor = Supervisor(config, console, stopping)
        try:
            return _run(config, supervisor, console)
        except (ConfigError, StartError, PostgresError, psycopg.Error, OSError) as error:
            console.plain(f"Glia cannot start: {error}")
            return 1
        finally:
            _stop(supervisor, console)


def _stop(supervisor: Supervisor, console: Console) -> None:
    try:
        supervisor.stop()
    except KeyboardInterrupt:
        supervisor.stop(patience=0.0)
    console.plain("Glia has stopped.")
    console.close()


def _run(config: LocalConfig, supervisor: Supervisor, console: Console) -> int:
    try:
        supervisor.start()
    except Stopped:
        return 0
    console.plain(f"Glia is up at {supervisor.url}")
    if config.sample:
        os.environ.update(supervisor.environ)  # the sample is a client, and takes its token as this run's user
        threading.Thread(target=load_sample, args=[console, supervisor.url], daemon=True).start()
    supervisor.watch()
    return 0
