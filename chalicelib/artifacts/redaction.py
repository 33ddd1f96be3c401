"""From raw bytes to what may be kept: the gate, the hash, the key."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

from chalicelib.artifacts.models import Failure, Settled, Status

if TYPE_CHECKING:
    from glia_wire.redaction import Gate


@cache
def gate() -> Gate:
    """The server's gate: the built-in rules, no hooks. Built when first used."""
    from glia_wire.redaction import Gate

    return Gate()


def redacted(user_id: UUID, data: bytes, media_type: str) -> tuple[bytes, Settled]:
    """The bytes to keep and what to note of them; of what cannot be redacted, none."""
    from glia_wire.canonical import content_hash
    from glia_wire.redaction import RULESET, RedactionFailed, redact_bytes

    try:
        found = redact_bytes(gate(), data, media_type)
    except RedactionFailed:
        return b"", Settled(Status.FAILED, ruleset=RULESET, failure=Failure.PRIVACY_RISK)
    name = content_hash(found.data)
    status = Status.REDACTED if found.counts else Status.CLEAN
    return found.data, Settled(
        status, len(found.data), name, f"artifacts/{user_id}/{name[:2]}/{name}", RULESET, found.counts
    )
