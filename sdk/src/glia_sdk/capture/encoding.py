"""From what happened to what is sent: signed, redacted, cut to size, encoded. Runs in the background only."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from json.encoder import encode_basestring
from typing import Any

from glia_wire.canonical import text_parts
from glia_wire.events import ARTIFACT_KEY, INLINE_LIMIT, MAX_NAME, SCHEMA_VERSION
from glia_wire.redaction import RULESET, Gate
from glia_wire.signature import call_signature

from glia_sdk.capture.ids import timestamp
from glia_sdk.capture.records import EVERYTHING, Blob, Deferred, Item, Record
from glia_sdk.capture.settings import SigningKey

JSON = "application/json"
LONG = 32 * 1024  # characters of a text that is encoded in parts
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))
NAME = "glia.event.name"
NUMBERS = frozenset({"last_sequence_no", "glia.chunk.at_ms", "glia.chunk.characters"})
OURS = ("gen_ai.request.", "gen_ai.response.", "gen_ai.operation.", "gen_ai.provider.", "gen_ai.usage.",
        "gen_ai.tool.name", "glia.", "openai.", "server.", "error.type", "status", "service", "parent_")  # fmt: skip
SHORT = 64  # characters
SMALL = 32 * 1024  # bytes of an event that is encoded in one go
FEW = 10**6  # numbers below are neither phones nor cards, whatever the gate's rules
MOST_KNOWN = 4096
UNREDACTED = "glia.payload.unredacted"  # in place of a payload that could not be redacted
UNSIGNED = "glia.call.unsigned"


class Clean:
    """Short values that the gate has let pass as they are: most events repeat them.

    Only under names of our own and of OpenTelemetry's, whose meaning does not depend on what stands beside them.
    """

    def __init__(self) -> None:
        self._known: set[tuple[str, Any]] = set()
        self._counted: set[str] = set()  # names of small numbers

    def split(self, attributes: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is known to be clean, and what is to be asked for."""
        known: dict[str, Any] = {}
        asked: dict[str, Any] = {}
        for key, value in attributes.items():
            kind = type(value)
            if kind is str:
                is_known = len(value) <= SHORT and (key, value) in self._known
            elif kind is int or kind is float:
                is_known = key in self._counted and -FEW < value < FEW
            else:
                is_known = value is None
            (known if is_known or key in NUMBERS else asked)[key] = value
        return known, asked

    def learn(self, asked: dict[str, Any], redacted: dict[str, Any]) -> None:
        for key, value in asked.items():
            if not key.startswith(OURS) or redacted.get(key) != value:
                continue
            if isinstance(value, str) and len(value) <= SHORT:
                if len(self._known) >= MOST_KNOWN:
                    self._known.clear()
                self._known.add((key, value))
            elif type(value) in (int, float) and len(self._counted) < MOST_KNOWN:
                self._counted.add(key)


class Escapes:
    """Long texts as JSON. One that was written for the signature is not written again for the event."""

    def __init__(self, pause: Callable[[], None]) -> None:
        self._pause = pause
        self._written: dict[int, tuple[str, list[bytes]]] = {}

    def write(self, text: str) -> list[bytes]:
        """The parts of a text's JSON between its quotes.

        Raises:
            UnicodeEncodeError: it holds halves of characters.
        """
        known = self._written.get(id(text))
        if known is None:
            known = self._written[id(text)] = (text, text_parts(text, self._pause))
        return known[1]

    def clear(self) -> None:
        self._written.clear()


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
        self._escapes = Escapes(pause)

    def encode(self, record: Record) -> Item:
        """The event of a record. What cannot be signed goes unsigned; what cannot be redacted stays here."""
        try:
            attributes = self._resolved(record)
            signature = self._signature(record, attributes)
            name, attributes, counts = self._redacted(record, attributes)
            head = _head(record, name, signature, counts)
            if record.weight < SMALL and len(body := _utf8(f"{head}{_text(attributes)}}}")) <= INLINE_LIMIT:
                return Item(record.run_id, record.sequence_no, body)
            blobs: list[Blob] = []
            parts = [_utf8(head), *self._attributes(attributes, blobs), b"}"]
            return Item(record.run_id, record.sequence_no, b"".join(parts), blobs)
        finally:
            self._escapes.clear()

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
            return call_signature(self._signing.key_id, self._signing.key, request, self._escapes.write)
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
            return str(found.pop(NAME)), found, redacted.counts
        except Exception:  # noqa: BLE001  # a hook of the program's may do anything; without it nothing leaves
            self._lose_payload("redaction_failed")
            return record.event_type, {UNREDACTED: True}, {}

    def _attributes(self, attributes: dict[str, Any], blobs: list[Blob]) -> list[bytes]:
        """The JSON of attributes; the largest move into blobs until the rest is small enough."""
        texts = {key: self._encoded(value) for key, value in attributes.items()}
        sizes = {key: sum(map(len, parts)) for key, parts in texts.items()}
        size = sum(sizes.values()) + sum(len(key) + 8 for key in sizes)
        for key in sorted(sizes, key=lambda key: sizes[key], reverse=True):
            if size <= INLINE_LIMIT:
                break
            size -= sizes[key]
            blobs.append(Blob(key, JSON, b"".join(texts[key])))
            texts[key] = [_json({ARTIFACT_KEY: len(blobs) - 1})]
        out = [b"{" if texts else b"{}"]
        for key, parts in texts.items():
            out += (_json(key), b":", *parts, b",")
        out[-1] = b"}" if texts else out[-1]
        return out

    def _encoded(self, value: Any) -> list[bytes]:
        parts: list[bytes] = []
        for part in _parts(value, self._escapes.write):
            parts.append(part)
            self._pause()
        return parts


def _head(record: Record, name: str, signature: str | None, counts: dict[str, int]) -> str:
    """The event's JSON up to its attributes. Ids, types and kinds are our own words: nothing in them is escaped."""
    return (
        f'{{"schema_version":{SCHEMA_VERSION},"run_id":"{record.run_id}","step_id":{_word(record.step_id)},'
        f'"parent_step_id":{_word(record.parent_step_id)},"sequence_no":{record.sequence_no},'
        f'"event_type":"{record.event_type}","kind":{_word(record.kind)},"name":{encode_basestring(name[:MAX_NAME])},'
        f'"ts":"{timestamp(record.at_ns)}","sequence_source":"client","call_signature":{_word(signature)},'
        f'"redaction":{{"ruleset":"{RULESET}","counts":{_text(counts) if counts else "{}"}}},"attributes":'
    )


def _word(text: str | None) -> str:
    return "null" if text is None else f'"{text}"'


def _parts(value: Any, write: Callable[[str], list[bytes]]) -> Iterator[bytes]:
    """The JSON of a value, long texts in pieces, so that no piece takes long to make."""
    if isinstance(value, str) and len(value) > LONG:
        try:
            yield from (b'"', *write(value), b'"')
        except UnicodeEncodeError:  # halves of characters
            yield _json(value)
    elif isinstance(value, dict) and _is_long(value.values()):
        yield from _joined(b"{", ((_json(str(key)) + b":", one) for key, one in value.items()), b"}", write)
    elif isinstance(value, list) and (len(value) > 64 or _is_long(value)):
        yield from _joined(b"[", ((b"", one) for one in value), b"]", write)
    else:
        yield _json(value)


def _is_long(values: Any) -> bool:
    return any(isinstance(one, list | dict) or (isinstance(one, str) and len(one) > LONG) for one in values)


def _joined(
    start: bytes, members: Iterator[tuple[bytes, Any]], end: bytes, write: Callable[[str], list[bytes]]
) -> Iterator[bytes]:
    before = start
    for label, value in members:
        yield before + label
        yield from _parts(value, write)
        before = b","
    yield start + end if before == start else end


def _json(value: Any) -> bytes:
    return _utf8(_text(value))


def _text(value: Any) -> str:
    try:
        return _ENCODER.encode(value)
    except (ValueError, TypeError):
        return json.dumps(_mended(value), ensure_ascii=False, separators=(",", ":"))


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _mended(value: Any) -> Any:
    """A value without what JSON cannot say: numbers that are none."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {_mended(str(key)): _mended(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(one) for one in value]
    return value if isinstance(value, str | int | float | None) else str(value)
