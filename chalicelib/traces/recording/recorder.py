"""Glia's own runs: a whole finished run, written inside the transaction of what it explains, in one statement.

What is written cannot be told from the same events taken in by `TraceIngestion`.
"""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

from glia_wire.redaction import RULESET, Gate

from chalicelib.adapters.postgres import Transaction
from chalicelib.explaining.models import Explanation
from chalicelib.traces import contents
from chalicelib.traces.envelopes import spelled
from chalicelib.traces.models import OWN
from chalicelib.traces.recording import store
from chalicelib.traces.recording.envelopes import LONGEST, Envelope, Made, envelopes, status
from chalicelib.traces.recording.store import Entry
from chalicelib.traces.service import TraceIngestion

NOTHING_FOUND = contents.dump({"ruleset": RULESET, "counts": {}})
THERE = {"run_closed", "sequence_conflict"}  # another run of this id, which stays as it is
CARD_IDS = "glia.cards.ids"
INPUT, OUTPUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"


class TraceRecorder:
    """Writes Glia's own runs (`explaining.explainer.Explainer`).

    Args:
        ingestion: takes the run where the gate finds something in it, which is by chance: digits of a hash, perhaps.
        late: seconds after its end that a run is said to close, as any other.
    """

    def __init__(self, ingestion: TraceIngestion, gate: Gate, *, late: int) -> None:
        self._ingestion = ingestion
        self._gate = gate
        self._late = late

    def explain(self, tx: Transaction, user_id: UUID, told: Explanation) -> None:
        """Writes the run in the caller's transaction; written twice, it is there once.

        Raises:
            ValueError: it is not one that can be stored.
        """
        events, made = envelopes(told)
        if self._gate.redact([_texts(event) for event in events]).counts:
            self._take(tx, user_id, events)
            return
        entries = [_entry(event) for event in events]
        rows = [_step(one) for one in made]
        store.insert(
            tx, user_id, _run(told, entries, made), entries, rows, redaction=NOTHING_FOUND,
            new_key=secrets.token_bytes(32), late=self._late,
        )  # fmt: skip

    def _take(self, tx: Transaction, user_id: UUID, events: list[Envelope]) -> None:
        receipts = self._ingestion.take(tx, user_id, events)
        if refused := {receipt.code for receipt in receipts if receipt.status == "rejected"} - THERE:
            raise ValueError(f"the run cannot be recorded: {', '.join(sorted(map(str, refused)))}")


def _texts(event: Envelope) -> list[Any]:
    """All but the ids of cards: sixteen hexadecimal digits may pass for the number of a bank card."""
    return [event["name"], {name: value for name, value in event["attributes"].items() if name != CARD_IDS}]


def _entry(event: Envelope) -> Entry:
    received, text, _ = spelled(event)
    attributes = event["attributes"]
    slim, hashes, parts = contents.split(attributes, len(received))
    return Entry(event, received, text if slim is attributes else contents.write(slim), hashes, parts)


def _run(told: Explanation, entries: list[Entry], made: list[Made]) -> dict[str, Any]:
    return {
        "run": told.run_id, "status": status(told), "name": told.name, "service": OWN,
        "tags": sorted(set(told.tags)), "events": len(entries), "steps": len(made),
        "failed": sum(one.status == "failed" for one in made), "input": _sum(made, INPUT),
        "output": _sum(made, OUTPUT), "models": [one.model for one in made if one.model],
        "kinds": [one.step.kind for one in made], "started_at": told.started_at, "ended_at": told.ended_at,
    }  # fmt: skip


def _sum(made: list[Made], name: str) -> int:
    return sum(one.number(name) or 0 for one in made)


def _step(made: Made) -> dict[str, Any]:
    step = made.step
    return {
        "step_id": str(made.step_id), "parent_step_id": made.parent_id and str(made.parent_id), "kind": step.kind,
        "name": step.name[:LONGEST], "status": made.status, "first": made.first, "last": made.last,
        "is_failed": made.status == "failed", "started_at": step.started_at.isoformat(),
        "ended_at": step.ended_at.isoformat(), "model": made.model, "tool": made.word("gen_ai.tool.name"),
        "error_type": step.failure_class, "input_tokens": made.number(INPUT), "output_tokens": made.number(OUTPUT),
    }  # fmt: skip
