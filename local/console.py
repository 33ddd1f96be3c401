"""Readable logs: one line a record, behind the name of its process; the lines as they are also go to a file each."""

from __future__ import annotations

import json
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, TextIO

WIDTH = 8
COLOURS = {"glia": "1", "api": "36", "worker": "35", "s3+sqs": "33", "postgres": "34"}
LOUD = {"WARNING": "33", "ERROR": "31", "CRITICAL": "31"}
# Fields of the JSON logs that say the same on every line here; the log files have them.
DULL = {"level", "message", "location", "timestamp", "service", "sampling_rate", "xray_trace_id", "cold_start"}
DULL |= {"function_name", "function_memory_size", "function_arn", "function_request_id"}


class Console:
    """The terminal, shared by every process's lines.

    Args:
        folder: where `<name>.log` files go; the previous run's are kept as `<name>.log.1`.
        out: the terminal or what stands in for it; colour only if it is one.
    """

    def __init__(self, folder: Path, out: TextIO | None = None) -> None:
        self._folder, self._out = folder, out or sys.stdout
        self._lock = threading.Lock()
        self._colour = self._out.isatty()
        self._files: dict[str, IO[str]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def line(self, name: str, text: str) -> None:
        """Prints a record of process `name` and keeps it as it is in its file."""
        with self._lock:
            self._file(name).write(f"{text}\n")
            self._print(f"{self._painted(name.ljust(WIDTH) + '|', COLOURS.get(name))} {self._readable(text)}")

    def plain(self, text: str) -> None:
        """Prints without a prefix: what the person at the terminal waits for."""
        with self._lock:
            self._print(text)

    def close(self) -> None:
        with self._lock:
            for file in self._files.values():
                file.close()
            self._files.clear()

    def _file(self, name: str) -> IO[str]:
        if name not in self._files:
            path = self._folder / f"{name}.log"
            if path.exists():
                path.replace(path.with_name(f"{path.name}.1"))
            self._files[name] = path.open("w", encoding="utf-8", buffering=1)
        return self._files[name]

    def _print(self, text: str) -> None:
        with suppress(OSError):  # the reader may go away (`make up | head`); the processes and their log files go on
            print(text, file=self._out, flush=True)

    def _readable(self, text: str) -> str:
        record = _record(text)
        if record is None:
            return text
        level = str(record.get("level", "INFO"))
        extra = " ".join(f"{k}={_short(v)}" for k, v in record.items() if k not in DULL and v is not None)
        return f"{self._painted(level, LOUD.get(level))} {_short(record['message'])} {extra}".rstrip()

    def _painted(self, text: str, colour: str | None) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour and colour else text


def _record(text: str) -> dict[str, Any] | None:
    """A line of JSON log; None for any other text."""
    if not text.startswith("{"):
        return None
    try:
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "message" in record else None


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
