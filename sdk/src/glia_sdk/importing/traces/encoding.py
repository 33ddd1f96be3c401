"""Events as they are sent: redacted, encoded, and small enough."""

from __future__ import annotations

import json
from typing import Any

from glia_wire.events import ARTIFACT_KEY, MAX_NAME
from glia_wire.redaction import RULESET, Gate

from glia_sdk.capture.records import Blob, Item

INLINE = 900 * 1024  # bytes of an event as ASCII; Glia takes 1 MiB, and keeps the messages of lists one by one
JSON = "application/json"
ENVELOPE = 2048  # bytes around the attributes
WIDEST = 3  # a character's escape takes at most as many times the bytes of its UTF-8
NAME = "glia.event.name"


def encode(event: dict[str, Any], gate: Gate) -> Item:
    """An event with nothing secret in it; what makes it too large goes as artifacts, the largest first.

    Raises:
        RedactionFailed: nothing of it may be sent.
    """
    redacted = gate.redact({NAME: event["name"], **event["attributes"]})
    attributes = dict(redacted.value)
    name = str(attributes.pop(NAME))
    head = {
        **event,
        "name": name[:MAX_NAME] or "unnamed",
        "redaction": {"ruleset": RULESET, "counts": dict(redacted.counts)},
    }
    texts = {key: _json(value) for key, value in attributes.items()}
    blobs: list[Blob] = []
    sizes = {key: _size(value, texts[key]) + len(key) + 8 for key, value in attributes.items()}
    size = sum(sizes.values()) + ENVELOPE
    for key in sorted(sizes, key=lambda key: sizes[key], reverse=True):
        if size <= INLINE:
            break
        size -= sizes[key]
        blobs.append(Blob(key, JSON, texts[key]))
        texts[key] = _json({ARTIFACT_KEY: len(blobs) - 1})
    del head["attributes"]
    members = b",".join(_json(key) + b":" + text for key, text in texts.items())
    body = b"".join([_json(head)[:-1], b',"attributes":{', members, b"}}"])
    return Item(event["run_id"], event["sequence_no"], body, blobs)


def _size(value: Any, text: bytes) -> int:
    """Bytes as ASCII; an estimate from above where that is little."""
    most = WIDEST * len(text)
    return most if most <= INLINE // 100 else len(json.dumps(value, separators=(",", ":")))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")
