"""What it costs that Glia explains itself: whole deliveries of jobs with their runs of traces, and without.

    PYTHONPATH=. python bench/explanations.py [--times 100]

Each job in turn is delivered without being explained, with its run written in one statement, and with the same run
taken in as one that a client sends. By the rules, without a model, so that nothing else takes long; commits included.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID

from bench.support import Targets, clean_environment, parse, place
from chalicelib.adapters.postgres import Transaction
from chalicelib.explaining.models import Explanation
from chalicelib.jobs.models import JobKind, Outcome
from chalicelib.traces.recording.envelopes import envelopes
from chalicelib.wiring import Services
from tests.support.queue import RecordingQueue

MORE = 1  # statements
WORDS = "I decided to go with Postgres for the new service. Do we need a cache in front of it?"
KINDS = (JobKind.TURN, JobKind.EXTRACT, JobKind.STORY)
Explain = Callable[[Transaction, UUID, Explanation], Any]


class Switched:
    """An explainer that does one of several things."""

    def __init__(self) -> None:
        self.how: Explain

    def explain(self, tx: Transaction, user_id: UUID, told: Explanation) -> None:
        self.how(tx, user_id, told)


def ways(services: Services) -> dict[str, Explain]:
    def nothing(tx: Transaction, user_id: UUID, told: Explanation) -> None:
        """The run is not written."""

    def sent(tx: Transaction, user_id: UUID, told: Explanation) -> None:
        services.traces.take(tx, user_id, envelopes(told)[0])

    return {"without": nothing, "explained": services.recorder.explain, "as one that is sent": sent}


def take_in(services: Services, token: str) -> None:
    """One message of a new user."""
    user_id = services.identity.authenticate(f"Bearer {token}").user_id
    with services.db.user(user_id) as tx:
        services.turns.start(tx, user_id, WORDS, topic_id=None, client_message_id=None, request_id="bench")


def main() -> None:
    times = {"type": int, "default": 100, "help": "jobs of each kind and way (default: 100)"}
    args = parse(__doc__, ("--times", times))
    clean_environment()
    seen = list[str]()
    counts: dict[tuple[JobKind, str], int] = {}
    taken: dict[tuple[JobKind, str], list[float]] = {}
    with place() as where:
        queue, switched = RecordingQueue(), Switched()
        services = where.build(queue, observe=seen.append)
        for handler in services.worker._handlers.values():
            handler._explainer = switched  # type: ignore[attr-defined]
        everything = ways(services)
        for number in range(args.times * len(everything)):
            way = list(everything)[number % len(everything)]
            switched.how = everything[way]
            take_in(services, where.token(f"user-{number}"))
            for kind in KINDS:
                message = next(one for one in queue.take() if one.kind is kind)
                seen.clear()
                began = perf_counter()
                assert services.worker.deliver(message) is Outcome.DONE
                taken.setdefault((kind, way), []).append(1000 * (perf_counter() - began))
                counts[kind, way] = max(counts.get((kind, way), 0), len(seen))
        services.close()
    report(counts, taken, args.times)


def report(counts: dict[tuple[JobKind, str], int], taken: dict[tuple[JobKind, str], list[float]], times: int) -> None:
    print(f"{times} jobs of each kind and way       statements   ms (median)")
    for (kind, way), count in counts.items():
        print(f"  {kind:8} {way:22} {count:12} {median(taken[kind, way]):13.2f}")
    targets = Targets()
    for kind in KINDS:
        more = counts[kind, "explained"] - counts[kind, "without"]
        targets.check(f"{MORE} statement more for an explained {kind} job", more == MORE)
    targets.exit()


if __name__ == "__main__":
    main()
