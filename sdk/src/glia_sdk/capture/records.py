"""What the program's threads hand over, and what is made of it for the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

EVERYTHING = "*"  # an attribute of this name, a `Deferred`, is replaced by those that it makes
OVERHEAD = 600  # bytes an event takes beside its payload


class Deferred:
    """A value that is made in the background, out of things that do not change any more."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


@dataclass(slots=True)
class Record:
    """An event as it happened: nothing signed, redacted or encoded yet.

    Attributes:
        request: what the call signature is made of, or a `Deferred` of it; None for what is not signed.
        weight: about how many bytes it holds in memory.
    """

    run_id: str
    step_id: str | None
    parent_step_id: str | None
    sequence_no: int
    event_type: str
    kind: str | None
    name: str
    at_ns: int
    attributes: dict[str, Any]
    request: Any = None
    weight: int = OVERHEAD


@dataclass(slots=True)
class Blob:
    """A payload too large for its event. `reference` is what the server named it, once it has it."""

    role: str
    media_type: str
    data: bytes
    reference: dict[str, Any] | None = None


@dataclass(slots=True, eq=False)
class Item:
    """A redacted, encoded event.

    Attributes:
        body: the JSON object without `artifact_refs`.
        spilled_at: the segment and number it has on disk, if it is there.
    """

    run_id: str
    sequence_no: int
    body: bytes
    blobs: list[Blob] = field(default_factory=list)
    born: float = 0.0
    spilled_at: tuple[str, int] | None = None

    @property
    def size(self) -> int:
        """Bytes it holds."""
        size = OVERHEAD + len(self.body)
        return size + sum(len(blob.data) for blob in self.blobs) if self.blobs else size
