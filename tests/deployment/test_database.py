"""The logins that `infra.database` makes on Aurora, tried on the embedded server by an administrator like Aurora's."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import moto
import psycopg
import pytest

from chalicelib.migrate import migrate
from infra.database import LOGINS, make_logins, statements
from local import postgres
from local.roles import login_url
from tests.support.databases import TEST_SETTINGS

ADMIN, DATABASE = "aurora_admin", "aurora"
TABLES_OF_OTHERS = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner <> 'glia_owner'"


@pytest.fixture
def administrator() -> Iterator[str]:
    """The URL of a login on a server of its own that may make roles and databases but is no superuser."""
    # Not below pytest's own folder: as root, the server is another user, who could not pass through it.
    with tempfile.TemporaryDirectory(prefix="glia-pg-") as folder:
        superuser_url = postgres.start(Path(folder) / "data", TEST_SETTINGS, die_with_parent=True)
        with psycopg.connect(superuser_url, autocommit=True) as superuser:
            superuser.execute(f"CREATE ROLE {ADMIN} LOGIN CREATEROLE CREATEDB")
        yield login_url(superuser_url, "postgres", ADMIN)
        postgres.stop(Path(folder) / "data")


def test_an_administrator_who_is_no_superuser_makes_the_logins_and_migrations_run(administrator: str) -> None:
    """Twice, too; the owner then owns every table, and the application's login reaches them under its policies."""
    passwords = dict.fromkeys(LOGINS.values(), "not-a-secret")
    with psycopg.connect(administrator, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {DATABASE}")
    with psycopg.connect(login_url(administrator, DATABASE, ADMIN), autocommit=True) as admin:
        for sql in [*statements(passwords, DATABASE), *statements(passwords, DATABASE)]:
            admin.execute(sql)
    assert migrate(login_url(administrator, DATABASE, "glia_owner"))
    with psycopg.connect(login_url(administrator, DATABASE, "glia_app")) as app:
        assert app.execute(TABLES_OF_OTHERS).fetchone() == (0,)
        assert app.execute("SELECT count(*) FROM topics").fetchone() == (0,)


def test_the_secret_holds_a_url_for_each_login() -> None:
    """What the template reads as `app`, `system` and `owner`; run again it has new passwords."""
    outputs = {"DatabaseArn": "arn:db", "DatabaseAdminSecret": "arn:secret", "DatabaseEndpoint": "db.invalid"}
    with moto.mock_aws():
        session = Recording()
        arn = make_logins(session, "prod", outputs)
        first = session.secret(arn)
        assert make_logins(session, "prod", outputs) == arn
        second = session.secret(arn)
    assert list(first) == ["app", "system", "owner"]
    assert first["app"].startswith("postgresql://glia_app:")
    assert not set(first.values()) & set(second.values())


class Recording:
    """boto3's session, with a Data API that only takes statements."""

    def __init__(self) -> None:
        self._session: Any = boto3.Session("test", "test", region_name="eu-central-1")

    def client(self, service: str) -> Any:
        return self if service == "rds-data" else self._session.client(service)

    def execute_statement(self, **call: str) -> None:
        assert call["resourceArn"] == "arn:db"

    def secret(self, arn: str) -> dict[str, str]:
        found = self._session.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
        return dict(json.loads(found))
