"""What the benchmarks share: Glia on an embedded database of its own, quiet logs, and targets that are met or missed.

The database is the one of `make up`, with Postgres' default, durable settings: a commit waits for the disk.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from local import postgres
from local.roles import DatabaseUrls, bootstrap, login_url

if TYPE_CHECKING:
    from chalice.app import Chalice

    from chalicelib.wiring import Services

INHERITED = ("AWS_", "OPENAI_", "GLIA_", "DATABASE_", "POWERTOOLS_", "PYTHONDONTWRITEBYTECODE")
DATABASE = "bench"
Observe = Callable[[str], None]

_FILLER = "the report says that nothing was found in the third quarter and asks for more data by Friday"
WORDS = _FILLER.split()


def parse(doc: str | None, *arguments: tuple[str, dict[str, Any]]) -> argparse.Namespace:
    """The command line of a benchmark, whose module docstring is its help."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, options in arguments:
        parser.add_argument(name, **options)
    return parser.parse_args()


def clean_environment() -> None:
    """Forgets what the caller's shell says of clouds, models and databases, and silences metrics."""
    for name in [name for name in os.environ if name.startswith(INHERITED)]:
        del os.environ[name]
    os.environ["POWERTOOLS_METRICS_DISABLED"] = "true"


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder of its own; not below one that is closed to other users: as root the server is another user."""
    with tempfile.TemporaryDirectory(prefix="glia-bench-") as folder:
        yield Path(folder)


@dataclass
class Targets:
    """Prints each target with its verdict; `exit` ends the process with 1 if one was missed."""

    missed: list[str] = field(default_factory=list)

    def check(self, target: str, is_met: bool) -> None:
        print(f"target {target}: {'ok' if is_met else 'MISSED'}")
        if not is_met:
            self.missed.append(target)

    def exit(self) -> None:
        if self.missed:
            sys.exit("A target was missed. Times depend on the machine: on a busy one run it again when it is idle.")


@dataclass(frozen=True)
class Place:
    """A migrated database and the keys of a development issuer."""

    folder: Path
    superuser: str
    urls: DatabaseUrls

    @property
    def environment(self) -> dict[str, str]:
        """The settings of an application here. They are the defaults but for the delays, which only wait."""
        from chalicelib.identity import dev_issuer

        return {
            "DATABASE_URL": self.urls.app,
            "DATABASE_SYSTEM_URL": self.urls.system,
            "GLIA_OIDC_ISSUER": dev_issuer.ISSUER,
            "GLIA_OIDC_JWKS_URL": str(dev_issuer.ensure_keys(self.folder)),
            "GLIA_EXTRACT_DELAY": "0",
            "GLIA_EVENTS_HOLD": "0",
        }

    def token(self, subject: str) -> str:
        from chalicelib.identity import dev_issuer
        from chalicelib.settings import Settings

        return dev_issuer.issue(Settings.from_env(self.environment), self.folder, subject)

    def build(self, queue: Any, observe: Observe | None = None) -> Services:
        """The application's collaborators; its handlers work with them from now on."""
        from chalicelib import wiring
        from chalicelib.settings import Settings

        services = wiring.build(Settings.from_env(self.environment), queue=queue, observe=observe)
        wiring.use(services)
        return services


@contextmanager
def place() -> Iterator[Place]:
    """A new embedded database, gone at the end."""
    from chalicelib.migrate import migrate

    with scratch() as folder:
        data = folder / "postgres"
        superuser = postgres.start(data, die_with_parent=True)
        try:
            urls = bootstrap(superuser, DATABASE)
            migrate(urls.owner)
            yield Place(folder, login_url(superuser, DATABASE, postgres.SUPERUSER), urls)
        finally:
            postgres.stop(data)


def application() -> Chalice:
    """The application, its log lines written as ever, but to nowhere."""
    nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - the log handlers keep it
    with redirect_stdout(nowhere):
        app: Chalice = importlib.import_module("app").app
    return app


def percentile(values: Sequence[float], percent: int) -> float:
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def say(line: str) -> None:
    """Progress, apart from the results."""
    print(line, file=sys.stderr, flush=True)
