"""The designer's reply to a message: what it did, what the next question is about, and the question. Pure."""

from __future__ import annotations

from chalicelib.designer import fields, questions
from chalicelib.designer.history import Changed
from chalicelib.designer.models import DesignState, Extraction, FieldName, Source, StageName, Status
from chalicelib.designer.outputs import preview, summary
from chalicelib.designer.stages import CONFIRMING
from chalicelib.designer.tools.catalogue import Catalogue


def reply(
    before: DesignState, after: DesignState, said: str, changed: Changed, extraction: Extraction, tools: Catalogue
) -> str:
    assumed = [name for name in changed if (held := after.collected_fields.get(name)) and held.source is Source.ASSUMED]
    shown = {name: pair for name, pair in changed.items() if name not in fields.OPTIONAL or name not in assumed}
    wished = {tool.name for tool in before.wishes}
    parts = [said, questions.told(shown, assumed)]
    parts += [
        f"The catalogue has no tool for {tool.title!r}: I made the generic tool {tool.name}."
        for tool in after.wishes
        if tool.name not in wished
    ]
    parts.append(_about_approvals(before, after))
    if not any(parts) and not extraction.acts and not extraction.go_to and before.status is Status.ACTIVE:
        parts.append(f"I did not find anything new in that. {questions.help_with(before.asked)}")
    if extraction.failure_class:
        parts.append("(The model could not be asked, so I read this by rules.)")
    parts.append(_shown(before, after, tools, bool(changed)))
    parts.append(questions.question(after.asked))
    return " ".join(part for part in parts if part)


def _shown(before: DesignState, after: DesignState, tools: Catalogue, is_changed: bool) -> str:
    """What the next question is about, where it was not shown just before."""
    if after.reopened:
        return questions.again(after, after.asked)
    is_new = is_changed or before.stage != after.stage or before.waived != after.waived
    if after.stage not in CONFIRMING or not is_new:
        return ""
    design, flow, made = preview(after, tools)
    if after.stage is StageName.WORKFLOW:
        return summary(flow, design)
    return f"The prompt has {len(made.sections)} sections and at most {made.tokens} tokens."


def _about_approvals(before: DesignState, after: DesignState) -> str:
    waived = [tool for tool in after.waived if tool not in before.waived]
    chosen = after.items(FieldName.TOOLS)
    guarded = [tool for tool in before.waived if tool not in after.waived and tool in chosen]
    parts = [f"{', '.join(waived)} will write without approval."] if waived else []
    return " ".join([*parts, f"{', '.join(guarded)} will ask before writing."] if guarded else parts)
