"""How many bytes recorded runs take in the database, beside their unique content.

    PYTHONPATH=.:sdk/src python bench/trace_storage.py FOLDER

Every recording under the folder is imported into an embedded database, one run after another. *Unique content* is the
UTF-8 of all its different texts, each counted once, however often a conversation repeats them. *Stored* is what the
rows of all trace tables take (long values are compressed by Postgres), with the bytes of artifacts; *on disk* adds
indexes, free space and page headers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from glia_sdk.importing.traces.encoding import encode
from glia_sdk.importing.traces.events import events
from glia_sdk.importing.traces.reading import Account, files, runs
from glia_wire.redaction import Gate
from psycopg.sql import SQL, Identifier

from bench.support import Targets, application, clean_environment, parse, place
from tests.support.queue import RecordingQueue

if TYPE_CHECKING:
    from chalicelib.wiring import Services

MOST = 1.5
BATCH = 200
HEADER = 28  # bytes of a row's header and its line pointer
TABLES = (
    "trace_runs", "trace_events", "trace_steps", "trace_contents", "trace_content_refs", "artifact_refs",
)  # fmt: skip


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value; keys are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


def unique(paths: Iterable[Path]) -> int:
    """Bytes of all different texts of the recordings."""
    seen: set[str] = set()
    for path in paths:
        seen.update(texts(_value(path.read_text(encoding="utf-8"))))
    return sum(len(text.encode()) for text in seen)


def _value(text: str) -> Any:
    """Of JSON, or of its lines."""
    try:
        return json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def take(services: Services, user_id: UUID, path: Path) -> tuple[int, int, int]:
    """Imports a recording. Returns (events, bytes sent, bytes of artifacts)."""
    gate, account = Gate(), Account(path)
    items = [encode(event, gate) for run in runs(account) for event in events(str(account.format), run)]
    for first in range(0, len(items), BATCH):
        batch = [json.loads(item.body) for item in items[first : first + BATCH]]
        with services.db.user(user_id) as tx:
            receipts = services.traces.take(tx, user_id, batch)
        assert all(receipt.status in ("accepted", "held") for receipt in receipts), receipts
    blobs = sum(len(blob.data) for item in items for blob in item.blobs)
    return len(items), blobs + sum(len(item.body) for item in items), blobs


def stored(connection: psycopg.Connection[Any]) -> dict[str, tuple[int, int]]:
    """Of each table: bytes of its rows with their headers, and bytes on disk."""
    return {table: _stored(connection, table) for table in TABLES}


def _stored(connection: psycopg.Connection[Any], table: str) -> tuple[int, int]:
    named = connection.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", (table,))
    # column by column: a row taken as a value would be decompressed first
    columns = [SQL("COALESCE(pg_column_size({}), 0)").format(Identifier(name)) for (name,) in named]
    sized = SQL("SELECT COALESCE(sum({} + {}), 0), pg_total_relation_size({}) FROM {}").format(
        HEADER, SQL(" + ").join(columns), table, Identifier(table)
    )
    found = connection.execute(sized).fetchone()
    assert found
    return int(found[0]), int(found[1])


def main() -> None:
    args = parse(__doc__, ("folder", {"type": Path, "help": "recordings of agents that repeat their conversations"}))
    clean_environment()
    application()
    paths = list(files([args.folder]))
    with place() as where:
        services = where.build(RecordingQueue())
        user_id = services.identity.authenticate(f"Bearer {where.token('bench')}").user_id
        with psycopg.connect(where.superuser, autocommit=True) as connection:
            empty = stored(connection)
            taken = [take(services, user_id, path) for path in paths]
            full = stored(connection)
        services.close()
    blobs = sum(one[2] for one in taken)
    used = [path for path, one in zip(paths, taken, strict=True) if one[0]]
    content, held = unique(used), blobs + sum(rows for rows, _ in full.values())
    disk = blobs + sum(full[table][1] - empty[table][1] for table in TABLES)
    print(f"{len(paths)} files, {sum(one[0] for one in taken)} events")
    for path in sorted({*paths} - {*used}):
        print(f"no recording, left out: {path}")
    print(f"sent            {sum(one[1] for one in taken):12,} bytes")
    print(f"unique content  {content:12,} bytes")
    print(f"stored          {held:12,} bytes, {blobs:,} of them in artifacts; on disk {disk:,}")
    for table, (rows, _) in full.items():
        print(f"    {table:<20} {rows:12,} bytes")
    targets = Targets()
    targets.check(f"stored at most {MOST} x the unique content: {held / content:.2f}", held <= MOST * content)
    targets.exit()


if __name__ == "__main__":
    main()
