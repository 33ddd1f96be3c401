"""What one new message costs an extraction, in a short topic and in long ones.

    PYTHONPATH=. python bench/new_message.py [--times 10]

Topics of 200, 2,000 and 20,000 messages of about 200 characters are put into the database and extracted with the rules;
then one message at a time is added and the topic is extracted again. CPU is this process's own, without the database's;
the statements that replace cards are those from the first write of a card to the last of the topic. Beside it the time
of the whole extraction of each topic at first.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter, process_time
from typing import Any
from uuid import UUID

import psycopg

from bench.support import Place, Targets, application, clean_environment, parse, place, say
from bench.worker_memory import fill
from chalicelib.cards import store as cards
from chalicelib.cards.runs import store as runs
from chalicelib.jobs.models import JobMessage, Outcome
from chalicelib.wiring import Services
from tests.support.queue import RecordingQueue

SIZES = (200, 2_000, 20_000)
BUDGET_MS, GROWTH, STATEMENTS = 20.0, 2.0, 6
SAID = "I decided to go with store {n} for the reports. Do we need cache {n} in front of search page {n}?"
APPEND = """
    INSERT INTO messages (user_id, conversation_id, topic_id, role, content)
    SELECT user_id, conversation_id, topic_id, 'user', %s FROM topics WHERE user_id = %s
"""


def extract(services: Services, user_id: UUID) -> tuple[float, float]:
    """Extracts the user's one topic. Returns milliseconds of CPU and of time."""
    with services.db.user(user_id) as tx:
        [topic] = tx.rows("SELECT topic_id FROM topics")
        job_id = services.cards.request_extraction(tx, user_id, topic.topic_id, "bench")
    assert job_id is not None
    message = JobMessage.model_validate({"job_id": job_id, "user_id": user_id, "kind": "extract", "request_id": "b"})
    began, cpu = perf_counter(), process_time()
    assert services.worker.deliver(message) is Outcome.DONE
    return 1000 * (process_time() - cpu), 1000 * (perf_counter() - began)


def measure(where: Place, services: Services, seen: list[str], size: int, times: int) -> dict[str, Any]:
    message = JobMessage.model_validate(fill(where.superuser, size))
    say(f"{size} messages are in; extracting")
    began = perf_counter()
    services.worker.deliver(message)
    whole = perf_counter() - began
    taken = []
    for n in range(times):
        with psycopg.connect(where.superuser, autocommit=True) as connection:
            connection.execute(APPEND, (SAID.format(n=n), message.user_id))
        seen.clear()
        taken.append(extract(services, message.user_id))
    replacing = len(seen[seen.index(cards.UPSERT) : seen.index(runs.SHOW) + 1])
    cpu, elapsed = (median(values) for values in zip(*taken, strict=True))
    print(f"{size:8} {whole:10.2f} {cpu:12.2f} {elapsed:12.2f} {len(seen):12} {replacing:11}")
    return {"cpu": cpu, "elapsed": elapsed, "statements": replacing}


def main() -> None:
    args = parse(__doc__, ("--times", {"type": int, "default": 10, "help": "new messages (default: 10)"}))
    clean_environment()
    application()
    seen: list[str] = []
    with place() as where:
        services = where.build(RecordingQueue(), observe=seen.append)
        print("messages  whole (s)  new: CPU ms   elapsed ms   statements   replacing")
        found = {size: measure(where, services, seen, size, args.times) for size in SIZES}
        services.close()
    targets = Targets()
    targets.check(f"below {BUDGET_MS:.0f} ms of CPU in a topic of 2,000", found[2_000]["cpu"] < BUDGET_MS)
    growth = found[20_000]["cpu"] / found[200]["cpu"]
    targets.check(f"a hundred times the topic, less than {GROWTH:.0f} times the CPU ({growth:.2f})", growth < GROWTH)
    most = max(one["statements"] for one in found.values())
    targets.check(f"at most {STATEMENTS} statements to replace cards", most <= STATEMENTS)
    targets.exit()


if __name__ == "__main__":
    main()
