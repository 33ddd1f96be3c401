"""The stages as declared, and as documented."""

from __future__ import annotations

from pathlib import Path

from chalicelib.designer import stages
from chalicelib.designer.models import REQUIRED, DesignState, StageName

PAGE = Path(__file__).resolve().parents[3] / "docs" / "design-sessions.md"


def test_the_documented_diagram_is_the_declared_machine() -> None:
    """docs/design-sessions.md shows `stages.mermaid()`, to the letter."""
    assert f"```mermaid\n{stages.mermaid()}```" in PAGE.read_text(encoding="utf-8")


def test_the_stages_ask_for_every_required_field_once() -> None:
    """In the order they are asked."""
    assert tuple(field for stage in stages.STAGES for field in stage.needs) == REQUIRED
    assert [stage.name for stage in stages.STAGES] == list(StageName)


def test_every_stage_but_the_last_leads_on() -> None:
    """And completed leads back to every stage that can be reopened."""
    for before, after in zip(StageName, list(StageName)[1:], strict=False):
        assert [step.target for step in stages.path(before, after)] == [after]
    back = {step.target for step in stages.TRANSITIONS if step.source is StageName.COMPLETED}
    assert back == set(stages.REOPENABLE)
    assert stages.current(DesignState()) is StageName.INITIAL
