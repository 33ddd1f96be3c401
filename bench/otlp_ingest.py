"""How fast one trace of 10,000 spans is taken in by OTLP, beside parsing the same bodies and a bare COPY of them.

    PYTHONPATH=. python bench/otlp_ingest.py [--spans 10000] [--batch 3500] [--rounds 7]

One process, one connection, the database of `make up` with its durable settings. Spans carry about 1.5 KB of attributes
in OpenInference's names, half model calls, half tools, eight children to a parent. Glia's side is the request's whole
work but HTTP: protobuf read, names mapped, events made, redacted and stored, steps made; its clock stops when the run
tells all its steps. The floor reads the protobuf and copies one row a span.
"""

from __future__ import annotations

import json
import random
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.support import WORDS, Targets, application, clean_environment, parse, place
from tests.support.queue import RecordingQueue

if TYPE_CHECKING:
    from chalicelib.wiring import Services

SHARE, AIM, MOST_SECONDS = 0.25, 0.5, 2.0
FLOOR_TABLE = """
    CREATE TABLE floor_spans (trace_id text, span_id text, parent_id text, name text, start_ns bigint, end_ns bigint,
        attributes jsonb)
"""
COPY = "COPY floor_spans FROM STDIN"


def bodies(spans: int, batch: int, seed: int) -> tuple[UUID, list[bytes]]:
    chosen, trace_id = random.Random(seed), uuid4()
    made = []
    for first in range(0, spans, batch):
        request = ExportTraceServiceRequest()
        group = request.resource_spans.add()
        group.resource.attributes.add(key="service.name").value.string_value = "bench"
        scoped = group.scope_spans.add()
        for number in range(first, min(first + batch, spans)):
            _span(scoped, trace_id, number, spans, chosen)
        made.append(request.SerializeToString())
    return trace_id, made


def _span(scoped: Any, trace_id: UUID, number: int, spans: int, chosen: random.Random) -> None:
    at = 1_790_000_000_000_000_000
    span = scoped.spans.add(
        trace_id=trace_id.bytes, span_id=(number + 1).to_bytes(8, "big"), name=f"step {number % 7}",
        start_time_unix_nano=at + number * 10**6, end_time_unix_nano=at + (2 * spans - number) * 10**6,
    )  # fmt: skip
    if number:
        span.parent_span_id = ((number - 1) // 8 + 1).to_bytes(8, "big")
    said: dict[str, Any] = {"openinference.span.kind": "TOOL", "tool.name": "search"}
    if number % 2:
        said = {
            "openinference.span.kind": "LLM", "llm.model_name": "a-model", "llm.token_count.prompt": number % 4000,
            "llm.token_count.completion": number % 900, "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": _text(chosen, 110),
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": _text(chosen, 80),
        }  # fmt: skip
    else:
        said |= {"input.value": _text(chosen, 90), "output.value": _text(chosen, 150)}
    for key, value in said.items():
        told = span.attributes.add(key=key).value
        if isinstance(value, int):
            told.int_value = value
        else:
            told.string_value = value


def _text(chosen: random.Random, words: int) -> str:
    return " ".join(chosen.choices(WORDS, k=words))


def glia(services: Services, user_id: UUID, trace_id: UUID, given: list[bytes], spans: int) -> float:
    """Seconds until the run tells all its steps."""
    from chalicelib.traces.otlp.spans import read_protobuf

    began = perf_counter()
    for body in given:
        with services.db.user(user_id) as tx:
            taken = services.spans.take(tx, user_id, read_protobuf(body))
        assert not taken.rejected
    assert services.runs.get(user_id, trace_id).step_count == spans
    return perf_counter() - began


def floor(connection: psycopg.Connection[Any], given: list[bytes]) -> float:
    began = perf_counter()
    for body in given:
        request = ExportTraceServiceRequest.FromString(body)
        with connection.transaction(), connection.cursor() as cursor, cursor.copy(COPY) as copy:
            for span in request.resource_spans[0].scope_spans[0].spans:
                said = {
                    one.key: one.value.string_value or one.value.int_value for one in span.attributes
                }  # what all of this bench's values are
                copy.write_row((
                    span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), span.name,
                    span.start_time_unix_nano, span.end_time_unix_nano, json.dumps(said),
                ))  # fmt: skip
    return perf_counter() - began


def main() -> None:
    args = parse(
        __doc__,
        ("--spans", {"type": int, "default": 10_000, "help": "spans of the trace (default: 10000)"}),
        ("--batch", {"type": int, "default": 3500, "help": "spans of a body, which is at most 6 MB (default: 3500)"}),
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
            for n in range(args.rounds + 1):
                trace_id, given = bodies(args.spans, args.batch, n)
                bare.append(floor(connection, given))
                ours.append(glia(services, user_id, trace_id, given, args.spans))
        services.close()
    seconds = median(ours[1:])
    rate, most = args.spans / seconds, args.spans / median(bare[1:])
    print(f"{args.spans} spans in {len(given)} bodies of {len(given[0]) // 1024} KB, median of {args.rounds} rounds")
    print(f"Glia                 {rate:8.0f} spans/s, all to be seen after {seconds:.2f} s")
    print(f"parse + COPY         {most:8.0f} spans/s")
    targets = Targets()
    targets.check(f"at least {SHARE:.0%} (aim: {AIM:.0%}) of the floor: {rate / most:.0%}", rate >= SHARE * most)
    targets.check(f"all within {MOST_SECONDS:.0f} s", seconds <= MOST_SECONDS)
    targets.exit()


if __name__ == "__main__":
    main()
