"""The call signature: what a recorded call is found by again, without its words."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any, Final

from glia_wire.canonical import canonical_json

VERSION: Final = "v1"


def call_signature(key_id: str, key: bytes, request: Any, breathe: Callable[[], None] | None = None) -> str:
    """`v1:{key_id}:{hex}`: the HMAC-SHA256 of the canonical request as it was before redaction.

    Args:
        breathe: called between parts of long requests.

    Raises:
        ValueError: the request has no canonical JSON.
    """
    return f"{VERSION}:{key_id}:{hmac.new(key, canonical_json(request, breathe), hashlib.sha256).hexdigest()}"
