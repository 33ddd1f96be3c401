"""Artifacts: bytes with a media type, redacted as what they are."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final, NamedTuple

from glia_wire.redaction.gate import Gate, RedactionFailed
from glia_wire.redaction.windows import Breathe

# How the files of each media type that is kept as it is begin, and at which byte.
_BINARY: Final[dict[str, tuple[tuple[int, bytes], ...]]] = {
    "image/png": ((0, b"\x89PNG\r\n\x1a\n"),),
    "image/jpeg": ((0, b"\xff\xd8\xff"),),
    "image/gif": ((0, b"GIF87a"), (0, b"GIF89a")),
    "image/webp": ((8, b"WEBP"),),
    "audio/wav": ((8, b"WAVE"),),
    "audio/x-wav": ((8, b"WAVE"),),
    "audio/mpeg": ((0, b"ID3"), (0, b"\xff\xfb"), (0, b"\xff\xf3"), (0, b"\xff\xf2")),
    "audio/ogg": ((0, b"OggS"),),
    "audio/flac": ((0, b"fLaC"),),
    "audio/mp4": ((4, b"ftyp"),),
    "video/mp4": ((4, b"ftyp"),),
    "video/webm": ((0, b"\x1a\x45\xdf\xa3"),),
    "audio/webm": ((0, b"\x1a\x45\xdf\xa3"),),
    "application/pdf": ((0, b"%PDF-"),),
}
_MARKS: Final = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


class RedactedBytes(NamedTuple):
    """What may be stored, and how much of each class was replaced."""

    data: bytes
    counts: dict[str, int]


def redact_bytes(gate: Gate, data: bytes, media_type: str, breathe: Breathe | None = None) -> RedactedBytes:
    """Redacts JSON by its values and keys, JSON lines line by line, any other text as text; marks of Unicode decide.

    What is no text is kept if it is an image, sound, a video or a PDF by its media type, and begins as those do.

    Raises:
        RedactionFailed: it can be read neither as text nor as what it says it is.
    """
    kind = media_type.partition(";")[0].strip().lower()
    text, encoding = _decoded(data)
    if text is None:
        if _begins_as(kind, data):
            return RedactedBytes(data, {})
        raise RedactionFailed("neither text nor a known kind of file")
    counts: Counter[str] = Counter()
    redacted = _redacted(gate, text, kind, breathe, counts)
    return RedactedBytes(data if redacted == text else redacted.encode(encoding, "surrogatepass"), dict(counts))


def _decoded(data: bytes) -> tuple[str | None, str]:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError:
        return None, encoding


def _begins_as(kind: str, data: bytes) -> bool:
    return any(data.startswith(mark, at) for at, mark in _BINARY.get(kind, ()))


def _redacted(gate: Gate, text: str, kind: str, breathe: Breathe | None, counts: Counter[str]) -> str:
    """As JSON where it is JSON, then as text: what the one reading misses, the other sees."""
    if "json" in kind or text.lstrip()[:1] in ("{", "["):
        text = _as_json(gate, text, breathe, counts)
    found = gate.redact_text(text, breathe)
    counts.update(found.counts)
    return str(found.value)


def _as_json(gate: Gate, text: str, breathe: Breathe | None, counts: Counter[str]) -> str:
    try:
        return _json_redacted(gate, text, breathe, counts)
    except (ValueError, RecursionError):
        pass
    return "".join(_line(gate, line, breathe, counts) for line in text.splitlines(keepends=True))


def _line(gate: Gate, line: str, breathe: Breathe | None, counts: Counter[str]) -> str:
    body = line.rstrip("\r\n")
    if body.lstrip()[:1] not in ("{", "["):
        return line
    try:
        return _json_redacted(gate, body, breathe, counts) + line[len(body) :]
    except (ValueError, RecursionError):
        return line


def _json_redacted(gate: Gate, text: str, breathe: Breathe | None, counts: Counter[str]) -> str:
    value: Any = json.loads(text)
    found = gate.redact(value, breathe)
    if not found.counts:
        return text
    counts.update(found.counts)
    return json.dumps(found.value, ensure_ascii=False, separators=(",", ":"))
