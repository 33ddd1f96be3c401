"""From an event as received to one that can be stored: read, bounded, redacted, taken apart; or why it cannot be."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from glia_wire.events import RUN_EVENTS, SCHEMA_VERSION, STEP_EVENTS
from glia_wire.redaction import RULESET, Redacted
from pydantic import ValidationError

from chalicelib.traces import contents
from chalicelib.traces.models import Prepared, Reference, Rejection, Unreadable
from chalicelib.traces.schema import ArtifactRef, Event
from chalicelib.traces.screening import Screen

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
REPLACED = "characters_replaced"
CLOCK_SKEW = "clock_skew"
NOTHING_FOUND = contents.dump({"ruleset": RULESET, "counts": {}})


class Refused(Exception):
    """The event cannot be stored."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Checked:
    """An event that is valid, and not redacted yet."""

    index: int
    event: Event
    received: bytes
    flags: tuple[str, ...]


class Preparer:
    """
    Args:
        screen: redacts everything that is text.
        key: the user's own, of fingerprints.
        now: the moment of receipt.
    """

    def __init__(self, screen: Screen, key: bytes, now: datetime) -> None:
        self._screen = screen
        self._key = key
        self._earliest, self._latest = now - FAR_OFF, now + FAR_OFF
        self._skewed = now + AHEAD

    def prepare(self, raw_events: Iterable[Any]) -> tuple[list[Prepared], list[Rejection]]:
        """What can be stored, and what cannot, each in order."""
        checked, rejections = list[Checked](), list[Rejection]()
        for index, raw in enumerate(raw_events):
            try:
                checked.append(self._checked(index, raw))
            except Refused as refused:
                rejections.append(Rejection(index, *_place(raw), refused.code))
        prepared = []
        for one, redacted in zip(checked, self._screen.redact([_texts(one.event) for one in checked]), strict=True):
            if redacted is None:
                place = one.event.run_id, one.event.sequence_no
                rejections.append(Rejection(one.index, *place, "redaction_failed"))
            else:
                prepared.append(self._stored(one, redacted))
        return prepared, rejections

    def _checked(self, index: int, raw: Any) -> Checked:
        """
        Raises:
            Refused
        """
        if isinstance(raw, Unreadable):
            raise Refused(raw.code)
        if not isinstance(raw, dict):
            raise Refused("not_an_event")
        received = _received(raw)
        if _is_deep(received, raw):
            raise Refused("too_deep")
        clean = _clean(raw) if _may_be_unclean(received) else raw
        event = _event(clean)
        self._check(event)
        flags = ((CLOCK_SKEW,) if event.ts > self._skewed else ()) + ((REPLACED,) if clean != raw else ())
        return Checked(index, event, received, flags)

    def _check(self, event: Event) -> None:
        if event.step_id is None and event.event_type in STEP_EVENTS:
            raise Refused("step_id_missing")
        if event.parent_step_id is not None and event.parent_step_id == event.step_id:
            raise Refused("parent_is_itself")
        if not self._earliest < event.ts < self._latest:
            raise Refused("ts_out_of_range")
        if contents.is_reserved(event.attributes, len(event.artifact_refs)):
            raise Refused("reserved_name")

    def _stored(self, checked: Checked, redacted: Redacted) -> Prepared:
        event, value = checked.event, redacted.value
        size = len(checked.received)
        slim, placeholders, parts = contents.split(value["attributes"], size)
        refs = [ref.model_dump(mode="json", exclude_none=True) | words for ref, words in _described(event, value)]
        return Prepared(
            index=checked.index, run_id=event.run_id, sequence_no=event.sequence_no, event_type=event.event_type,
            step_id=event.step_id, parent_step_id=event.parent_step_id, kind=event.kind, name=value["name"][:200],
            ts=event.ts, sequence_source=event.sequence_source, attributes=contents.dump(slim),
            placeholders=placeholders or None, contents=parts, size=size,
            artifact_refs=contents.dump(refs) if refs else None, references=[_reference(ref) for ref in refs],
            call_signature=event.call_signature if value.get("signer") == _signer(event) else None,
            redaction=_counted(event, redacted), fingerprint=hmac.digest(self._key, checked.received, "sha256")[:16],
            flags=checked.flags, facts=value["attributes"] if event.event_type in RUN_EVENTS else None,
        )  # fmt: skip


def _texts(event: Event) -> dict[str, Any]:
    """Everything of an event that is text of the sender's."""
    texts: dict[str, Any] = {"attributes": event.attributes, "name": event.name}
    if event.artifact_refs:
        texts["refs"] = [{"role": ref.role, "media_type": ref.media_type} for ref in event.artifact_refs]
    if event.call_signature:
        texts["signer"] = _signer(event)
    return texts


def _signer(event: Event) -> str | None:
    """The key id of a call signature."""
    return event.call_signature.split(":")[1] if event.call_signature else None


def _described(event: Event, redacted: dict[str, Any]) -> Iterable[tuple[ArtifactRef, dict[str, Any]]]:
    return zip(event.artifact_refs, redacted.get("refs", ()), strict=True)


def _counted(event: Event, redacted: Redacted) -> str:
    """What the sender's gate found and what ours did."""
    counts = dict(redacted.counts)
    for found, count in event.redaction.counts.items() if event.redaction else ():
        counts[found] = counts.get(found, 0) + count
    return contents.dump({"ruleset": RULESET, "counts": counts}) if counts else NOTHING_FOUND


_RECEIVED = json.JSONEncoder(allow_nan=False, sort_keys=True, separators=(",", ":"))


def _received(raw: dict[str, Any]) -> bytes:
    """The event in one spelling, whatever it holds.

    Raises:
        Refused
    """
    try:
        received = _RECEIVED.encode(raw).encode()
    except RecursionError:
        raise Refused("too_deep") from None
    except ValueError:
        raise Refused("number_out_of_range") from None
    if len(received) > EVENT_BYTES and len(_unescaped(raw)) > EVENT_BYTES:
        raise Refused("event_too_large")
    return received


def _unescaped(raw: dict[str, Any]) -> bytes:
    return json.dumps(raw, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _is_deep(received: bytes, raw: dict[str, Any]) -> bool:
    if received.count(b"[") + received.count(b"{") <= MAX_DEPTH:
        return False
    return _depth(raw) > MAX_DEPTH


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


def _may_be_unclean(received: bytes) -> bool:
    """Whether there may be NUL characters or lone surrogates."""
    return b"\\u0000" in received or b"\\ud" in received


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
        return Event.model_validate(raw)
    except ValidationError as error:
        where = str(error.errors(include_url=False, include_input=False)[0]["loc"][0])
        raise Refused(CODES.get(where, "invalid")) from None


def _reference(ref: dict[str, Any]) -> Reference:
    artifact, upload = (UUID(ref[name]) if name in ref else None for name in ("artifact_id", "upload_id"))
    return Reference(artifact, upload, ref["role"])


def _place(raw: Any) -> tuple[UUID | None, int | None]:
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
