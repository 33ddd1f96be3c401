"""Who is told what Glia has done: traces."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.explaining.models import Explanation
from chalicelib.wiring.outside import Outside

if TYPE_CHECKING:
    from chalicelib.traces.recording.recorder import TraceRecorder


class TraceExplainer:
    """Keeps explanations as traces (`explaining.explainer.Explainer`).

    Their code is loaded with the first one: a cold start that takes a message in has nothing to explain yet.
    """

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    @cached_property
    def _recorder(self) -> TraceRecorder:
        from chalicelib.wiring import traces

        return traces.recorder(self._outside)

    def explain(self, tx: Transaction, user_id: UUID, told: Explanation) -> None:
        self._recorder.explain(tx, user_id, told)
