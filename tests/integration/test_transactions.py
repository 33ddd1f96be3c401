"""Transactions: what an error takes back, and what it leaves."""

from __future__ import annotations

from contextlib import closing, suppress
from uuid import uuid4

import psycopg
import pytest

from chalicelib.adapters.postgres import Database
from local.roles import DatabaseUrls
from tests.support.databases import Server

WRITE = "INSERT INTO users (user_id, issuer, subject) VALUES (%s, 'tried', %s)"
THERE = "SELECT count(*) FROM users WHERE user_id = %s"
PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%%FROM users WHERE user_id%%'"


class Unwanted(Exception):
    """An error of the application's own."""


@pytest.fixture
def url(server: Server, database: DatabaseUrls) -> str:
    """Past the pooler, so that statements are prepared."""
    return server.superuser(database)


@pytest.fixture
def db(url: str) -> Database:
    return Database(url, pooled=False)


@pytest.mark.parametrize("failure", ["ours", "the database's"])
def test_what_an_error_ends_is_taken_back_and_the_connection_goes_on(db: Database, failure: str) -> None:
    user_id = uuid4()
    with closing(db):
        with suppress(Unwanted, psycopg.DataError), db.user(user_id) as tx:
            tx.run(WRITE, user_id, str(user_id))
            if failure == "ours":
                raise Unwanted
            tx.row("SELECT 1 / 0")
        with db.user(user_id) as tx:
            assert tx.one(THERE, user_id).count == 0


def test_an_error_of_ours_leaves_statements_prepared(db: Database) -> None:
    """Most errors say no to a request; preparing everything anew after each would slow down what comes next."""
    user_id = uuid4()
    with closing(db):
        for _ in range(10):
            with suppress(Unwanted), db.user(user_id) as tx:
                tx.one(THERE, user_id)
                raise Unwanted
        with db.user(user_id) as tx:
            assert tx.one(PREPARED).count == 1


def test_a_connection_that_is_lost_while_it_is_taken_back_is_made_anew(url: str, db: Database) -> None:
    user_id = uuid4()
    with closing(db):
        with suppress(Unwanted), db.user(user_id) as tx:
            pid = tx.one("SELECT pg_backend_pid() AS pid").pid
            with closing(Database(url, pooled=False)) as other, other.nobody() as theirs:
                theirs.one("SELECT pg_terminate_backend(%s)", pid)
            raise Unwanted
        with db.user(user_id) as tx:
            assert tx.one("SELECT pg_backend_pid() AS pid").pid != pid
