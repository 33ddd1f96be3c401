"""How fast a batch extracts topics again, by the rules, beside the bare SQL that such a batch cannot do without.

    PYTHONPATH=. python bench/reextraction_rate.py [--topics 1000] [--messages 8]

One worker in this process, no queue in between. Every topic has one open window, which older rules have extracted: it
is read, extracted, merged with the cards that are there and shown, its run and its item are recorded, and the next
topic is started. The floor does the reads and writes of that with plain SQL, in as many transactions (two a topic),
without a rule, a card or a comparison; both on the same database, one after the other.
"""

from __future__ import annotations

from itertools import pairwise
from time import perf_counter
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from bench.support import Targets, application, clean_environment, parse, place, say
from tests.support.batches import make_old, progress, start
from tests.support.queue import RecordingQueue

if TYPE_CHECKING:
    from tests.support.api import Api

MAX_FACTOR = 20.0  # times the floor
SAID = (
    "I decided to paint room {n} blue.", "Good idea.", "Do we need a permit for room {n}?", "I do not think so.",
    "I prefer matte paint in room {n}.", "Noted.", "We should buy brushes for room {n} by Friday.", "Nothing else.",
)  # fmt: skip
FLOOR_TABLES = ("jobs", "window_results", "shown_windows", "reextraction_items")
CLAIM = "UPDATE floor_jobs SET status = 'running', attempts = 1, lease_until = now() WHERE job_id = %s"
READ = "SELECT message_id, role, content FROM messages WHERE topic_id = %s ORDER BY message_id"
CARDS = "SELECT c.*, x.* FROM cards c JOIN card_citations x USING (card_id) WHERE c.topic_id = %s"
KEEP = """
    INSERT INTO floor_window_results (result_id, user_id, window_hash, extractor, message_ids, dropped)
    SELECT gen_random_uuid(), user_id, window_hash, 'floor', message_ids, 0 FROM window_results WHERE result_id =
        (SELECT result_id FROM shown_windows WHERE topic_id = %s)
"""
SHOW = """
    INSERT INTO floor_shown_windows SELECT * FROM shown_windows WHERE topic_id = %s
    ON CONFLICT (topic_id, start_id) DO UPDATE SET intended = excluded.intended
"""
DONE = "UPDATE floor_jobs SET status = 'done', ended_at = now() WHERE job_id = %s"
ENDED = "UPDATE floor_reextraction_items SET status = 'done', ended_at = now() WHERE job_id = %s"
NEXT = "INSERT INTO floor_jobs SELECT * FROM jobs WHERE job_id = %s"


def take_in(api: Api, topics: int, messages: int) -> None:
    """Imports the topics, and has them extracted."""
    entries = [
        {
            "key": f"{n}-{m}", "role": "assistant" if m % 2 else "user", "content": SAID[m % 8].format(n=n),
            "topic": f"topic {n}",
        }
        for n in range(topics)
        for m in range(messages)
    ]  # fmt: skip
    for first in range(0, len(entries), 500):
        api.post("/imports", {"source": "bench", "messages": entries[first : first + 500]})
    api.work()


def batch(api: Api, topics: int) -> tuple[float, float]:
    """Seconds that starting the batch took, and that the batch took."""
    began = perf_counter()
    told = start(api, {"older_than": "rules-2"})
    started = perf_counter()
    assert told["topics"] == topics, told
    api.work()
    ended = perf_counter()
    assert progress(api, told["batch_id"]) == {"done": topics}
    return started - began, ended - started


def floor(url: str, user_id: Any) -> float:
    """Seconds that the bare SQL took."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT job_id, topic_id FROM reextraction_items WHERE user_id = %s", [user_id])
        items = found.fetchall()
        for table in FLOOR_TABLES:
            connection.execute(_floor_table(table))
        connection.execute("INSERT INTO floor_reextraction_items SELECT * FROM reextraction_items")
        connection.execute(NEXT, [items[0][0]])
        began = perf_counter()
        for (job_id, topic_id), (next_id, _) in pairwise([*items, (None, None)]):
            _one(connection, job_id, topic_id, next_id)
        return perf_counter() - began


def _floor_table(table: str) -> LiteralString:
    """As the table is, with its indexes."""
    return f"CREATE TABLE floor_{table} (LIKE {table} INCLUDING ALL)"


def _one(connection: psycopg.Connection[Any], job_id: Any, topic_id: Any, next_id: Any) -> None:
    with connection.transaction():
        connection.execute(CLAIM, [job_id])
        connection.execute(READ, [topic_id]).fetchall()
    with connection.transaction():
        connection.execute(CARDS, [topic_id]).fetchall()
        for sql in (KEEP, SHOW):
            connection.execute(sql, [topic_id])
        for sql in (DONE, ENDED):
            connection.execute(sql, [job_id])
        if next_id:
            connection.execute(NEXT, [next_id])


def main() -> None:
    args = parse(
        __doc__,
        ("--topics", {"type": int, "default": 1000, "help": "topics of the batch (default: 1000)"}),
        ("--messages", {"type": int, "default": 8, "help": "messages of a topic (default: 8)"}),
    )
    clean_environment()
    application()
    from tests.support.api import Api

    with place() as where:
        queue = RecordingQueue()
        services = where.build(queue)
        api = Api(services, queue, where.folder)
        say("importing and extracting")
        take_in(api, args.topics, args.messages)
        with psycopg.connect(where.superuser, autocommit=True) as superuser:
            make_old(lambda sql, *params: (superuser.execute(sql, params), None)[1], api)
            superuser.execute("ANALYZE")
        say("extracting again")
        starting, taken = batch(api, args.topics)
        bare = floor(where.superuser, api.user_id)
        services.close()
    report(args.topics, args.messages, starting, taken, bare)


def report(topics: int, messages: int, starting: float, taken: float, bare: float) -> None:
    print(f"{topics} topics of {messages} messages, one worker, rules")
    print(f"starting   {1000 * starting:8.0f} ms")
    print(f"batch      {topics / taken:8.0f} topics/s   {1000 * taken / topics:6.2f} ms a topic")
    print(f"bare SQL   {topics / bare:8.0f} topics/s   {1000 * bare / topics:6.2f} ms a topic")
    targets = Targets()
    targets.check(f"at most {MAX_FACTOR:g} times the bare SQL: {taken / bare:.1f}", taken / bare <= MAX_FACTOR)
    targets.exit()


if __name__ == "__main__":
    main()
