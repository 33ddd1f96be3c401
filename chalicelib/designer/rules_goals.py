"""Goals in a message: verbatim clauses that say what the agent is to do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chalicelib.designer.context import Context
from chalicelib.designer.gazetteers import AGENT_NOUNS, TONES, VERBS
from chalicelib.designer.models import FieldName, Op, Span
from chalicelib.designer.rules_text import Reading, Sentence
from chalicelib.designer.text import vocabulary, word_span, words
from chalicelib.patterns import regex

MOST = 20  # goals of one message
_CUES = regex(
    r"\b(?:(?:it|he|she|they|this|that|which|who|the (?:agent|bot|assistant|chatbot|tool)) (?:(?:also|always|just"
    r"|mainly|should|must|can|could|will|would|may|shall|needs to|need to|has to|is supposed to"
    r"|is meant to|ought to|is going to|is able to|be able to) ){1,4}(?:help(?:s)? (?:me|us|them|people|users"
    r"|customers) )?"
    r"|(?:goal|goals|purpose|job|task|tasks|objective|aim|mission|role)(?:s)? (?:is|are|would be|should be"
    r"|will be)(?: also)?(?: to)?[ :]{1,3}"
    r"|(?:i|we)(?:'d| would)? (?:want|need|like|expect) (?:it|him|her|them|the (?:agent|bot|assistant"
    r"|chatbot)) to (?:also )?(?:be able to )?"
    r"|(?:i|we)(?:'d| would)? (?:want|need|like) to be able to "
    r"|(?:need|want|like|looking for) (?:something|someone|somebody|a tool|help|an? ai) (?:that (?:can |will )?"
    r"|which |to |who )"
    r"|(?:another|one more|additional|new|second|main|first|primary) (?:goal|task|job)(?: is| would be"
    r"| should be)?(?: to)?[ :]{1,3}"
    r"|add (?:a |another |the )?goal(?: to| of)?[ :]{1,3}"
    r"|(?:also|and) (?:should|must|can|could|will) )",
    re.I,
)
_REMOVES = regex(
    r"\b(?:remove|drop|delete|forget|skip|get rid of|leave out|take out|no longer need) (?:the |that |this "
    r"|my )?(?:goal|task)s? (?:(?:about|of|to|on|for|with|regarding) )?(?:the )?(.{1,200})",
    re.I,
)
_REPLACES = regex(r"\b(?:change|replace) (?:the |my )?(?:goal|goals|task) (?:to|with|by)[ :]{1,3}", re.I)
_AFTER_NOUN = regex(
    r"(?:\s(?:for [^.,;\n]{1,60}?\s)?|,\s)(?:(?:that|which|who)(?:'ll)?\s(?:(?:can|should|will|must|could|would"
    r"|is able to|also)\s){0,2}|to\s(?=\w)|(?:for|capable of|able to|for help with)\s(?=[a-z]{2,20}ing\b))",
    re.I,
)
_LEAD = regex(
    r"\s{0,10}(?:[-*•]\s|\d{1,2}[.)]\s)?(?:(?:ok|okay|yes|yeah|well|so|um|sure|also|and|then|first|second|third"
    r"|finally|actually|please|it's for|it is for|it's about|it should|it must|it can|it could|it will|it needs to"
    r"|it has to"
    r"|i want it to|i'd like it to|we want it to|i need it to|i want to|i want|we want|i'd like|i need|we need"
    r"|help me to|should|must|needs to|the goal is|the goals are|goals?|goal is|to be able to|be able to|mainly"
    r"|mostly|primarily|the main goal is|its job is|"
    r"its goal is|to|just|let's say|say)[\s,:]{1,3}){0,6}",
    re.I,
)
_ENDS = regex(
    r",? (?:using|via|with access to) .{1,400}|,? (?:in an? [a-z -]{1,40}(?:tone|voice|style|manner|way)"
    r"|with an? [a-z -]{1,40}(?:tone|voice|style|manner))\b.{0,200}",
    re.I,
)
_TAGS = regex(r"[^,.\n]{1,40}(?:,[^,.\n]{1,40}){1,100}\.?\s{0,5}\Z")
_JOINT = regex(r",? and (?:also |then |to )?|, (?:then |also |to )?|;\s?|,? then |,? plus ", re.I)


def read_goals(reading: Reading, context: Context) -> None:
    """Adds the goals that the message names to the reading."""
    asked = context.asked == FieldName.GOALS
    is_first = FieldName.GOALS not in context.known and context.asked in (None, FieldName.AGENT_TYPE)
    found: list[Span] = []
    for sentence in reading.sentences:
        if not sentence.taken and len(found) < MOST:
            found.extend(_goals(reading, sentence, asked, is_first, context.asked == FieldName.TONE))
    op = Op.SET if _REPLACES.search(reading.text[:2_000]) else Op.ADD
    spans = list({goal.text: goal for goal in found if goal.text}.values())[:MOST]
    if spans and op is Op.SET:
        reading.add(Op.SET, FieldName.GOALS, [goal.text for goal in spans], spans)
        return
    for goal in spans:
        reading.add(Op.ADD, FieldName.GOALS, goal.text, [goal])


def _commands(sentence: Sentence) -> bool:
    """Whether it starts with something to do: a goal, said where the tone was asked for."""
    texts = [word.text for word in sentence.words]
    return len(texts) > 1 and texts[0] in VERBS - _MANNERS and not {"like", "as"} & set(texts)


_MANNERS = vocabulary("make keep do go get take talk act write answer reply respond explain show give sort")


def _goals(reading: Reading, sentence: Sentence, asked: bool, is_first: bool, asked_tone: bool) -> Iterator[Span]:
    labelled = sentence.label is FieldName.GOALS
    if sentence.label not in (None, FieldName.GOALS):
        return
    begin = _cued(reading, sentence)
    if begin is None and asked_tone and _commands(sentence):
        begin = sentence.start
    if begin is None and (labelled or asked or (is_first and _tells(reading, sentence))):
        lead = _LEAD.match(reading.text, sentence.start, sentence.end)
        begin = lead.end() if lead else sentence.start
        if labelled or (is_first and not asked):
            goal = reading.span(begin, sentence.end)  # a description is one thing
            if goal.text:
                yield goal
            return
    if begin is not None:
        yield from _split(reading, begin, sentence.end)


def _cued(reading: Reading, sentence: Sentence) -> int | None:
    """Where the clause behind a goal's cue begins, or None."""
    if replaced := _REPLACES.search(reading.text, sentence.start, sentence.end):
        return replaced.end()
    for word in sentence.words:
        if word.text in AGENT_NOUNS or word.text.endswith("bot"):
            after = _AFTER_NOUN.match(reading.text, word.end, sentence.end)
            if after and _acts(reading, after.end(), sentence.end, after[0]):
                return after.end()
    for cue in _CUES.finditer(reading.text, sentence.start, sentence.end):
        if _acts(reading, cue.end(), sentence.end, cue[0]):
            return cue.end()
    also = re.match(
        r"\s{0,5}(?:and |please |it )?(?:also|additionally|plus|then)[, ]{1,2}(?:to |it should )?(?=([a-z]{2,20})\b)",
        sentence.text,
        re.I,
    )
    if also and also[1].lower() in VERBS and also[1].lower() not in ("make",) and len(sentence.words) > 2:
        return sentence.start + also.end()
    return None


def _acts(reading: Reading, start: int, end: int, cue: str) -> bool:
    """Whether what follows a cue is something to do, and not how to sound, what to use or never to do."""
    following = words(reading.text[start : min(end, start + 80)])
    if not following or following[0].text in _NOT_ACTS:
        return False
    if following[0].text in ("be", "sound", "speak", "talk", "stay", "keep") and TONES.find(following[:8]):
        return False
    said = cue.lower().split()
    if said[-1:] in (["that"], ["which"], ["who"]):
        return _stem(following[0].text) in VERBS
    if said[-1:] in (["for"], ["of"]):
        return True
    return following[0].text in VERBS or not cue.lower().strip().endswith("to") or len(following) > 1


def _stem(word: str) -> str:
    """A verb without the third person's ending: `answers`, `replies`, `fixes`."""
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("es") and word[:-2] in VERBS:
        return word[:-2]
    return word[:-1] if word.endswith("s") else word


_NOT_ACTS = vocabulary(
    """
    not never n't use using have has be known called named avoid only run live work speak is are was friendly
    """
)


def _tells(reading: Reading, sentence: Sentence) -> bool:
    """Whether a sentence of a description says what is done: no tags in the last line, no tone alone, no request."""
    if len(sentence.words) < 2 or " " not in sentence.text.strip():
        return False
    is_last = sentence is reading.sentences[-1] and len(reading.sentences) > 2
    if is_last and _TAGS.match(sentence.text) and _reads_as_tags(sentence):
        return False
    if _SPEAKS.match(sentence.text) or (sentence.toned and (len(sentence.words) <= 3 or _USES.match(sentence.text))):
        return False
    types = [span for change in reading.changes if change.field is FieldName.AGENT_TYPE for span in change.spans]
    if any(sentence.start <= span.start < sentence.end for span in types):
        return False
    if _OF_THE_USER.match(sentence.text):
        return False
    return not (_REQUEST.match(sentence.text) and any(word.text in AGENT_NOUNS for word in sentence.words))


_OF_THE_USER = regex(
    r"\s{0,10}(?:i|we)(?:'m|'re| am| are|'ve)? (?:run|own|have(?! been)|got|work|sell|manage|lead|need|want|would like"
    r"|looking|an?)\b",
    re.I,
)
_SPEAKS = regex(r"\s{0,5}(?:it should |it must |should |please )?(?:be|sound|keep|stay|speak|talk)\b", re.I)
_USES = regex(r"\s{0,5}(?:please )?(?:use|using)\b", re.I)
_REQUEST = regex(
    r"\s{0,10}(?:hi|hello|hey|thanks|(?:i|we)(?:'d| would)? (?:want|need|like|am|'m)|can you|could you"
    r"|please (?:build|make|create)|build me|make me|create an?|let's)\b",
    re.I,
)


def _reads_as_tags(sentence: Sentence) -> bool:
    """Short items between commas, with hardly a word that only sentences have."""
    items = sentence.text.split(",")
    glue = sum(1 for word in sentence.words if word.text in _GLUE)
    return (
        max(len(words(item)) for item in items) <= 4
        and glue <= len(items) // 4
        and not re.search(r"[.!?]\s{0,3}\Z", sentence.text)
    )


_GLUE = vocabulary(
    """
    the a an is are that which to with from by your you it i we in on can will should as
    """
)


def _split(reading: Reading, begin: int, end: int) -> Iterator[Span]:
    """One goal, or several where a verb follows a comma or `and`."""
    if ending := _ENDS.search(reading.text, begin, end):
        end = ending.start()
    start = begin
    for joint in _JOINT.finditer(reading.text, begin, end):
        after = words(reading.text[joint.end() : min(end, joint.end() + 30)])
        if (
            after
            and joint.start() > start
            and _stem(after[0].text) in VERBS
            and len(words(reading.text[joint.end() : end][:80])) > 1
        ):
            yield reading.span(start, joint.start())
            start = joint.end()
    yield reading.span(start, end)


def read_removed_goals(reading: Reading, context: Context) -> None:
    """`remove the goal about refunds`: takes out the goal that shares most words with it."""
    for found in _REMOVES.finditer(reading.text[:2_000]):
        about = {word.text for word in words(found[1])}
        known = context.items(FieldName.GOALS)
        best = max(known, key=lambda goal: len(about & {word.text for word in words(goal)}), default=None)
        if best and about & {word.text for word in words(best)}:
            spoken = words(found[1])
            span = word_span(found[1], spoken)
            place = found.start(1)
            moved = Span(text=span.text, start=span.start + place, end=span.end + place)
            reading.add(Op.REMOVE, FieldName.GOALS, best, [moved])
            reading.forget(found.start())
