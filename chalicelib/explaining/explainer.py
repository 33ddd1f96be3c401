"""Who is told. The domains know of no traces: `wiring` gives them an `Explainer`."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.explaining.models import Explanation


class Explainer(Protocol):
    def explain(self, tx: Transaction, user_id: UUID, told: Explanation) -> None:
        """Keeps it, in one statement of the transaction that ends what it explains: best as the last one."""
