"""What an extractor is told about the session beside the message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.designer.models import DesignState, Extraction, FieldName, StageName, Value
from chalicelib.designer.tools.catalogue import Catalogue
from chalicelib.explaining.models import Call


@dataclass(frozen=True, slots=True)
class Context:
    """`asked` is the field or stage the last question was about; `known` what the session has."""

    catalogue: Catalogue
    asked: str | None = None
    known: dict[FieldName, Value] = field(default_factory=dict)
    stage: StageName = StageName.INITIAL

    def items(self, name: FieldName) -> list[str]:
        found = self.known.get(name)
        return list(found) if isinstance(found, list) else []


class Extractor(Protocol):
    def extract(self, message: str, context: Context, calls: list[Call] | None = None) -> Extraction:
        """Reads one message. Every span of the result is verbatim: `message[start:end] == text`. Never raises.

        Args:
            calls: every call of a model is added to it.
        """


def context_of(state: DesignState, catalogue: Catalogue) -> Context:
    return Context(
        catalogue=catalogue,
        asked=state.asked,
        known={name: found.value for name, found in state.collected_fields.items()},
        stage=state.stage,
    )
