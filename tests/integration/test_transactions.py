"""Transactions: what an error takes back, and what it leaves."""

from __future__ import annotations

from contextlib import closing, suppress
from uuid import UUID, uuid4

import psycopg
import pytest

from chalicelib.adapters.postgres import Database
from local.roles import DatabaseUrls
from tests.support.databases import Server
from tests.support.waiting import until

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


def test_in_a_pipeline_only_rows_are_waited_for(db: Database) -> None:
    """What was sent is there in order, and is fetched whenever it is asked for."""
    user_id = uuid4()
    with closing(db), db.user(user_id) as tx:
        with tx.pipeline():
            before = tx.send(THERE, user_id)
            assert tx.run(WRITE, user_id, str(user_id)) == -1
            after = tx.send(THERE, user_id)
            assert tx.one(THERE, user_id).count == 1
            assert (before()[0].count, after()[0].count) == (0, 1)
        assert tx.run("DELETE FROM users WHERE user_id = %s", user_id) == 1


def test_the_server_has_all_that_was_sent_in_a_pipeline(url: str, db: Database) -> None:
    """More than a socket takes at once, though nothing is asked for afterwards: it works on it meanwhile."""
    key = uuid4().int % 2**31
    with closing(db), db.user(uuid4()) as tx, tx.pipeline():
        tx.run("SELECT pg_advisory_xact_lock(%s) WHERE length(%s) > 0", key, "x" * 8_000_000)
        with closing(Database(url, pooled=False)) as other:
            until(lambda: _is_held(other, key), seconds=20)


def _is_held(db: Database, key: int) -> bool:
    with db.nobody() as tx:
        return bool(tx.one("SELECT count(*) FROM pg_locks WHERE objid = %s AND granted", key).count)


@pytest.mark.parametrize("asked", [True, False])
def test_an_error_in_a_pipeline_takes_everything_back_and_the_connection_goes_on(db: Database, asked: bool) -> None:
    """It is the first one that is told, when rows are asked for or else at the pipeline's end."""
    user_id = uuid4()
    with closing(db):
        with pytest.raises(psycopg.errors.UniqueViolation):
            _write_twice(db, user_id, asked)
        with db.user(user_id) as tx:
            assert tx.one(THERE, user_id).count == 0


def _write_twice(db: Database, user_id: UUID, asked: bool) -> None:
    with db.user(user_id) as tx, tx.pipeline():
        tx.run(WRITE, user_id, str(user_id))
        tx.run(WRITE, user_id, str(user_id))
        tx.run("SELECT 1 / 0")
        if asked:
            tx.one(THERE, user_id)
