"""Invariants 3 to 8 under random histories of messages, edits, pins, deletions and topic work."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.card_history import CardHistory
from tests.support.api import Api

HISTORIES = int(os.environ.get("HISTORIES", "1000"))
BATCHES = max(1, HISTORIES // 50)
STEPS = 10


@pytest.mark.parametrize("batch", range(BATCHES))
def test_invariants_3_to_8_whatever_users_do_to_their_cards(api: Api, batch: int) -> None:
    """No deleted card back, no edit lost, ids stable, incremental equal to full, citations verbatim, the past kept."""

    class History(CardHistory):
        pass

    History.api = api
    run_state_machine_as_test(
        History,
        settings=settings(
            max_examples=HISTORIES // BATCHES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
