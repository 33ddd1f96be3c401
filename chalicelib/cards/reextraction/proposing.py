"""What an extractor's kept results would make of a topic's cards, without writing anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.cards.merge import CardState
from chalicelib.cards.models import Extractor
from chalicelib.cards.replacing import Plan, plan
from chalicelib.cards.results import store as results
from chalicelib.cards.results.store import Dirty, Fresh
from chalicelib.cards.runs import source
from chalicelib.cards.runs.store import Source
from chalicelib.cards.windows import Window

MAX_DIFF = 100  # changes that a preview shows of one topic


@dataclass(frozen=True, slots=True)
class Proposal:
    """A topic as it is, seen by an extractor.

    `fresh`: windows with a kept result that is not shown; `missing`: those without one; `message_ids`: of all windows
    with one; `source`: None for a topic without messages.
    """

    source: Source | None
    tail: Window | None
    fresh: list[Fresh]
    missing: list[Dirty]
    message_ids: list[int]

    def plan(self, tx: Transaction, user_id: UUID, topic_id: UUID, run_id: UUID) -> Plan:
        return plan(tx, user_id, topic_id, run_id, self.fresh, self.tail, is_whole=not self.missing)


def propose(tx: Transaction, user_id: UUID, topic_id: UUID, extractor: Extractor, *, is_chosen: bool) -> Proposal:
    """The topic must be held.

    Args:
        is_chosen: what is shown of this extractor stays although another one is in use.
    """
    now = source.present(tx, user_id, topic_id)
    windows = results.closed_windows(tx, user_id, topic_id)
    if now.tail:
        windows.append(Dirty(len(windows), now.tail.start_id, now.tail.end_id, now.tail.hash))
    kept = results.results(tx, user_id, extractor.name, [window.hash for window in windows])
    shown = results.shown_results(tx, user_id, topic_id)
    found = [(window, kept[window.hash]) for window in windows if window.hash in kept]
    new = [(window, row) for window, row in found if shown.get((window.start_id, window.hash)) != row.result_id]
    drafts = results.drafts(tx, user_id, [row.result_id for _, row in new])
    fresh = [
        Fresh(
            window.start_id, window.hash, row.message_ids, row.result_id, drafts[row.result_id], extractor.name, None,
            is_chosen, row.tokens,
        )
        for window, row in new
    ]  # fmt: skip
    missing = [window for window in windows if window.hash not in kept]
    message_ids = sorted({id_ for _, row in found for id_ in row.message_ids})
    return Proposal(now.source(extractor), now.tail, fresh, missing, message_ids)


def diff_of(planned: Plan) -> list[dict[str, Any]]:
    """What a reader would see of a plan, a change each."""
    return [
        {
            "action": change.action,
            "card_id": change.after.card_id,
            "before": _told(change.before) if change.before else None,
            "after": _told(change.after),
        }
        for change in planned.changes
        if change.action
    ]


def _told(card: CardState) -> dict[str, Any]:
    return {
        "kind": card.kind, "title": card.title, "body": card.body, "status": card.status,
        "citations": _places(card),
    }  # fmt: skip


def _places(card: CardState) -> Sequence[dict[str, int]]:
    return [{"message_id": span.message_id, "start": span.start, "end": span.end} for span in card.citations]
