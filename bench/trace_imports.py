"""Converts every recording under a folder, without a server, and says what became of each file.

PYTHONPATH=.:sdk/src python bench/trace_imports.py FOLDER
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from glia_sdk.importing.traces.encoding import encode
from glia_sdk.importing.traces.events import events
from glia_sdk.importing.traces.reading import Account, files, runs
from glia_wire.redaction import Gate

ROW = "{:<58.58} {:<22} {:>5} {:>6} {:>7} {:>9} {:>9} {:>8}"


def convert(path: Path, gate: Gate) -> tuple[Account, int]:
    """The account of a file, and the bytes of its events and artifacts."""
    account, size = Account(path), 0
    for run in runs(account):
        account.runs += 1
        account.steps += len(run.steps)
        for event in events(str(account.format), run):
            account.events += 1
            item = encode(event, gate)
            size += len(item.body) + sum(len(blob.data) for blob in item.blobs)
    return account, size


def main(folder: Path) -> int:
    gate, unexplained = Gate(), 0
    print(ROW.format("file", "format", "runs", "steps", "events", "unmapped", "KB sent", "seconds"))
    accounts = []
    for path in files([folder]):
        begun = time.perf_counter()
        account, size = convert(path, gate)
        accounts.append(account)
        took = f"{time.perf_counter() - begun:.2f}"
        name = str(path.relative_to(folder))
        counts = (account.runs, account.steps, account.events, sum(account.unmapped.values()), size // 1024, took)
        print(ROW.format(name, account.format or "-", *counts))
        unexplained += not account.runs and not account.refused
    for account in accounts:
        if account.refused or account.unmapped:
            print(f"\n{account.path.relative_to(folder)}")
        for refused in account.refused:
            print(f"  not imported {refused.place}: {refused.reason}")
        for field, count in sorted(account.unmapped.items()):
            print(f"  unmapped {field}: {count}")
    print(f"\n{len(accounts)} files, {unexplained} neither converted nor explained")
    return 1 if unexplained or not accounts else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
