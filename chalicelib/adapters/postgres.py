"""Postgres: one lazy connection a thread, and one way to open a transaction as a user.

Row-level security rests on `glia.user_id`, which is set for one transaction at a time, so a reused connection, pooled
or not, never carries one user's rights into another's request.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.rows import namedtuple_row
from psycopg.types.json import set_json_loads
from psycopg.waiting import Ready, Wait
from pydantic_core import from_json

from chalicelib.adapters import arrays
from chalicelib.errors import Unavailable

if TYPE_CHECKING:
    from psycopg.abc import PQGen
    from psycopg.pq.abc import PGconn
    from tenacity import Retrying

set_json_loads(from_json)  # several times as fast as the standard one; to 200 levels, more than anything stored has
Row = Any  # a named tuple with the statement's columns


class DatabaseUnavailable(Unavailable):
    """The database is not available right now; try again."""

    code = "database_unavailable"


class Transaction:
    """Statements inside one open transaction. Rows are named tuples."""

    def __init__(self, connection: psycopg.Connection[Row], observe: Callable[[str], None] | None) -> None:
        self._connection = connection
        self._observe = observe
        self._after_commit: list[Callable[[], None]] = []

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part whose failure takes back nothing else: after an error that is caught, the transaction goes on."""
        with self._connection.transaction():
            yield

    def after_commit(self, action: Callable[[], None]) -> None:
        """Runs `action` once the transaction is committed; never if it is not."""
        self._after_commit.append(action)

    def committed(self) -> None:
        """Called by the database, once."""
        for action in self._after_commit:
            action()

    def _execute(self, sql: LiteralString, params: tuple[Any, ...], named: dict[str, Any]) -> psycopg.Cursor[Row]:
        if self._observe:
            self._observe(sql)
        cursor = self._connection.execute(sql, named or params)
        if self._connection.pgconn.pipeline_status:
            self._connection.wait(_flushed(self._connection.pgconn))
        return cursor

    def rows(self, sql: LiteralString, *params: Any, **named: Any) -> list[Row]:
        return self._execute(sql, params, named).fetchall()

    def row(self, sql: LiteralString, *params: Any, **named: Any) -> Row | None:
        return self._execute(sql, params, named).fetchone()

    def one(self, sql: LiteralString, *params: Any, **named: Any) -> Row:
        """The single row of a statement that always answers with one."""
        row = self._execute(sql, params, named).fetchone()
        assert row is not None
        return row

    def run(self, sql: LiteralString, *params: Any, **named: Any) -> int:
        """Executes a statement without an answer. Returns the number of rows it touched; -1 in a pipeline."""
        return self._execute(sql, params, named).rowcount

    def send(self, sql: LiteralString, *params: Any, **named: Any) -> Callable[[], list[Row]]:
        """Executes a statement whose rows are fetched later, by calling what it returns."""
        return self._execute(sql, params, named).fetchall

    @contextmanager
    def pipeline(self) -> Iterator[None]:
        """A part in which only rows are waited for: the server goes on with `run` and `send` behind the caller's back.

        What such a statement raises is raised when the next rows are asked for, or on leaving.
        """
        with self._connection.pipeline():
            yield


def _flushed(pgconn: PGconn) -> PQGen[None]:
    """Psycopg keeps what the socket does not take at once until it is next called, and the server would wait for it."""
    while pgconn.flush():
        if (yield Wait.RW) & Ready.R:
            pgconn.consume_input()


class _Held:
    """A thread's connection; closed when the thread ends."""

    connection: psycopg.Connection[Row] | None = None

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def __del__(self) -> None:
        self.close()


class Database:
    """Transactions on one login. Safe to share between threads: each has a connection of its own."""

    def __init__(
        self,
        url: str,
        *,
        pooled: bool = True,
        statement_timeout_ms: int = 15_000,
        observe: Callable[[str], None] | None = None,
    ) -> None:
        """
        Args:
            url: of the login, as libpq takes it.
            pooled: a transaction pooler may stand in front: no server-side prepared statements.
            statement_timeout_ms: the longest a statement may run.
            observe: called with every statement but BEGIN, COMMIT and setting the user (tests count with it).
        """
        self._url = url
        self._prepare_threshold = None if pooled else 3
        self._timeout = str(statement_timeout_ms)
        self._observe = observe
        self._local = threading.local()

    @contextmanager
    def user(self, user_id: UUID) -> Iterator[Transaction]:
        """A transaction that sees and writes the rows of one user only."""
        with self._transaction(str(user_id)) as transaction:
            yield transaction

    @contextmanager
    def nobody(self) -> Iterator[Transaction]:
        """A transaction without a user: identity look-ups, health, and the system role's sweeps."""
        with self._transaction("") as transaction:
            yield transaction

    @contextmanager
    def _transaction(self, user_id: str) -> Iterator[Transaction]:
        connection = self._begin(user_id)
        transaction = Transaction(connection, self._observe)
        try:
            yield transaction
            connection.commit()
        except psycopg.OperationalError as error:
            self.close()
            raise DatabaseUnavailable() from error
        except BaseException:
            self._roll_back(connection)
            raise
        transaction.committed()

    def _begin(self, user_id: str) -> psycopg.Connection[Row]:
        """Opens a transaction; reconnects while nothing has been done yet, so no effect is ever repeated."""
        try:
            return self._begin_once(user_id)
        except psycopg.OperationalError:
            pass
        try:
            return _reconnecting()(self._begin_once, user_id)
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable() from error

    def _begin_once(self, user_id: str) -> psycopg.Connection[Row]:
        """In one round trip, so without parameters; `user_id` is a UUID's text or empty."""
        connection = self._connection()
        try:
            connection.execute(
                f"BEGIN; SET LOCAL glia.user_id = '{user_id}'; SET LOCAL statement_timeout = {self._timeout}".encode(),
                prepare=False,
            )
        except psycopg.OperationalError:
            self.close()
            raise
        return connection

    def _connection(self) -> psycopg.Connection[Row]:
        held = self._held()
        if held.connection is None or held.connection.closed:
            held.connection = psycopg.connect(
                self._url,
                row_factory=namedtuple_row,
                prepare_threshold=self._prepare_threshold,
                autocommit=True,  # BEGIN is our own
                connect_timeout=5,
            )
            arrays.register(held.connection)
        return held.connection

    def _held(self) -> _Held:
        if not hasattr(self._local, "held"):
            self._local.held = _Held()
        held: _Held = self._local.held
        return held

    def _roll_back(self, connection: psycopg.Connection[Row]) -> None:
        """psycopg's own way forgets every prepared statement as well; only one that has failed is a reason to."""
        try:
            if connection.info.transaction_status is not TransactionStatus.INTRANS:
                connection.rollback()
            elif connection.pgconn.exec_(b"ROLLBACK").status != ExecStatus.COMMAND_OK:
                self.close()
        except psycopg.Error:
            self.close()

    def close(self) -> None:
        """Closes the calling thread's connection."""
        self._held().close()


def _reconnecting() -> Retrying:
    """About two seconds of tries, bounded and jittered: a server that restarts is back by then."""
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

    return Retrying(
        retry=retry_if_exception_type(psycopg.OperationalError),
        stop=stop_after_attempt(6),
        wait=wait_random_exponential(multiplier=0.05, max=1),
        reraise=True,
    )


@contextmanager
def alone(url: str, lock: int) -> Iterator[None]:
    """Waits for an advisory lock and holds it; it ends with its connection, however the process ends."""
    with psycopg.connect(url, autocommit=True) as guard:
        guard.execute("SELECT pg_advisory_lock(%s)", (lock,))
        yield
