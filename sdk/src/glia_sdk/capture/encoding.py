"""From what happened to what is sent: signed, redacted, cut to size, encoded. Runs in the background only."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

from glia_wire.events import ARTIFACT_KEY, INLINE_LIMIT, MAX_NAME, SCHEMA_VERSION
from glia_wire.redaction import RULESET, Gate
from glia_wire.signature import call_signature

from glia_sdk.capture.ids import timestamp
from glia_sdk.capture.records import EVERYTHING, Blob, Deferred, Item, Record
from glia_sdk.capture.settings import SigningKey

JSON = "application/json"
LONG = 32 * 1024  # characters of a text that is encoded in parts
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))
_CONTROLS = bytes(range(32))
NAME = "glia.event.name"
NUMBERS = frozenset({"last_sequence_no", "glia.chunk.at_ms", "glia.chunk.characters"})
OURS = ("gen_ai.request.", "gen_ai.response.", "gen_ai.operation.", "gen_ai.provider.", "gen_ai.tool.name", "glia.",
        "openai.", "server.", "error.type", "status", "service", "parent_")  # fmt: skip
SHORT = 64  # characters
SMALL = 32 * 1024  # bytes of an event that is encoded in one go
MOST_KNOWN = 4096
UNREDACTED = "glia.payload.unredacted"  # in place of a payload that could not be redacted
UNSIGNED = "glia.call.unsigned"


class Clean:
    """Short values that the gate has let pass as they are: most events repeat them.

    Only under names of our own and of OpenTelemetry's, whose meaning does not depend on what stands beside them.
    """

    def __init__(self) -> None:
        self._known: set[tuple[str, Any]] = set()

    def split(self, attributes: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is known to be clean, and what is to be asked for."""
        known: dict[str, Any] = {}
        asked: dict[str, Any] = {}
        for key, value in attributes.items():
            is_plain = isinstance(value, str) and len(value) <= SHORT
            is_known = value is None or (is_plain and (key, value) in self._known)
            (known if is_known or key in NUMBERS else asked)[key] = value
        return known, asked

    def learn(self, asked: dict[str, Any], redacted: dict[str, Any]) -> None:
        for key, value in asked.items():
            if isinstance(value, str) and len(value) <= SHORT and key.startswith(OURS) and redacted.get(key) == value:
                if len(self._known) >= MOST_KNOWN:
                    self._known.clear()
                self._known.add((key, value))


class Encoder:
    """
    Args:
        signing: None leaves calls unsigned.
        pause: called between stretches of work.
        lose_payload: told of each payload that could not be redacted and was left out.
    """

    def __init__(
        self, gate: Gate, signing: SigningKey | None, pause: Callable[[], None], lose_payload: Callable[[str], None]
    ) -> None:
        self._gate = gate
        self._signing = signing
        self._pause = pause
        self._lose_payload = lose_payload
        self._clean = Clean()

    def encode(self, record: Record) -> Item:
        """The event of a record. What cannot be signed goes unsigned; what cannot be redacted stays here."""
        attributes = self._resolved(record)
        signature = self._signature(record, attributes)
        name, attributes, counts = self._redacted(record, attributes)
        head = {
            "schema_version": SCHEMA_VERSION,
            "run_id": record.run_id,
            "step_id": record.step_id,
            "parent_step_id": record.parent_step_id,
            "sequence_no": record.sequence_no,
            "event_type": record.event_type,
            "kind": record.kind,
            "name": name[:MAX_NAME],
            "ts": timestamp(record.at_ns),
            "sequence_source": "client",
            "call_signature": signature,
            "redaction": {"ruleset": RULESET, "counts": counts},
        }
        blobs: list[Blob] = []
        if record.weight < SMALL and len(body := _json({**head, "attributes": attributes})) <= INLINE_LIMIT:
            return Item(record.run_id, record.sequence_no, body, blobs)
        text = self._attributes(attributes, blobs)
        body = b"".join([_json(head)[:-1], b',"attributes":', text, b"}"])
        return Item(record.run_id, record.sequence_no, body, blobs)

    def _resolved(self, record: Record) -> dict[str, Any]:
        """Attributes without what is not set, and with what was left for later."""
        found: dict[str, Any] = {}
        for key, value in record.attributes.items():
            if isinstance(value, Deferred):
                made = value.make()
                found |= made if key == EVERYTHING else {key: made}
            elif value is not None:
                found[key] = value
        return found

    def _signature(self, record: Record, attributes: dict[str, Any]) -> str | None:
        if self._signing is None or record.request is None:
            return None
        request = record.request.make() if isinstance(record.request, Deferred) else record.request
        try:
            return call_signature(self._signing.key_id, self._signing.key, request, self._pause)
        except ValueError:
            attributes[UNSIGNED] = True
            return None
        finally:
            record.request = None
            self._pause()

    def _redacted(self, record: Record, attributes: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, int]]:
        known, asked = self._clean.split({NAME: record.name, **attributes})
        if not asked:
            return record.name, attributes, {}
        try:
            redacted = self._gate.redact(asked, self._pause)
            self._clean.learn(asked, redacted.value)
            found = known | redacted.value
            return str(found.pop(NAME)), found, dict(redacted.counts)
        except Exception:  # noqa: BLE001  # a hook of the program's may do anything; without it nothing leaves
            self._lose_payload("redaction_failed")
            return record.event_type, {UNREDACTED: True}, {}

    def _attributes(self, attributes: dict[str, Any], blobs: list[Blob]) -> bytes:
        """The JSON of attributes; the largest move into blobs until the rest is small enough."""
        texts = {}
        for key, value in attributes.items():
            texts[key] = self._encoded(value)
        size = sum(len(text) + len(key) + 8 for key, text in texts.items())
        for key in sorted(texts, key=lambda key: len(texts[key]), reverse=True):
            if size <= INLINE_LIMIT:
                break
            size -= len(texts[key])
            texts[key] = self._moved(key, texts[key], blobs)
        return b"{" + b",".join(_json(key) + b":" + text for key, text in texts.items()) + b"}"

    @staticmethod
    def _moved(key: str, text: bytes, blobs: list[Blob]) -> bytes:
        blobs.append(Blob(key, JSON, text))
        return _json({ARTIFACT_KEY: len(blobs) - 1})

    def _encoded(self, value: Any) -> bytes:
        parts = []
        for part in _parts(value):
            parts.append(part)
            self._pause()
        return b"".join(parts)


def _parts(value: Any) -> Iterator[bytes]:
    """The JSON of a value, long texts in pieces, so that no piece takes long to make."""
    if isinstance(value, str) and len(value) > LONG:
        yield b'"'
        for start in range(0, len(value), LONG):
            yield _escaped(value[start : start + LONG])
        yield b'"'
    elif isinstance(value, dict) and _is_long(value.values()):
        yield from _joined(b"{", ((_json(str(key)) + b":", one) for key, one in value.items()), b"}")
    elif isinstance(value, list) and (len(value) > 64 or _is_long(value)):
        yield from _joined(b"[", ((b"", one) for one in value), b"]")
    else:
        yield _json(value)


def _is_long(values: Any) -> bool:
    return any(isinstance(one, list | dict) or (isinstance(one, str) and len(one) > LONG) for one in values)


def _joined(start: bytes, members: Iterator[tuple[bytes, Any]], end: bytes) -> Iterator[bytes]:
    before = start
    for label, value in members:
        yield before + label
        yield from _parts(value)
        before = b","
    yield start + end if before == start else end


def _escaped(text: str) -> bytes:
    """A text as JSON, without its quotes: several times faster than `json` where it needs but the usual escapes."""
    try:
        plain = text.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    except UnicodeEncodeError:
        return _json(text)[1:-1]
    plain = plain.replace(b"\n", b"\\n").replace(b"\r", b"\\r").replace(b"\t", b"\\t")
    return plain if len(plain.translate(None, _CONTROLS)) == len(plain) else _json(text)[1:-1]


def _json(value: Any) -> bytes:
    try:
        return _ENCODER.encode(value).encode()
    except (ValueError, TypeError):
        return json.dumps(_mended(value), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _mended(value: Any) -> Any:
    """A value without what JSON or UTF-8 cannot say: numbers that are none, halves of characters."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {_mended(str(key)): _mended(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(one) for one in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return value if isinstance(value, int | float | None) else str(value)
