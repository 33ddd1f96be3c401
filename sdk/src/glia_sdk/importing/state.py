"""How far imports have come: a small file each, so that one goes on where it stopped.

The file only saves time. Without it, or with an old one, messages are sent again and the server counts them as
duplicates.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from glia_sdk.files import replace_file
from glia_sdk.importing.report import Counts


@dataclass(frozen=True)
class Progress:
    """Entries of the export that are done, and what became of them; `is_finished` if these are all."""

    done: int = 0
    is_finished: bool = False
    counts: Counts = field(default_factory=Counts)


class StateFile:
    """The progress of one import: of one file, from one source, into the history of one user of one server."""

    def __init__(self, folder: Path, *identity: str) -> None:
        self.path = folder / f"{hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]}.json"

    def load(self) -> Progress:
        """What was kept; a file that cannot be read is as good as none."""
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            counts = Counts(**{name: int(number) for name, number in kept["counts"].items()})
            return Progress(max(int(kept["done"]), 0), bool(kept["is_finished"]), counts)
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return Progress()

    def save(self, progress: Progress) -> None:
        """
        Raises:
            OSError
        """
        replace_file(self.path, json.dumps(asdict(progress)) + "\n")
