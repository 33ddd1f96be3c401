"""What a message says about the session itself: which stage to go back to, and which tools may write unasked."""

from __future__ import annotations

import re

from chalicelib.designer.context import Context
from chalicelib.designer.models import FieldName, StageName
from chalicelib.designer.rules_text import Reading, Sentence
from chalicelib.designer.stages import REOPENABLE
from chalicelib.patterns import regex

_STAGE_WORDS = {
    "agent type": StageName.AGENT_TYPE,
    "type of agent": StageName.AGENT_TYPE,
    "kind of agent": StageName.AGENT_TYPE,
    "agent": StageName.AGENT_TYPE,
    "type": StageName.AGENT_TYPE,
    "beginning": StageName.AGENT_TYPE,
    "start": StageName.AGENT_TYPE,
    "goals": StageName.GOALS,
    "goal": StageName.GOALS,
    "tone": StageName.TONE,
    "style": StageName.TONE,
    "voice": StageName.TONE,
    "tools": StageName.TOOLS,
    "tool": StageName.TOOLS,
    "tooling": StageName.TOOLS,
    "workflow": StageName.WORKFLOW,
    "flow": StageName.WORKFLOW,
    "steps": StageName.WORKFLOW,
    "prompt": StageName.PROMPT,
    "system prompt": StageName.PROMPT,
}
_NAMES = "|".join(sorted(_STAGE_WORDS, key=len, reverse=True))
_GO = regex(
    r"\b(?:(?:go|went|going|move|jump|step|switch|return|get|take me|bring me|let's go|head) ?(?:back )?(?:over )?to"
    r"|back to|revisit|reopen|redo|re-do|reconsider|rethink|return to"
    r"|start over with|change my mind about|talk about|(?:edit|change|modify|adjust|fix|update|review)(?=\s(?:the "
    r"|my |our )?(?:[a-z]{1,10} )?[a-z]{1,10}[.! ]{0,4}(?:please[.! ]{0,3})?\Z))"
    rf"\s(?:the |my |our |its )?(?:question (?:about|of) (?:the )?)?({_NAMES})\b(?: (?:stage|question|step|section"
    rf"|part|list))?"
    r"(?=[\s.,!?;:]|\Z)(?! to\b| from\b|s? (?:is|are|should)\b)",
    re.I,
)
_BACK = regex(
    r"\s{0,10}(?:(?:please|ok|let's|can we|could we|can you|i want to|i'd like to) ){0,2}(?:go|step"
    r"|move) (?:one (?:step )?)?back(?: one| a step| please)?[.! ?]{0,4}\Z|\s{0,10}(?:previous|back)(?: question"
    r"| step| stage| one)?[.! ]{0,4}\Z",
    re.I,
)
_APPROVAL = regex(r"\b(?:approv(?:al|als|e|ed|ing|es)|confirmations?|confirming|sign-?off|permission)\b", re.I)
_WITHOUT = regex(
    r"\b(?:no|without(?: any| my)?|waive|skip|drop|remove|don't (?:need|ask(?: me)? for|require|want)|do not (?:need"
    r"|ask(?: me)? for|require|want)|doesn't (?:need|require)|does not (?:need|require)|needs no"
    r"|not (?:need|require)|needn't|auto(?:matically)?-?|never ask for|disable|turn off|get rid of|unnecessary"
    r"|not needed)\b",
    re.I,
)
_WITH = regex(
    r"\b(?:require|needs?|with|ask (?:me )?(?:for|before)|only after|add|always|restore|enable|must be|wait for)\b",
    re.I,
)
_ASK_FIRST = regex(r"\bask me (?:first )?before\b|\bcheck with me before\b", re.I)


def stage_wished(reading: Reading, context: Context) -> StageName | None:
    """The stage that the message asks to go back to, or None."""
    if found := _GO.search(reading.text[:600]):
        reading.take(found.start(), 30)
        return _STAGE_WORDS[found[1].lower()]
    if len(reading.text) <= 80 and _BACK.match(reading.text):
        order = [StageName.INITIAL, *REOPENABLE, StageName.COMPLETED]
        place = order.index(context.stage)
        return order[place - 1] if place > 1 else None
    return None


_CORRECTS = regex(
    r"\b(?:actually|instead|rather|i meant|i mean|my mistake|correction|changed? my mind|on second thought|scratch that"
    r"|make (?:it|that)|change (?:it|that|the)|not [^\s,.]{1,30}, (?:but )?[^\s,.]{1,30}|some other|a different"
    r"|another one)\b"
    r"|\A\s{0,5}no,? (?:i|it|there|that|make|the|we|use|for)\b",
    re.I,
)


def corrects(text: str) -> bool:
    """Whether a message says that something said before shall be otherwise."""
    return _CORRECTS.search(text[:600]) is not None


def approvals(reading: Reading, context: Context) -> tuple[list[str], list[str]]:
    """The tools that may write without approval from now on, and those that may no longer.

    A sentence about approvals that names no tool is about all of the session's tools.
    """
    waived: list[str] = []
    guarded: list[str] = []
    for sentence in reading.sentences:
        asks_first = bool(_ASK_FIRST.search(sentence.text))
        if not asks_first and not _APPROVAL.search(sentence.text):
            continue
        tools = _tools(sentence, context)
        if not asks_first and _WITHOUT.search(sentence.text):
            waived.extend(tools)
        elif asks_first or _WITH.search(sentence.text):
            guarded.extend(tools)
        else:
            continue
        reading.forget(sentence.start)
    return list(dict.fromkeys(waived)), list(dict.fromkeys(guarded))


def _tools(sentence: Sentence, context: Context) -> list[str]:
    known = context.items(FieldName.TOOLS)
    named = {match.entry for match in context.catalogue.hinted_words.find(sentence.words)}
    chosen = [tool for tool in known if tool in named]
    return chosen if chosen else ([] if named else known)
