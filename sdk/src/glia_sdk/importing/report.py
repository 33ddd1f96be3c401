"""What came of an import."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from glia_sdk.importing.records import Skipped

PLACES = 5  # of each reason, as examples


@dataclass
class Reason:
    """How much was skipped for one reason, and the first few places where."""

    count: int = 0
    places: list[str] = field(default_factory=list)


@dataclass
class Counts:
    imported: int = 0
    duplicates: int = 0
    skipped: int = 0

    def plus(self, other: Counts) -> Counts:
        return Counts(self.imported + other.imported, self.duplicates + other.duplicates, self.skipped + other.skipped)


@dataclass
class Report:
    """What this run did. `earlier` is what earlier runs of the same import did, which this one left aside."""

    earlier: Counts = field(default_factory=Counts)
    imported: int = 0
    duplicates: int = 0
    skipped: dict[str, Reason] = field(default_factory=dict)
    topic_ids: set[str] = field(default_factory=set)

    @property
    def counts(self) -> Counts:
        """Of this run and all earlier ones."""
        now = Counts(self.imported, self.duplicates, sum(reason.count for reason in self.skipped.values()))
        return now.plus(self.earlier)

    @property
    def is_in_vain(self) -> bool:
        """Whether there was nothing at all that could be imported."""
        return not (self.counts.imported or self.counts.duplicates)

    def skip(self, skipped: Iterable[Skipped]) -> None:
        for one in skipped:
            reason = self.skipped.setdefault(one.reason, Reason())
            reason.count += 1
            if len(reason.places) < PLACES:
                reason.places.append(one.place)
