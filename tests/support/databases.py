"""Database servers for tests: the embedded one, and Debian's PostgreSQL 15 behind PgBouncer in transaction mode."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from chalicelib.migrate import migrate
from local import postgres
from local.roles import DatabaseUrls, bootstrap, login_url
from tests.support.waiting import until

TEMPLATE = "glia_template"
DEBIAN_BINARIES = Path("/usr/lib/postgresql/15/bin")
PASSWORD = "only-on-loopback"
TEST_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


@dataclass
class Server:
    """A server with a migrated template. `pooler_port` is where a transaction pooler stands in front."""

    superuser_url: str
    password: str | None = None
    pooler_port: int | None = None
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def is_pooled(self) -> bool:
        return self.pooler_port is not None

    def prepare(self) -> None:
        urls = bootstrap(self.superuser_url, TEMPLATE, self.password)
        migrate(urls.owner)

    def new_database(self) -> DatabaseUrls:
        """A copy of the template."""
        name = f"glia_{os.getpid()}_{next(self._numbers)}"
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER glia_owner")
        owner = login_url(self.superuser_url, name, "glia_owner", self.password)
        return DatabaseUrls(self._url(name, "glia_app"), self._url(name, "glia_system"), owner)

    def _url(self, name: str, role: str) -> str:
        url = login_url(self.superuser_url, name, role, self.password)
        if self.pooler_port is None:
            return url
        return f"postgresql://{role}:{self.password}@127.0.0.1:{self.pooler_port}/{name}"

    def superuser(self, urls: DatabaseUrls) -> str:
        """A superuser's URL of the database, past row-level security and pooler."""
        return login_url(self.superuser_url, urls.owner.split("?")[0].rsplit("/", 1)[1], "postgres", self.password)


@contextmanager
def start_server(kind: str, folder: Path) -> Iterator[Server]:
    with {"embedded": _embedded, "debian15": _debian15}[kind](folder) as server:
        server.prepare()
        yield server


@contextmanager
def _embedded(folder: Path) -> Iterator[Server]:
    url = postgres.start(folder / "data", TEST_SETTINGS, die_with_parent=True)
    try:
        yield Server(url)
    finally:
        postgres.stop(folder / "data")


@contextmanager
def _debian15(folder: Path) -> Iterator[Server]:
    """As root, server and pooler run as the user `postgres`, because both refuse to be root."""
    user = "postgres" if os.geteuid() == 0 else None
    data, port, pooler_port = folder / "data", _free_port(), _free_port()
    if user:
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
        for parent in folder.parents:
            if parent.owner() == "root" and parent.stat().st_mode & 0o001 == 0:
                parent.chmod(parent.stat().st_mode | 0o011)
    pooler = _write_pooler_files(folder, port, pooler_port)
    _run(
        DEBIAN_BINARIES / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "--auth=scram-sha-256",
        f"--pwfile={folder}/pw",
        user=user,
    )
    options = " ".join(f"-c {name}={value}" for name, value in TEST_SETTINGS.items())
    options += f" -c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories=''"
    _run(DEBIAN_BINARIES / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start", user=user)
    bouncer = subprocess.Popen(["pgbouncer", "-q", pooler], user=user, stderr=subprocess.DEVNULL)
    try:
        _wait_for(pooler_port)
        yield Server(f"postgresql://postgres:{PASSWORD}@127.0.0.1:{port}/postgres", PASSWORD, pooler_port)
    finally:
        bouncer.terminate()
        bouncer.wait(10)
        _run(DEBIAN_BINARIES / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop", user=user)


def _write_pooler_files(folder: Path, port: int, pooler_port: int) -> Path:
    (folder / "pw").write_text(PASSWORD)
    users = "".join(f'"{role}" "{PASSWORD}"\n' for role in ("glia_app", "glia_system"))
    (folder / "users.txt").write_text(users)
    pooler = folder / "pgbouncer.ini"
    pooler.write_text(
        f"[databases]\n* = host=127.0.0.1 port={port}\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={pooler_port}\n"
        f"unix_socket_dir=\nauth_type=plain\nauth_file={folder}/users.txt\npool_mode=transaction\n"
        "default_pool_size=10\nmax_client_conn=200\n"
    )
    for file in folder.iterdir():
        file.chmod(0o644)
    return pooler


def _run(*command: object, user: str | None) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, user=user, cwd="/")


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    def listens() -> bool:
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until(listens, 10)


def debian15_is_there() -> bool:
    return (DEBIAN_BINARIES / "initdb").exists() and shutil.which("pgbouncer") is not None


def rows_with(superuser_url: str, *words: str) -> list[str]:
    """`table: row` for every row of the database that holds one of the words, in whatever column and case."""
    wanted = [word.lower() for word in words]
    with psycopg.connect(superuser_url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return [
            f"{table}: {row}"
            for (table,) in tables
            for (row,) in connection.execute(f'SELECT t::text FROM "{table}" t')
            if any(word in low for low in [row.lower()] for word in wanted)
        ]
