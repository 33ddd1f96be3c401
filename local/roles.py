"""The database and its three roles, created by a superuser on any PostgreSQL from 15 on; see docs/architecture.md."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

OWNER, APP, SYSTEM = "glia_owner", "glia_app", "glia_system"
ROLES = (OWNER, APP, SYSTEM)
# Roles belong to the whole server: two bootstraps at once (test workers) would trip over each other's catalogue rows.
LOCK = 0x676C6961


@dataclass(frozen=True)
class DatabaseUrls:
    """Connection URLs of one database, a login each."""

    app: str
    system: str
    owner: str


def bootstrap(superuser_url: str, dbname: str, password: str | None = None) -> DatabaseUrls:
    """Creates the roles and the database `dbname` if they are missing, and sets their grants. Idempotent.

    Args:
        superuser_url: a URL of an existing database (such as `postgres`) with a superuser's login.
        dbname: the database to create, owned by `glia_owner`.
        password: given to all three roles and put in the URLs; None where the server trusts its socket.

    Returns:
        URLs at the superuser's host and port.

    Raises:
        psycopg.Error: the server is not reachable or refuses.
    """
    with psycopg.connect(superuser_url, autocommit=True) as connection, _alone(connection):
        for role in ROLES:
            _create_role(connection, role, password)
        _let_owner_become_system(connection)
        _create_database(connection, dbname)
        with psycopg.connect(make_conninfo(superuser_url, dbname=dbname), autocommit=True) as inside:
            _grant_schema(inside)
    return DatabaseUrls(*(login_url(superuser_url, dbname, role, password) for role in (APP, SYSTEM, OWNER)))


def login_url(superuser_url: str, dbname: str, user: str, password: str | None = None) -> str:
    """`superuser_url` with another database and login; other parameters (socket directory, sslmode) are kept."""
    parts = {name: str(value) for name, value in conninfo_to_dict(superuser_url).items()}
    for replaced in ("user", "password", "dbname"):
        parts.pop(replaced, None)
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    host = parts.pop("host") if not parts.get("host", "/").startswith("/") else ""
    port = f":{parts.pop('port')}" if host and "port" in parts else ""
    query = f"?{urlencode(parts, safe='/', quote_via=quote)}" if parts else ""
    return f"postgresql://{login}@{f'[{host}]' if ':' in host else host}{port}/{quote(dbname, safe='')}{query}"


@contextmanager
def _alone(connection: psycopg.Connection) -> Iterator[None]:
    connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
    try:
        yield
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))


def _create_role(connection: psycopg.Connection, role: str, password: str | None) -> None:
    name = sql.Identifier(role)
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
        connection.execute(sql.SQL("CREATE ROLE {}").format(name))
    # NOINHERIT: what a role may become never counts as what it is; row-level policies of glia_system stay its own.
    attributes = sql.SQL("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT")
    connection.execute(sql.SQL("ALTER ROLE {} {}").format(name, attributes))
    if password is not None:
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(password)))


def _let_owner_become_system(connection: psycopg.Connection) -> None:
    """Migrations give SECURITY DEFINER functions to glia_system; that takes the right to SET ROLE to it."""
    options = " WITH INHERIT FALSE, SET TRUE" if connection.info.server_version >= 160000 else ""
    grant = sql.SQL("GRANT {} TO {}" + options)
    connection.execute(grant.format(sql.Identifier(SYSTEM), sql.Identifier(OWNER)))


def _create_database(connection: psycopg.Connection, dbname: str) -> None:
    name = sql.Identifier(dbname)
    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (dbname,)).fetchone():
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, sql.Identifier(OWNER)))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    everyone = sql.SQL(", ").join(map(sql.Identifier, ROLES))
    connection.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(name, everyone))


def _grant_schema(connection: psycopg.Connection) -> None:
    connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    connection.execute("GRANT USAGE ON SCHEMA public TO glia_app")
    # `ALTER FUNCTION ... OWNER TO glia_system` demands that the new owner could have created it here itself. The login
    # runs no DDL, and CREATE gives no access to what others own.
    connection.execute("GRANT USAGE, CREATE ON SCHEMA public TO glia_owner, glia_system")
