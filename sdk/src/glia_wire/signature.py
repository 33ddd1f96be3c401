"""The call signature: what a recorded call is found by again, without its words."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final

from glia_wire.canonical import Write, canonical_parts, text_parts

VERSION: Final = "v1"


def call_signature(key_id: str, key: bytes, request: Any, write_long: Write = text_parts) -> str:
    """`v1:{key_id}:{hex}`: the HMAC-SHA256 of the canonical request as it was before redaction.

    Args:
        write_long: as for `canonical_parts`.

    Raises:
        ValueError: the request has no canonical JSON.
    """
    first, *others = canonical_parts(request, write_long)
    if not others:
        return f"{VERSION}:{key_id}:{hmac.digest(key, first, 'sha256').hex()}"
    digest = hmac.new(key, first, hashlib.sha256)
    for part in others:
        digest.update(part)
    return f"{VERSION}:{key_id}:{digest.hexdigest()}"
