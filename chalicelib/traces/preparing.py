"""From an event as received to one that can be stored: read, bounded, redacted, taken apart; or why it cannot be."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from glia_wire.events import RUN_EVENTS
from glia_wire.redaction import RULESET, Redacted

from chalicelib.traces import contents
from chalicelib.traces.envelopes import Reader, Refused, place
from chalicelib.traces.models import Draft, Made, Prepared, Reference, Rejection
from chalicelib.traces.schema import ArtifactRef
from chalicelib.traces.screening import Screen

FINGERPRINT = 16  # bytes
GROUP = 128  # events
Event = TypeVar("Event")
NOTHING_FOUND = contents.dump({"ruleset": RULESET, "counts": {}})


class Preparer:
    """
    Args:
        screen: redacts everything that is text.
        key: the user's own, of fingerprints.
        now: the moment of receipt.
    """

    def __init__(self, screen: Screen, key: bytes, now: datetime) -> None:
        self._screen = screen
        self._keyed = hmac.new(key, digestmod="sha256")  # a copy of it costs less than a new one
        self._reader = Reader(now)

    def prepare(self, raw_events: Iterable[Any]) -> tuple[list[Prepared], list[Rejection]]:
        """What can be stored, and what cannot, each in order."""
        return self._prepare(raw_events, self._reader.received, place)

    def prepare_made(self, made: Iterable[Made]) -> tuple[list[Prepared], list[Rejection]]:
        """The same of events that the server made itself."""
        return self._prepare(made, self._reader.made, lambda event: (event.run_id, None))

    def is_near(self, moment: datetime) -> bool:
        """Whether a moment is one that an event may have."""
        return self._reader.is_near(moment)

    def _prepare(
        self,
        events: Iterable[Event],
        read: Callable[[int, Event], Draft],
        placed: Callable[[Event], tuple[UUID | None, int | None]],
    ) -> tuple[list[Prepared], list[Rejection]]:
        """A group of events at a time goes all the way, while they are at hand."""
        prepared, rejections = list[Prepared](), list[Rejection]()
        numbered = enumerate(events)
        while group := list(islice(numbered, GROUP)):
            drafts: list[Draft] = []
            for index, event in group:
                try:
                    drafts.append(read(index, event))
                except Refused as refused:
                    rejections.append(Rejection(index, *placed(event), refused.code))
            for draft, redacted in zip(drafts, self._screen.redact(map(_texts, drafts)), strict=True):
                if redacted is None:
                    rejections.append(Rejection(draft.position, draft.run_id, draft.sequence_no, "redaction_failed"))
                else:
                    prepared.append(self._prepared(draft, redacted))
        return prepared, rejections

    def _prepared(self, draft: Draft, redacted: Redacted) -> Prepared:
        attributes, name, words, signer = redacted.value
        size = len(draft.received)
        slim, placeholders, parts = contents.split(attributes, size)
        text = draft.text if draft.text and slim is draft.attributes else contents.write(slim)
        refs = _described(draft.artifact_refs, words) if draft.artifact_refs else []
        return Prepared(
            draft.position, draft.run_id, draft.sequence_no, draft.event_type, draft.step_id, draft.parent_step_id,
            draft.kind, name[:200], draft.ts, draft.sequence_source,
            text, placeholders or None, parts, size,
            contents.dump(refs) if refs else None, [_reference(ref) for ref in refs],
            draft.call_signature if signer == _signer(draft) else None,
            _counted(draft, redacted), self._fingerprint(draft.received),
            draft.flags, attributes if draft.event_type in RUN_EVENTS else None,
        )  # fmt: skip

    def _fingerprint(self, received: bytes) -> bytes:
        mac = self._keyed.copy()
        mac.update(received)
        return mac.digest()[:FINGERPRINT]


def _texts(draft: Draft) -> list[Any]:
    """Everything of an event that is text of the sender's: attributes, name, artifacts' words, the signature's key."""
    refs = [{"role": ref.role, "media_type": ref.media_type} for ref in draft.artifact_refs]
    return [draft.attributes, draft.name, refs, _signer(draft)]


def _signer(draft: Draft) -> str | None:
    """The key id of a call signature."""
    return draft.call_signature.split(":")[1] if draft.call_signature else None


def _described(refs: list[ArtifactRef], redacted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    pairs = zip(refs, redacted, strict=True)
    return [ref.model_dump(mode="json", exclude_none=True) | words for ref, words in pairs]


def _counted(draft: Draft, redacted: Redacted) -> str:
    """What the sender's gate found and what ours did."""
    if not draft.counts and not redacted.counts:
        return NOTHING_FOUND
    counts = dict(redacted.counts)
    for found, count in draft.counts.items():
        counts[found] = counts.get(found, 0) + count
    return contents.dump({"ruleset": RULESET, "counts": counts})


def _reference(ref: dict[str, Any]) -> Reference:
    artifact, upload = (UUID(ref[name]) if name in ref else None for name in ("artifact_id", "upload_id"))
    return Reference(artifact, upload, ref["role"])
