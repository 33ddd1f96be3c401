"""What `POST /chat` costs beside the SQL it cannot do without.

    PYTHONPATH=. python bench/chat_latency.py [--pairs 300]

The request goes through API Gateway's event format, middleware, identity (a token; the keys are cached), validation
and routing, to the commit; sending to the queue is left out. Beside it the same statements by bare psycopg, in a
transaction of the same shape on a connection set up in the same way, for a user of its own. Both in turn, in one run.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID

import psycopg
from chalice.test import Client
from psycopg.types.json import Jsonb

from bench.support import Place, Targets, application, clean_environment, parse, percentile, place

MAX_STATEMENTS, MAX_RATIO = 8, 3.0
WARM_UP = 40
WORDS = "I decided to go with Postgres for the new service, and the old one stays until the end of March."
SET_USER = "SELECT set_config('glia.user_id', %s, true) AS u, set_config('statement_timeout', %s, true) AS t"


class NoQueue:
    """Takes every message and keeps none."""

    def send(self, queue: str, body: str, request_id: str, delay: int) -> None:
        pass

    def defer(self, queue: str, receipt_handle: str, seconds: int) -> None:
        pass


@dataclass
class Chat:
    """One user's `POST /chat`, through one client."""

    http: Any
    token: str

    def say(self, idempotency_key: str | None = None, **fields: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        answer = self.http.post("/chat", headers=headers, body=json.dumps({"message": WORDS, **fields}).encode())
        assert answer.status_code == 202, answer.body
        return json.loads(answer.body)


@dataclass
class Bare:
    """The statements of a message in steady state, and nothing else."""

    connection: psycopg.Connection[Any]
    user_id: UUID
    topic_id: UUID
    timeout: str
    statements: tuple[Any, Any]
    ids: Callable[[], UUID]

    def prepare(self) -> dict[str, Any]:
        return {
            "user": self.user_id, "conversation": f"conv_{self.user_id}", "topic": self.topic_id, "content": WORDS,
            "client_message_id": None, "policy": "1", "rule": "active_topic", "signals": Jsonb({}),
            "from_topic": self.topic_id, "turn": self.ids(), "trace_run": self.ids(), "request_id": str(self.ids()),
            "job": self.ids(),
        }  # fmt: skip

    def run(self, values: dict[str, Any]) -> float:
        """Returns the seconds of the commit."""
        lock, record = self.statements
        self.connection.execute(SET_USER, (str(self.user_id), self.timeout))
        self.connection.execute(lock, (self.user_id,)).fetchone()
        self.connection.execute(record, values).fetchone()
        began = perf_counter()
        self.connection.commit()
        return perf_counter() - began


def statement_counts(chat: Chat, newcomers: list[Chat], seen: list[str]) -> dict[str, int]:
    """Statements of one message each, in the cases that are promised."""
    counts = {}
    cases: list[tuple[str, Callable[[], Any]]] = [
        ("steady state", chat.say),
        ("with Idempotency-Key and client_message_id", lambda: chat.say("key", client_message_id="one")),
        ("the very first message of a user", newcomers[0].say),
        ("the very first, with both keys", lambda: newcomers[1].say("key", client_message_id="one")),
    ]
    for name, act in cases:
        seen.clear()
        act()
        counts[name] = len(seen)
    return counts


def bare_side(where: Place, services: Any, chat: Chat, token: str) -> Bare:
    """A user made by the application, so that both sides work on rows alike."""
    from chalicelib.adapters.clock import new_id
    from chalicelib.conversations import store

    other = Chat(chat.http, token)
    topic_id = UUID(other.say()["topic_id"])
    user_id = services.identity.authenticate(f"Bearer {token}").user_id
    settings = services.settings
    connection = psycopg.connect(where.urls.app, prepare_threshold=None if settings.database_pooled else 3)
    return Bare(
        connection, user_id, topic_id, str(settings.statement_timeout_ms), (store.LOCK, store.RECORD_TURN), new_id
    )


def measure(chat: Chat, bare: Bare, pairs: int) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of the handler, of bare SQL, and of the commits in the latter; which comes first alternates."""
    handler, sql, commits = list[float](), list[float](), list[float]()

    def with_handler() -> None:
        began = perf_counter()
        chat.say()
        handler.append(1000 * (perf_counter() - began))

    def with_sql() -> None:
        values = bare.prepare()
        began = perf_counter()
        commits.append(1000 * bare.run(values))
        sql.append(1000 * (perf_counter() - began))

    for number in range(WARM_UP + pairs):
        for act in (with_sql, with_handler) if number % 2 else (with_handler, with_sql):
            act()
    return handler[WARM_UP:], sql[WARM_UP:], commits[WARM_UP:]


def main() -> None:
    args = parse(__doc__, ("--pairs", {"type": int, "default": 300, "help": "measured pairs (default: 300)"}))
    clean_environment()
    targets, seen = Targets(), list[str]()
    with place() as where, Client(application()) as client:
        services = where.build(NoQueue(), observe=seen.append)
        chat, *newcomers = [Chat(client.http, where.token(f"user-{n}")) for n in range(3)]
        chat.say()
        counts = statement_counts(chat, newcomers, seen)
        bare = bare_side(where, services, chat, where.token("bare"))
        seen.clear()
        chat.say()
        assert seen == list(bare.statements), "the handler runs other statements than it is compared with"
        gc.collect()
        handler, sql, commits = measure(chat, bare, args.pairs)
        bare.connection.close()
        services.close()
    report(targets, counts, handler, sql, commits)
    targets.exit()


def report(
    targets: Targets, counts: dict[str, int], handler: list[float], sql: list[float], commits: list[float]
) -> None:
    print("SQL statements besides BEGIN, setting the user, and COMMIT:")
    for name, count in counts.items():
        print(f"  {count}  {name}")
    print(f"{len(handler)} pairs, in milliseconds   median     p95")
    for name, values in (("POST /chat", handler), ("the same SQL, bare", sql), ("of which the commit", commits)):
        print(f"  {name:26} {median(values):8.2f} {percentile(values, 95):7.2f}")
    ratio = median(handler) / median(sql)
    print(f"  ratio of the medians {ratio:14.2f}")
    targets.check(f"at most {MAX_STATEMENTS} statements", max(counts.values()) <= MAX_STATEMENTS)
    targets.check(f"ratio at most {MAX_RATIO:.0f}", ratio <= MAX_RATIO)


if __name__ == "__main__":
    main()
