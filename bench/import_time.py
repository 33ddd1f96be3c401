"""How long a cold start spends on `import app`.

    PYTHONPATH=. python bench/import_time.py [--runs 5]

Fresh processes, bytecode compiled beforehand into a scratch folder; the whole process is timed, and beside it one that
does nothing. CPU time is what it would take on an idle machine. Then what is not to be loaded with the application, and
where the time goes.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.support import Targets, clean_environment, parse, scratch

BUDGET_MS = 450
ROOT = Path(__file__).resolve().parent.parent
KEPT_OUT = ("openai", "boto3", "httpx", "httpx2")
LOADED = f"import sys, app; print(*[name for name in {KEPT_OUT!r} if name in sys.modules])"
LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|\s+(\S+)")


@dataclass(frozen=True)
class Run:
    """One interpreter, from start to end, in milliseconds."""

    wall: float
    cpu: float
    stdout: str
    stderr: str


def python(bytecode: Path, *arguments: str) -> Run:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk' / 'src'}",
        "PYTHONPYCACHEPREFIX": str(bytecode),
    }
    command = [sys.executable, *arguments]
    began, busy = perf_counter(), cpu_of_children()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    wall, cpu = perf_counter() - began, cpu_of_children() - busy
    return Run(1000 * wall, 1000 * cpu, done.stdout, done.stderr)


def cpu_of_children() -> float:
    """Seconds of those that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def slowest(trace: str, count: int) -> list[tuple[int, int, str]]:
    """(own microseconds, microseconds with what it imports first, module), by own time."""
    lines = [(int(own), int(whole), name) for own, whole, name in LINE.findall(trace)]
    return sorted(lines, reverse=True)[:count]


def describe(runs: Sequence[Run]) -> str:
    times, busy = [run.wall for run in runs], [run.cpu for run in runs]
    return f"median {median(times):4.0f} ms, from {min(times):.0f} to {max(times):.0f}; CPU {median(busy):4.0f} ms"


def main() -> None:
    args = parse(__doc__, ("--runs", {"type": int, "default": 5, "help": "measured processes (default: 5)"}))
    clean_environment()
    targets = Targets()
    with scratch() as bytecode:
        python(bytecode, "-c", "import app")
        nothing, application = list[Run](), list[Run]()
        for _ in range(args.runs):
            nothing.append(python(bytecode, "-c", "pass"))
            application.append(python(bytecode, "-c", "import app"))
        loaded = python(bytecode, "-c", LOADED).stdout.split()
        trace = python(bytecode, "-X", "importtime", "-c", "import app").stderr
    print(f"python -c 'import app'  {describe(application)}")
    print(f"python -c pass          {describe(nothing)}")
    print(
        f"{len(LINE.findall(trace))} modules; of one traced run, slower than the others, the ten slowest by own time:"
    )
    for own, whole, name in slowest(trace, 10):
        print(f"  {own / 1000:6.1f} ms  ({whole / 1000:6.1f} with what it imports)  {name}")
    targets.check(f"median below {BUDGET_MS} ms", median(run.wall for run in application) < BUDGET_MS)
    targets.check(f"none of {', '.join(KEPT_OUT)} is loaded (found: {', '.join(loaded) or 'none'})", not loaded)
    targets.exit()


if __name__ == "__main__":
    main()
