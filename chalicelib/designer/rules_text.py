"""A message as the rules read it: its words, its sentences, and what of it has been understood already."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chalicelib.designer.models import Change, FieldName, Op, Span, Value
from chalicelib.designer.text import Word, sentences, span, within, words
from chalicelib.patterns import regex

MOST_SENTENCES = 400  # read for values; the rest of a longer message is kept as it is, but nothing is asked of it
LABELS = {
    "title": FieldName.AGENT_TYPE,
    "agent type": FieldName.AGENT_TYPE,
    "type": FieldName.AGENT_TYPE,
    "name": FieldName.NAME,
    "description": FieldName.GOALS,
    "goal": FieldName.GOALS,
    "goals": FieldName.GOALS,
    "purpose": FieldName.GOALS,
    "audience": FieldName.AUDIENCE,
    "users": FieldName.AUDIENCE,
    "tone": FieldName.TONE,
    "style": FieldName.TONE,
    "constraint": FieldName.CONSTRAINTS,
    "constraints": FieldName.CONSTRAINTS,
    "rules": FieldName.CONSTRAINTS,
    "tool": FieldName.TOOLS,
    "tools": FieldName.TOOLS,
    "tags": FieldName.TOOLS,
    "keywords": FieldName.TOOLS,
    "input": FieldName.INPUTS,
    "inputs": FieldName.INPUTS,
    "output": FieldName.OUTPUTS,
    "outputs": FieldName.OUTPUTS,
    "example": FieldName.EXAMPLES,
    "examples": FieldName.EXAMPLES,
    "language": FieldName.LANGUAGE,
    "channel": FieldName.CHANNEL,
}
_LABEL = regex(
    rf"\s{{0,20}}(?:\*\*|#{{1,4}} )?({'|'.join(sorted(LABELS, key=len, reverse=True))})(?:\*\*)?\s?[:：=]\s{{0,5}}",
    re.I,
)


@dataclass(slots=True)
class Sentence:
    """A sentence, line or list item. `label` is the field that it is headed with, such as `Tone: formal`."""

    start: int
    end: int
    text: str
    words: list[Word]
    label: FieldName | None = None
    heading: str = ""
    taken: bool = False  # understood as something else than a goal
    toned: bool = False  # says how to speak


@dataclass(slots=True)
class Reading:
    """What the rules gather from one message."""

    text: str
    words: list[Word]
    sentences: list[Sentence]
    changes: list[Change] = field(default_factory=list)

    def add(self, op: Op, name: FieldName, value: Value, spans: Sequence[Span], **more: object) -> None:
        self.changes.append(Change(op=op, field=name, value=value, spans=list(spans), **more))

    def has(self, name: FieldName) -> bool:
        return any(change.field is name for change in self.changes)

    def take(self, place: int, longest: int) -> None:
        """Marks the sentence at `place` as understood, if it has at most `longest` words."""
        for sentence in self.sentences:
            if sentence.start <= place < sentence.end and len(sentence.words) <= longest:
                sentence.taken = True

    def forget(self, place: int) -> None:
        """Empties the sentence at `place`: it says nothing else."""
        for sentence in self.sentences:
            if sentence.start <= place < sentence.end:
                sentence.taken, sentence.words, sentence.text = True, [], ""

    def span(self, start: int, end: int) -> Span:
        return span(self.text, start, end)


def read(text: str) -> Reading:
    found = words(text)
    return Reading(text, found, list(_sentences(text, found)))


def _sentences(text: str, found: Sequence[Word]) -> Iterator[Sentence]:
    for number, (start, end) in enumerate(sentences(text)):
        if number >= MOST_SENTENCES:
            return
        label = _LABEL.match(text, start, end)
        begin = label.end() if label else start
        yield Sentence(
            begin,
            end,
            text[begin:end],
            within(found, begin, end),
            LABELS[label[1].lower()] if label else None,
            label[1].lower() if label else "",
        )
