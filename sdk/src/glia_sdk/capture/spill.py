"""Events on disk: redacted and encoded, in files that only their user can read, for when they cannot be sent.

    FOLDER/<process>/lock              held as long as the process lives
    FOLDER/<process>/<number>.spill    a segment: one frame an event, appended

A frame is a line of JSON (run, sequence number, lengths, a checksum), then the event and its payloads as they are. A
frame that was cut off by a crash ends its segment. The next process of the same user adopts what a dead one left.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from glia_sdk.capture.ids import new_id
from glia_sdk.capture.records import Blob, Item

SEGMENT = 8 * 1024 * 1024  # bytes; a single larger event makes a larger one
SUFFIX = ".spill"
LOCK = "lock"


class SpillFull(Exception):
    """There is as much on disk as there may be."""


class Spill:
    """
    Args:
        folder: shared by all processes of one user and server; made when it is first needed.
        limit: bytes of all segments in it.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._own = folder / new_id()
        self._lock = threading.Lock()
        self._held: int | None = None  # file descriptors: nothing is buffered, so a fork copies nothing half-written
        self._file: int | None = None
        self._path = self._own
        self._size = 0
        self._frames = 0
        self._used = 0
        self._acknowledged: dict[str, set[int]] = {}
        self.is_pending = True  # there may be something to send: to begin with, of processes before

    def append(self, item: Item) -> None:
        """Puts an event on disk, where `item.spilled_at` says then.

        Raises:
            SpillFull: it is not there.
            OSError: nor is it then.
        """
        frame = _frame(item)
        with self._lock:
            _write(self._segment(len(frame)), frame)
            self._size += len(frame)
            self._used += len(frame)
            item.spilled_at = (str(self._path), self._frames)
            self._frames += 1
            self.is_pending = True

    def acknowledge(self, item: Item) -> None:
        """An event on disk need not be sent any more."""
        if item.spilled_at is None:
            return
        with self._lock:
            path, number = item.spilled_at
            self._acknowledged.setdefault(path, set()).add(number)

    def waiting(self) -> list[Path]:
        """Segments to send, oldest first: closed ones of this process, and those of processes that are gone."""
        with self._lock:
            self._close_file()
            self._adopt()
            found = sorted(self._own.glob(f"*{SUFFIX}"), key=lambda path: path.name)
            self.is_pending = bool(found)
            return found

    def read(self, path: Path) -> Iterator[Item]:
        """The events of a segment that are not acknowledged."""
        done = self._acknowledged.get(str(path), set())
        with path.open("rb") as file:
            for number, item in enumerate(_items(file)):
                if number not in done:
                    item.spilled_at = (str(path), number)
                    yield item

    def remove(self, path: Path) -> None:
        with self._lock:
            with contextlib.suppress(OSError):
                self._used = max(0, self._used - path.stat().st_size)
                path.unlink()
            self._acknowledged.pop(str(path), None)

    def close(self) -> None:
        """Lets go of the folder; an empty one is removed."""
        with self._lock:
            self._close_file()
            held, self._held = self._held, None
            if held is None:
                return
            if not any(self._own.glob(f"*{SUFFIX}")):
                shutil.rmtree(self._own, ignore_errors=True)
            os.close(held)

    def forget(self) -> None:
        """After a fork: what is open here is the parent's. Closing the copies leaves the parent's lock as it is."""
        for file in (self._file, self._held):
            if file is not None:
                with contextlib.suppress(OSError):
                    os.close(file)
        self._file = self._held = None

    def _segment(self, size: int) -> int:
        if self._file is not None and self._size + size > SEGMENT:
            self._close_file()
        if self._file is None:
            self._take_folder()
            self._used = _bytes_below(self._folder)
        if self._used + size > self._limit:
            raise SpillFull
        return self._open_file() if self._file is None else self._file

    def _take_folder(self) -> None:
        if self._held is None:
            self._own.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._held = _lock(self._own / LOCK)

    def _open_file(self) -> int:
        self._size = self._frames = 0
        self._path = self._own / f"{new_id()}{SUFFIX}"
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        return self._file

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _adopt(self) -> None:
        """Moves what dead processes left into the folder of this one."""
        for other in self._folder.glob("*/"):
            if other == self._own or not any(other.glob(f"*{SUFFIX}")):
                continue
            held = _lock(other / LOCK)
            if held is None:
                continue  # it lives
            self._take_folder()
            for path in other.glob(f"*{SUFFIX}"):
                with contextlib.suppress(OSError):
                    path.rename(self._own / path.name)
            shutil.rmtree(other, ignore_errors=True)
            os.close(held)


def _lock(path: Path) -> int | None:
    """The open file of a lock that is held until it is closed, or None if another process holds it."""
    try:
        import fcntl

        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except (ImportError, OSError):
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    return file


def _write(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.glob(f"*/*{SUFFIX}"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


def _frame(item: Item) -> bytes:
    parts = [item.body, *(blob.data for blob in item.blobs)]
    check = 0
    for part in parts:
        check = zlib.crc32(part, check)
    head: dict[str, Any] = {"run": item.run_id, "sequence": item.sequence_no, "body": len(item.body), "check": check}
    head["blobs"] = [[blob.role, blob.media_type, len(blob.data), blob.reference] for blob in item.blobs]
    return b"".join([json.dumps(head).encode(), b"\n", *parts])


def _items(file: IO[bytes]) -> Iterator[Item]:
    while line := file.readline():
        try:
            head = json.loads(line)
            lengths = [head["body"], *(blob[2] for blob in head["blobs"])]
        except (ValueError, LookupError, TypeError):
            return
        parts = [file.read(length) for length in lengths]
        if not _is_whole(parts, lengths, head["check"]):
            return
        blobs = [
            Blob(role, media_type, data, reference)
            for (role, media_type, _, reference), data in zip(head["blobs"], parts[1:], strict=True)
        ]
        yield Item(head["run"], head["sequence"], parts[0], blobs)


def _is_whole(parts: Sequence[bytes], lengths: Sequence[int], check: int) -> bool:
    found = 0
    for part in parts:
        found = zlib.crc32(part, found)
    return [len(part) for part in parts] == list(lengths) and found == check
