"""What it costs that queues deliver more than once: the SQL of a delivery that finds its job done.

    PYTHONPATH=. python bench/duplicate_delivery.py [--times 100]

Beside it the first delivery of the same job, with the rules and no model. Statements besides BEGIN, setting the user,
and COMMIT; times are of whole deliveries, commits included.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter

from bench.support import Targets, clean_environment, parse, place
from chalicelib.jobs.models import JobKind, JobMessage, Outcome
from chalicelib.wiring import Services
from tests.support.queue import RecordingQueue

MAX_STATEMENTS = 3
WORDS = "I decided to go with Postgres for the new service. Do we need a cache in front of it?"


def take_in(services: Services, token: str) -> None:
    """One message of a new user."""
    user_id = services.identity.authenticate(f"Bearer {token}").user_id
    with services.db.user(user_id) as tx:
        services.turns.start(tx, user_id, WORDS, topic_id=None, client_message_id=None, request_id="bench")


def delivered(services: Services, message: JobMessage, expected: Outcome) -> float:
    """Milliseconds."""
    began = perf_counter()
    outcome = services.worker.deliver(message)
    assert outcome is expected, outcome
    return 1000 * (perf_counter() - began)


def main() -> None:
    times = {"type": int, "default": 100, "help": "jobs of each kind (default: 100)"}
    args = parse(__doc__, ("--times", times))
    clean_environment()
    seen = list[str]()
    counts: dict[tuple[JobKind, str], int] = {}
    taken: dict[tuple[JobKind, str], list[float]] = {}
    with place() as where:
        queue = RecordingQueue()
        services = where.build(queue, observe=seen.append)
        for number in range(args.times):
            take_in(services, where.token(f"user-{number}"))
            for kind in (JobKind.TURN, JobKind.EXTRACT):
                [message] = [one for one in queue.take() if one.kind is kind]  # stories follow
                for name, outcome in (("first", Outcome.DONE), ("duplicate", Outcome.NOTHING_TO_DO)):
                    seen.clear()
                    taken.setdefault((kind, name), []).append(delivered(services, message, outcome))
                    counts[kind, name] = max(counts.get((kind, name), 0), len(seen))
        services.close()
    report(counts, taken, args.times)


def report(counts: dict[tuple[JobKind, str], int], taken: dict[tuple[JobKind, str], list[float]], times: int) -> None:
    print(f"{times} jobs of each kind   statements (most)   ms (median)")
    for (kind, name), count in counts.items():
        print(f"  {kind:8} {name:10} {count:18} {median(taken[kind, name]):17.2f}")
    targets = Targets()
    for kind in (JobKind.TURN, JobKind.EXTRACT):
        what = f"at most {MAX_STATEMENTS} statements for a duplicate of a finished {kind} job"
        targets.check(what, counts[kind, "duplicate"] <= MAX_STATEMENTS)
    targets.exit()


if __name__ == "__main__":
    main()
