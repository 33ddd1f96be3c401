"""The rules extractor: reads a message by patterns, gazetteers and the catalogue's words, without a model."""

from __future__ import annotations

from chalicelib.designer.acts import by_phrase, is_closed, read_acts
from chalicelib.designer.context import Context
from chalicelib.designer.gazetteers import TONES, VERBS
from chalicelib.designer.models import Act, ActKind, Change, Extraction, FieldName, Source, Span
from chalicelib.designer.rules_agent import read_agent_type
from chalicelib.designer.rules_control import approvals, stage_wished
from chalicelib.designer.rules_fields import read_channel, read_fields, read_tone_in_own_words
from chalicelib.designer.rules_goals import read_goals, read_removed_goals
from chalicelib.designer.rules_text import Reading, read
from chalicelib.designer.rules_tools import read_tools, read_wishes
from chalicelib.designer.text import word_span
from chalicelib.explaining.models import Call

ANSWERS = frozenset({ActKind.YES, ActKind.NO, ActKind.MAYBE, ActKind.GREETING, ActKind.REPEAT})
OPEN = frozenset({None, FieldName.AGENT_TYPE, FieldName.GOALS, FieldName.TONE})


class RulesExtractor:
    """Needs nothing but the message and what the session knows. Linear in the message's length."""

    def extract(self, message: str, context: Context, calls: list[Call] | None = None) -> Extraction:
        acts = read_acts(message)
        if by_phrase(message):
            return Extraction(source=Source.RULES, asked=context.asked, acts=acts)
        reading = read(message)
        go_to = stage_wished(reading, context)
        waived, guarded = approvals(reading, context)
        if acts and not _is_all(message, acts[-1]):
            _skip(reading, acts[0].span)
        elif _is_answer(acts, reading, context):
            return Extraction(source=Source.RULES, asked=context.asked, acts=acts)
        changes = _changes(reading, context)
        said = bool(changes or go_to or waived or guarded)
        if waived or guarded or go_to:
            acts = []  # `no need for approval` is no answer to what was asked
        elif said:
            acts = [act for act in acts if not _is_all(message, act)]
        elif not acts:
            acts = _off_topic(reading)
        return Extraction(
            source=Source.RULES,
            asked=context.asked,
            acts=acts,
            changes=changes,
            go_to=go_to,
            waived=waived,
            guarded=guarded,
        )


def _changes(reading: Reading, context: Context) -> list[Change]:
    read_removed_goals(reading, context)
    read_channel(reading, context)
    read_agent_type(reading, context)
    read_tools(reading, context)
    read_fields(reading, context)
    read_wishes(reading, context)
    read_goals(reading, context)
    read_tone_in_own_words(reading, context)
    return [change for change in reading.changes if _holds(reading.text, change)]


def _is_answer(acts: list[Act], reading: Reading, context: Context) -> bool:
    """Whether the whole message is an act where any words would make a value: `no idea` is no goal.

    Where goals are asked for, `cancel my order` is a goal; and what names a tool or a tone is no mere answer.
    """
    if not acts or context.asked not in OPEN or acts[-1].kind not in ANSWERS or reading.words[0].text in VERBS:
        return False
    return is_closed(reading.words) and not (
        context.catalogue.tool_words.find(reading.words) or TONES.find(reading.words)
    )


def _is_all(message: str, act: Act) -> bool:
    """Whether the message does nothing but this."""
    rest = message[: act.span.start] + message[act.span.end :]
    return not any(character.isalnum() for character in rest)


def _skip(reading: Reading, lead: Span) -> None:
    """`Yes,` in front is no part of what follows."""
    for sentence in reading.sentences[:1]:
        if sentence.start <= lead.start:
            sentence.start = max(sentence.start, lead.end)
            sentence.text = reading.text[sentence.start : sentence.end]
            sentence.words = [word for word in sentence.words if word.start >= lead.end]
            sentence.taken = sentence.taken or not sentence.words


def _holds(message: str, change: Change) -> bool:
    return bool(change.spans) and all(s.text and message[s.start : s.end] == s.text for s in change.spans)


def _off_topic(reading: Reading) -> list[Act]:
    """A question that says nothing of the agent."""
    if reading.words and "?" in reading.text[:2_000]:
        return [Act(kind=ActKind.OFF_TOPIC, span=word_span(reading.text, reading.words[:1]))]
    return []
