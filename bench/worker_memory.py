"""Peak memory of a worker that extracts a long topic.

    PYTHONPATH=. python bench/worker_memory.py [--messages 10000]

The topic's messages, of about 200 characters, are put into the database beforehand; a fresh process then loads the
application and delivers the topic's extraction, with the rules. Beside it the same for a topic of 100 messages, so that
what the application itself takes can be told from what the topic does.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import uuid4

import psycopg

from bench.support import Place, Targets, application, clean_environment, parse, place, say

BUDGET_MB = 200
ROOT = Path(__file__).resolve().parent.parent
FEW = 100
SENTENCES = (
    "I decided to go with store {n} for the reports of team {m}.",
    "We should email Ana about contract {n} by Friday.",
    "Do we need cache {n} in front of search page {m}?",
    "I prefer layout {n} for the dashboard.",
    "Our office {n} is in Lisbon and team {m} is remote.",
    "I realised that bottleneck {n} is the network.",
    "Thanks, that helps a lot with number {n}.",
    "The weather was lovely so I walked along the river for {n} minutes.",
    "Here is the log from run {n} of the importer.",
    "It reads file {n} line by line and keeps a counter.",
)
NEW_TOPIC = """
    WITH known AS (INSERT INTO users (user_id, issuer, subject) VALUES (%(user)s, 'bench', %(user)s::text)),
        begun AS (INSERT INTO conversations (conversation_id, user_id) VALUES (%(conversation)s, %(user)s)),
        opened AS (
            INSERT INTO topics (topic_id, user_id, conversation_id) VALUES (%(topic)s, %(user)s, %(conversation)s)
        )
    INSERT INTO jobs (job_id, user_id, kind, subject, cause, request_id)
    VALUES (%(job)s, %(user)s, 'extract', %(topic)s, 'manual', 'bench')
"""
COPY = "COPY messages (user_id, conversation_id, topic_id, role, content) FROM STDIN"


def contents(count: int, seed: int = 7) -> Iterator[str]:
    """Texts of 170 to 230 characters, about half of their sentences with a cue."""
    rng = random.Random(seed)
    for _ in range(count):
        text = ""
        while len(text) < 170:
            text += rng.choice(SENTENCES).format(n=rng.randrange(10_000), m=rng.randrange(50)) + " "
        yield text.strip()


def fill(superuser: str, count: int) -> dict[str, str]:
    """A user with one topic of `count` messages and the job to extract it. Returns the job's queue message."""
    user, topic, job = uuid4(), uuid4(), uuid4()
    conversation = f"conv_{user}"
    with psycopg.connect(superuser) as connection:
        connection.execute(NEW_TOPIC, {"user": user, "conversation": conversation, "topic": topic, "job": job})
        with connection.cursor().copy(COPY) as copy:
            for content in contents(count):
                copy.write_row((user, conversation, topic, "user", content))
    return {"job_id": str(job), "user_id": str(user), "kind": "extract", "request_id": "bench"}


def work(body: str) -> None:
    """The worker's process: delivers one message and says what it took."""
    application()
    from chalicelib import wiring
    from chalicelib.jobs.models import JobMessage, Outcome

    services, message = wiring.services(), JobMessage.model_validate_json(body)
    before = peak_mb()
    began = perf_counter()
    outcome = services.worker.deliver(message)
    seconds = perf_counter() - began
    assert outcome is Outcome.DONE, outcome
    peak = peak_mb()
    job = services.jobs.get(message.user_id, message.job_id)
    assert job.result is not None
    print(json.dumps({"before": before, "peak": peak, "seconds": seconds, "cards": job.result["cards"]}))


def peak_mb() -> float:
    """Megabytes (of a million bytes) this process has had in memory at most.

    Linux lets `ru_maxrss` begin with what the parent had when it started the process (getrusage(2)); `VmHWM` does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        [kilobytes] = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(kilobytes) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS counts bytes


def measure(where: Place, count: int) -> dict[str, Any]:
    message = fill(where.superuser, count)
    say(f"{count} messages are in; extracting")
    environment = {**os.environ, **where.environment, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(Path(__file__).resolve()), "--work", json.dumps(message)]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    taken: dict[str, Any] = json.loads(done.stdout)
    print(
        f"{count:8} {taken['before']:12.1f} MB {taken['peak']:9.1f} MB {taken['seconds']:8.1f} s"
        f" {count / taken['seconds']:11.0f} {taken['cards']:8}"
    )
    return taken


def main() -> None:
    args = parse(
        __doc__,
        ("--messages", {"type": int, "default": 10_000, "help": "messages of the topic (default: 10000)"}),
        ("--work", {"metavar": "MESSAGE", "help": "be the worker that handles this queue message"}),
    )
    if args.work:
        work(args.work)
        return
    clean_environment()
    targets = Targets()
    with place() as where:
        print("messages  before it begins        peak      time  messages/s    cards")
        measure(where, FEW)
        taken = measure(where, args.messages)
    targets.check(f"peak below {BUDGET_MB} MB for {args.messages} messages", taken["peak"] < BUDGET_MB)
    targets.exit()


if __name__ == "__main__":
    main()
