"""Telling what kind of export a file is, and reading it."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from glia_sdk.importing import chatgpt, jsonl
from glia_sdk.importing.errors import NotImportable
from glia_sdk.importing.records import Entry, as_name

CHUNK = 1 << 20
LONGEST_FILE_NAME = 150


class Format(StrEnum):
    AUTO = "auto"
    CHATGPT = "chatgpt"
    JSONL = "jsonl"


@dataclass(frozen=True)
class Export:
    """A file to import.

    Attributes:
        fingerprint: of what is in the file.
        source: a name for where it is from; the same for a file that has grown.
        entries: what is in it, in order; can be gone through once.
        total: how many entries there are; at most, where they are counted by lines.
    """

    format: Format
    fingerprint: str
    source: str
    entries: Iterable[Entry]
    total: int


def read(path: Path, asked: Format = Format.AUTO) -> Export:
    """
    Raises:
        NotImportable
    """
    try:
        kind = _detect(path) if asked is Format.AUTO else asked
        fingerprint, lines = _measure(path)
        if kind is Format.CHATGPT:
            entries = chatgpt.entries(path)
            return Export(kind, fingerprint, str(kind), entries, len(entries))
        return Export(kind, fingerprint, _source(path), jsonl.entries(path), lines)
    except OSError as error:
        raise NotImportable(f"the file cannot be read: {error.strerror}") from None


def _detect(path: Path) -> Format:
    if zipfile.is_zipfile(path):
        return Format.CHATGPT
    with path.open("rb") as file:
        start = file.read(CHUNK).removeprefix(jsonl.BOM).lstrip()[:1]
    if start == b"[":
        return Format.CHATGPT
    if start in (b"{", b""):
        return Format.JSONL
    raise NotImportable("this is neither ChatGPT's export nor JSON lines; say which with --format")


def _measure(path: Path) -> tuple[str, int]:
    """The hash of the file, and how many lines it has."""
    digest, lines, last = hashlib.sha256(), 0, b"\n"
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return digest.hexdigest(), lines + (last != b"\n")


def _source(path: Path) -> str:
    """The file's name, and a mark from its first line: files of one name are told apart, and one may grow or move."""
    mark = hashlib.sha256(jsonl.first_line(path)).hexdigest()[:8]
    return f"{as_name(path.name)[:LONGEST_FILE_NAME] or 'import'} {mark}"
