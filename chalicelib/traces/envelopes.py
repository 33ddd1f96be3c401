"""Envelopes as they were received: read into drafts, strictly, or refused with a code."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from glia_wire.events import SCHEMA_VERSION, STEP_EVENTS
from pydantic import TypeAdapter, ValidationError

from chalicelib.traces import contents
from chalicelib.traces.models import DERIVED, Draft, Made, Unreadable
from chalicelib.traces.schema import Event

EVENT_BYTES = 1024 * 1024  # of an event as JSON
MAX_DEPTH = 60
FAR_OFF = timedelta(days=3660)
AHEAD = timedelta(minutes=5)
CODES = {
    "schema_version": "schema_version_unknown",
    "run_id": "run_id_invalid",
    "step_id": "step_id_invalid",
    "parent_step_id": "parent_step_id_invalid",
    "sequence_no": "sequence_no_invalid",
    "event_type": "event_type_unknown",
    "kind": "kind_unknown",
    "ts": "ts_invalid",
}
NESTED = ("attributes", "artifact_refs", "redaction")  # members of an event that have members themselves
PLAIN = sorted(Event.__annotations__.keys() - {*NESTED})
INNER = (dict, list)
REPLACED = "characters_replaced"
CLOCK_SKEW = "clock_skew"
_READ = TypeAdapter(Event).validate_python


class Refused(Exception):
    """The event cannot be stored."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class Reader:
    """
    Args:
        now: the moment of receipt.
    """

    def __init__(self, now: datetime) -> None:
        self._earliest, self._latest = now - FAR_OFF, now + FAR_OFF
        self._skewed = now + AHEAD

    def received(self, index: int, raw: Any) -> Draft:
        """An event of somebody else's: nothing of it is taken for granted.

        Raises:
            Refused
        """
        if isinstance(raw, Unreadable):
            raise Refused(raw.code)
        if not isinstance(raw, dict):
            raise Refused("not_an_event")
        received, text, is_clean = spelled(raw)
        _bounded(received, raw)
        clean = raw if is_clean else _clean(raw)
        flags = () if clean is raw or clean == raw else (REPLACED,)
        return self._checked(_draft(index, _event(clean), text if clean is raw else b"", received, flags))

    def made(self, index: int, event: Made) -> Draft:
        """
        Raises:
            Refused
        """
        step = event.step_id.hex if event.step_id else None
        received, text, is_clean = _spelling(event.attributes, [event.event_type, step, event.name])
        _bounded(received, event.attributes)
        draft = Draft(
            index, event.run_id, 0, event.event_type, event.step_id, event.parent_step_id, event.kind, event.name,
            event.ts, DERIVED, event.attributes, text, received, (), [], None, {},
        )  # fmt: skip
        if not is_clean:
            name, attributes = _clean(event.name), _clean(event.attributes)
            flags = () if (name, attributes) == (event.name, event.attributes) else (REPLACED,)
            draft = draft._replace(name=name, attributes=attributes, text=b"", flags=flags)
        return self._checked(draft)

    def is_near(self, moment: datetime) -> bool:
        """Whether a moment is one that an event may have."""
        return self._earliest < moment < self._latest

    def _checked(self, draft: Draft) -> Draft:
        """
        Raises:
            Refused
        """
        if draft.step_id is None and draft.event_type in STEP_EVENTS:
            raise Refused("step_id_missing")
        if draft.parent_step_id is not None and draft.parent_step_id == draft.step_id:
            raise Refused("parent_is_itself")
        if not self.is_near(draft.ts):
            raise Refused("ts_out_of_range")
        if contents.is_reserved(draft.attributes, len(draft.artifact_refs)):
            raise Refused("reserved_name")
        if draft.ts > self._skewed:
            return draft._replace(flags=(CLOCK_SKEW, *draft.flags))
        return draft


def _draft(index: int, event: Event, text: bytes, received: bytes, flags: tuple[str, ...]) -> Draft:
    found = event.get("redaction")
    return Draft(
        index, event["run_id"], event["sequence_no"], event["event_type"], event.get("step_id"),
        event.get("parent_step_id"), event.get("kind"), event.get("name", ""), event["ts"],
        event.get("sequence_source", "client"), event.get("attributes", {}), text, received, flags,
        event.get("artifact_refs", []), event.get("call_signature"), found.counts if found else {},
    )  # fmt: skip


def place(raw: Any) -> tuple[UUID | None, int | None]:
    """Whatever of run id and sequence number can be read, for the receipt."""
    if not isinstance(raw, dict):
        return None, None
    run_id, sequence_no = raw.get("run_id"), raw.get("sequence_no")
    try:
        found = UUID(run_id) if isinstance(run_id, str) else None
    except ValueError:
        found = None
    is_whole = type(sequence_no) is int and abs(sequence_no) <= 2**63
    return found, sequence_no if is_whole else None


def spelled(raw: dict[str, Any]) -> tuple[bytes, bytes, bool]:
    """An event as JSON whose spelling does not depend on how its members are ordered; that of its attributes alone; and
    whether it is free of what Postgres cannot hold.

    Raises:
        Refused
    """
    try:
        attributes, *nested = [_in_order(raw[name]) if raw.get(name) else None for name in NESTED]
    except RecursionError:
        raise Refused("too_deep") from None
    return _spelling(attributes or {}, [*map(raw.get, PLAIN), *nested])


def _spelling(attributes: Any, beside: list[Any]) -> tuple[bytes, bytes, bool]:
    """
    Raises:
        Refused
    """
    found = _quick_spelling(attributes, beside)
    if found:
        return *found, True
    text, is_clean = _encoded(_dumped(attributes))
    rest, is_clean_beside = _encoded(_dumped(beside))
    return rest + b"\n" + text, text, is_clean and is_clean_beside


def _quick_spelling(attributes: Any, beside: list[Any]) -> tuple[bytes, bytes] | None:
    """Of what needs no closer look; None of what may."""
    try:
        text = contents.write(attributes)
        received = contents.write(beside) + b"\n" + text
    except ValueError:
        return None
    # In JSON; mostly in its texts, where they are harmless.
    is_suspicious = b"\\u0000" in received or b"NaN" in received or b"Infinity" in received
    return None if is_suspicious else (received, text)


def _in_order(value: Any) -> Any:
    """The same value, the members of its objects by name."""
    kind = type(value)
    if kind is dict:
        return {name: _in_order(value[name]) if type(value[name]) in INNER else value[name] for name in sorted(value)}
    return [_in_order(item) if type(item) in INNER else item for item in value] if kind is list else value


def _dumped(value: Any) -> str:
    """
    Raises:
        Refused
    """
    try:
        return contents.dump(value)
    except RecursionError:
        raise Refused("too_deep") from None
    except ValueError:
        raise Refused("number_out_of_range") from None


def _encoded(text: str) -> tuple[bytes, bool]:
    """The bytes of JSON, and whether it is free of NUL characters and lone surrogates, which Postgres cannot hold."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass"), False
    return encoded, b"\\u0000" not in encoded and b"\x00" not in encoded


def _bounded(received: bytes, raw: Any) -> None:
    """
    Raises:
        Refused: it is too large, or nested too deep.
    """
    if len(received) > EVENT_BYTES:
        raise Refused("event_too_large")
    if received.count(b"[") + received.count(b"{") > MAX_DEPTH and _depth(raw) > MAX_DEPTH:
        raise Refused("too_deep")


def _depth(value: Any) -> int:
    """How many brackets are open at the deepest place."""
    depth, level = 0, [value]
    while level:
        level = [
            child
            for one in level
            if isinstance(one, dict | list)
            for child in (one.values() if isinstance(one, dict) else one)
        ]
        depth += 1
    return depth - 1


def _clean(value: Any) -> Any:
    """What Postgres cannot hold, replaced by U+FFFD, in keys too."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value


def _event(raw: dict[str, Any]) -> Event:
    """
    Raises:
        Refused
    """
    if raw.get("schema_version") != SCHEMA_VERSION:
        raise Refused("schema_version_unknown")
    try:
        return _READ(raw)
    except ValidationError as error:
        where = str(error.errors(include_url=False, include_input=False)[0]["loc"][0])
        raise Refused(CODES.get(where, "invalid")) from None
