"""How fast native events are taken in, beside a bare COPY to a temporary table and INSERT ... ON CONFLICT of the same.

    PYTHONPATH=.:sdk/src python bench/trace_ingest.py [--events 20000] [--batch 1000] [--rounds 7]

One process, one connection, the database of `make up` with its durable settings. Events are of about 800 bytes, as a
model call's are. Glia's side is the request's whole work but HTTP: body parsed, every event validated, fingerprinted,
redacted and taken apart, runs locked, steps made, receipts written. The floor parses the body, copies the rows and
inserts them into a table with the same key, one transaction a batch. The two alternate.
"""

from __future__ import annotations

import json
import random
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg

from bench.support import WORDS, Targets, application, clean_environment, parse, place
from tests.support.queue import RecordingQueue

if TYPE_CHECKING:
    from chalicelib.wiring import Services

SHARE = 0.25  # of the floor's rate
FLOOR_TABLE = """
    CREATE TABLE floor_events (run_id uuid NOT NULL, sequence_no bigint NOT NULL, step_id uuid,
        event_type text NOT NULL, ts timestamptz NOT NULL, attributes jsonb NOT NULL, PRIMARY KEY (run_id, sequence_no))
"""
STAGE = "CREATE TEMP TABLE stage (LIKE floor_events) ON COMMIT DELETE ROWS"
COPY = "COPY stage (run_id, sequence_no, step_id, event_type, ts, attributes) FROM STDIN"
INSERT = "INSERT INTO floor_events SELECT * FROM stage ON CONFLICT DO NOTHING"


def bodies(events: int, batch: int, seed: int) -> list[bytes]:
    """One run of `events` events, in bodies of `batch`."""
    chosen, run_id = random.Random(seed), str(uuid4())
    made = [_event(chosen, run_id, n, events) for n in range(events)]
    return [json.dumps({"events": made[first : first + batch]}).encode() for first in range(0, events, batch)]


def _event(chosen: random.Random, run_id: str, n: int, events: int) -> dict[str, Any]:
    text = " ".join(chosen.choices(WORDS, k=55))
    if n in (0, events - 1):
        return _envelope(run_id, n, "run.completed" if n else "run.started", None, {"last_sequence_no": n})
    step_id = str(UUID(int=UUID(run_id).int ^ ((n + 1) // 2)))
    if n % 2:
        asked = {"gen_ai.request.model": "a-model", "input.value": text, "gen_ai.request.temperature": 0.2}
        return _envelope(run_id, n, "step.started", step_id, asked)
    tokens = {"gen_ai.usage.input_tokens": n, "gen_ai.usage.output_tokens": n % 90}
    return _envelope(run_id, n, "step.completed", step_id, {"output.value": text, **tokens})


def _envelope(
    run_id: str, n: int, event_type: str, step_id: str | None, attributes: dict[str, object]
) -> dict[str, Any]:
    return {
        "schema_version": 1, "run_id": run_id, "step_id": step_id, "parent_step_id": None, "sequence_no": n,
        "event_type": event_type, "kind": "model" if step_id else None, "name": "answer",
        "ts": f"2026-03-01T{n // 3600 % 24:02d}:{n // 60 % 60:02d}:{n % 60:02d}.000000Z", "sequence_source": "client",
        "attributes": attributes, "artifact_refs": [], "call_signature": None,
        "redaction": {"ruleset": "redaction-1", "counts": {}},
    }  # fmt: skip


def glia(services: Services, user_id: UUID, given: list[bytes]) -> float:
    """Seconds, receipts included."""
    from chalicelib.api.traces import presented
    from chalicelib.traces.bodies import read_events

    began = perf_counter()
    for body in given:
        events = read_events(body, is_gzip=False, is_lines=False)
        with services.db.user(user_id) as tx:
            receipts = services.traces.take(tx, user_id, events)
        presented(receipts).model_dump_json()
        assert {receipt.status for receipt in receipts} == {"accepted"}
    return perf_counter() - began


def floor(connection: psycopg.Connection[Any], given: list[bytes]) -> float:
    began = perf_counter()
    for body in given:
        with connection.transaction(), connection.cursor() as cursor:
            with cursor.copy(COPY) as copy:
                for one in json.loads(body)["events"]:
                    copy.write_row((
                        one["run_id"], one["sequence_no"], one["step_id"], one["event_type"], one["ts"],
                        json.dumps(one["attributes"]),
                    ))  # fmt: skip
            cursor.execute(INSERT)
    return perf_counter() - began


def main() -> None:
    args = parse(
        __doc__,
        ("--events", {"type": int, "default": 20_000, "help": "events of a round (default: 20000)"}),
        ("--batch", {"type": int, "default": 1000, "help": "events of a body (default: 1000)"}),
        ("--rounds", {"type": int, "default": 7, "help": "measured rounds, after one that is not (default: 7)"}),
    )
    clean_environment()
    application()
    ours, bare = list[float](), list[float]()
    with place() as where:
        services = where.build(RecordingQueue())
        user_id = services.identity.authenticate(f"Bearer {where.token('bench')}").user_id
        with psycopg.connect(where.superuser, autocommit=True) as connection:
            connection.execute(FLOOR_TABLE)
            connection.execute(STAGE)
            for n in range(args.rounds + 1):
                given = bodies(args.events, args.batch, n)
                size = sum(map(len, given))
                bare.append(floor(connection, given))
                ours.append(glia(services, user_id, given))
        services.close()
    rate, most = (args.events / median(times[1:]) for times in (ours, bare))
    print(
        f"{args.events} events of {size / args.events:.0f} bytes, {args.batch} a body, median of {args.rounds} rounds"
    )
    print(f"Glia                      {rate:8.0f} events/s")
    print(f"parse + COPY + INSERT     {most:8.0f} events/s")
    targets = Targets()
    targets.check(f"at least {SHARE:.0%} of the floor: {rate / most:.0%}", rate >= SHARE * most)
    targets.exit()


if __name__ == "__main__":
    main()
