"""What a backend that is down costs a program: 1,000 calls of 100 KB, nobody to send them to.

    PYTHONPATH=.:sdk/src python bench/capture_memory.py [--calls 1000] [--size 100000]

Prints how much the program's memory grew beside one that makes the same calls unrecorded, how long it took to end, and
how many of its events are on disk. Ends with 1 if a target is missed.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path

from glia_sdk.capture.spill import Spill

from bench.capture_programs import Model, environ, start, told
from bench.support import Targets, parse, say, scratch

GROWTH, EXIT = 64_000_000, 2.0  # bytes, seconds
PROGRAM = """
    import psutil
    calls, size, is_recorded = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "recorded"
    if is_recorded:
        glia.init()
    memory, peak = psutil.Process().memory_info, 0
    for number in range(10):
        call(client, prompt(size, number))
    before = memory().rss
    for number in range(calls):
        call(client, prompt(size, number))
        peak = max(peak, memory().rss)
    print(json.dumps({"growth": memory().rss - before, "peak": peak - before, "stats": vars(glia.stats())}), flush=True)
"""


def main() -> None:
    options = parse(__doc__, ("--calls", {"type": int, "default": 1000}), ("--size", {"type": int, "default": 100_000}))
    targets = Targets()
    with scratch() as folder, Model() as model, socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and nobody listens
        where = environ(folder, model.url, f"http://127.0.0.1:{held.getsockname()[1]}", "nobody")
        grown = {}
        for how in ("bare", "recorded"):
            say(f"{options.calls} calls, {how}")
            process = start(PROGRAM, where, options.calls, options.size, how)
            said = told(process)
            begun = time.perf_counter()
            process.wait(60)
            took, grown[how] = time.perf_counter() - begun, said["peak"]
            print(
                f"{how:9} grew {said['growth'] / 1e6:7.1f} MB, at most {said['peak'] / 1e6:7.1f} MB; exit {took:.2f} s"
            )
        print(f"stats: {said['stats']}")
        kept = on_disk(folder / "spill")
        print(f"events on disk: {kept} of {4 * (options.calls + 10)}")
        targets.check("memory grows by less than 64 MB", grown["recorded"] - grown["bare"] < GROWTH)
        targets.check("the program ends within 2 s", took < EXIT)
        targets.check("every event is on disk", kept == 4 * (options.calls + 10))
    targets.exit()


def on_disk(folder: Path) -> int:
    """Events that a later process will find."""
    total = 0
    for account in folder.iterdir():
        spill = Spill(account, 2**40)
        total += sum(1 for path in spill.waiting() for _ in spill.read(path))
        spill.close()
    return total


if __name__ == "__main__":
    main()
