"""What a format makes of a recording, and what it must offer to be one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

Attributes = dict[str, Any]


@dataclass(slots=True)
class Step:
    """A step of a run, or, where `kind` is `NOTE`, a remark in it.

    Attributes:
        key: names it within its run, the same at every import.
        parent: the key of a step that stands before it in the run's list.
        kind: one of `glia_wire.events.STEP_KINDS`; None where the record does not say what it is.
        started, ended: with their zone; None where the record does not say.
        seconds: how long it took, where only that is recorded.
        inputs, outputs: attributes of its first and its last event; a note has `inputs` only.
    """

    key: str
    kind: str | None
    name: str
    parent: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    seconds: float | None = None
    inputs: Attributes = field(default_factory=dict)
    outputs: Attributes = field(default_factory=dict)
    is_failed: bool = False


NOTE = "note"


@dataclass(slots=True)
class ImportedRun:
    """One run of a recording.

    Attributes:
        identity: what the source calls it; with `source` it makes the run's id.
        source: the JSON it was made from.
        steps: parents before their children, siblings in the order in which they began.
        unmapped: paths of fields that have no place in a trace, with how often each occurs.
        is_timed: whether steps may be put in the order of their times, since all have them.
    """

    identity: str
    source: Any
    name: str
    version: str
    steps: list[Step] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    framework: str | None = None
    attributes: Attributes = field(default_factory=dict)
    outputs: Attributes = field(default_factory=dict)
    is_failed: bool = False
    is_timed: bool = False
    unmapped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Refused:
    """A part of a recording, or all of it, that is not imported."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unmapped:
    """Fields around the runs of a recording that have no place in a trace."""

    counts: Counter[str]


Converted = ImportedRun | Refused | Unmapped


class Format(Protocol):
    """A kind of recording. A format is a module with these names, or an object, in the table of `formats`."""

    @property
    def name(self) -> str:
        """As `--format` has it."""

    @property
    def recognises(self) -> Recogniser: ...

    @property
    def convert(self) -> Converter: ...


class Recogniser(Protocol):
    def __call__(self, value: Any, /) -> bool:
        """Whether a JSON value (of a file of JSON lines: the list of their values) is such a recording. Cheap."""


class Converter(Protocol):
    def __call__(self, value: Any, /) -> Iterator[Converted]:
        """The runs in it. Reads only `value`, so that the same recording always makes the same runs.

        Raises:
            NotImportable: nothing can be made of it.
        """
