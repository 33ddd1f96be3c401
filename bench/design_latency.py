"""How long a message to a design session takes with the rules, handler and database, and how many SQL statements.

    PYTHONPATH=. python bench/design_latency.py [--times 40]

Whole sessions are talked through, message by message, through the handler as Lambda calls it, each with an
Idempotency-Key. Statements besides BEGIN, setting the user, and COMMIT.
"""

from __future__ import annotations

import json
from statistics import median
from time import perf_counter

from chalice.test import Client

from bench.support import Targets, application, clean_environment, parse, percentile, place
from tests.support.queue import RecordingQueue

BUDGET_MS, STATEMENTS = 25.0, 8
STORY = (
    "I want a customer support agent for a small web shop",
    "It should answer billing questions, escalate refunds and write a short summary of every conversation",
    "Friendly but precise, please",
    "Yes: Slack, email and our order database",
    "not Slack, Jira",
    "never promise a refund",
    "looks good",
    "yes",
)


def main() -> None:
    args = parse(__doc__, ("--times", {"type": int, "default": 40, "help": "sessions (default: 40)"}))
    clean_environment()
    app = application()
    seen: list[str] = []
    taken: list[float] = []
    most = 0
    with place() as where, Client(app) as client:
        where.build(RecordingQueue(), observe=seen.append)
        headers = {"Authorization": f"Bearer {where.token('bench')}", "Content-Type": "application/json"}
        for session in range(args.times):
            created = client.http.post("/sessions/create", headers=headers, body=b"{}")
            path = f"/sessions/{created.json_body['session_id']}/message"
            for turn, message in enumerate(STORY):
                seen.clear()
                began = perf_counter()
                answer = client.http.post(
                    path, headers={**headers, "Idempotency-Key": f"{session}-{turn}"},
                    body=json.dumps({"message": message}).encode(),
                )  # fmt: skip
                taken.append(1000 * (perf_counter() - began))
                most = max(most, len(seen))
                assert answer.status_code == 200, answer.body
        assert answer.json_body["stage"] == "completed", answer.json_body
    print(f"{len(taken)} messages: median {median(taken):.1f} ms, p95 {percentile(taken, 95):.1f} ms")
    print(f"statements, at most {most}")
    targets = Targets()
    targets.check(f"median below {BUDGET_MS:.0f} ms", median(taken) < BUDGET_MS)
    targets.check(f"at most {STATEMENTS} statements", most <= STATEMENTS)
    targets.exit()


if __name__ == "__main__":
    main()
