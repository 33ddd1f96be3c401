"""Tone, language, channel, audience, name, constraints, inputs, outputs and examples in a message."""

from __future__ import annotations

import re

from chalicelib.designer.context import Context
from chalicelib.designer.gazetteers import AGENT_NOUNS, AMBIGUOUS_TONES, CHANNELS, LANGUAGE_NAMES, TONES, VERBS
from chalicelib.designer.models import LISTS, FieldName, Op
from chalicelib.designer.rules_text import Reading, Sentence
from chalicelib.designer.text import Match, near, vocabulary, word_span
from chalicelib.patterns import regex

LONGEST_NEAR = 6  # words of an answer in which a misspelt tone is looked for
LONGEST_TONE = 80  # code points of a tone in words of the user's own
_TONE_CUES = vocabulary(
    """
    tone sound sounds sounding voice style manner speak speaks talk talks reply replies respond responds be keep
    stay vibe personality way more less tonality
    """
)
_CORRECTING = vocabulary(
    """
    actually rather instead no make change not but please should it a bit very more less quite and or to the i
    mean meant with little somewhat really pretty also sorry yes ok okay go let's yet
    though slightly mostly quite super extremely overall rather fairly sort kind of
    """
)
_DENYING = frozenset(["not", "no", "don't", "isn't", "never", "without"])
_TONE_ANSWER = regex(
    r"\s{0,10}(?:(?:ok|okay|yes|well|so|um|i'd say|i think|maybe|it should be|it should sound|make it|keep it"
    r"|the tone should be|the tone is|tone|be|sound|a|an|should be|i want it to be|i'd like it to be|let's say|say"
    r"|something)[\s,:]{1,3}){0,5}",
    re.I,
)
_LANGUAGE_CUES = vocabulary(
    """
    in speak speaks language languages answer answers reply replies respond responds write writes only always
    """
)
_CHANNEL_CUE = regex(
    r"\b(?:channel(?: is|:)|(?:deploy(?:ed)?(?: it)?|available|live[sd]?|runs?|running|embedded|reach(?:able|ed)?"
    r"|hosted|published|talk to it|put it) (?:to|on|in|into|via|over|through|by))\s",
    re.I,
)
_NAME = regex(
    r"\b(?i:(?:call|name) (?:it|her|him|the (?:bot|agent|assistant))|(?:its|his|her|the|bot's|agent's"
    r"|assistant's) name (?:is|should be|will be|would be)|(?:change|set) (?:its|his|her|the) name to|(?:named"
    r"|called))[ :]{1,3}[\"“']?([A-Z0-9][\w'’-]{0,30}(?: [A-Z0-9][\w'’-]{0,30}){0,3})"
)
_RENAMED = regex(
    r"\b(?i:rename) (?:it|her|him|the (?:bot|agent"
    r"|assistant))(?: to)? [\"“']?([A-Za-z0-9][\w'’-]{0,30}(?: [A-Z0-9][\w'’-]{0,30}){0,3})"
)
_PEOPLE = (
    r"customers|clients|users|students|pupils|employees|staff|colleagues|teams?|developers|engineers|programmers"
    r"|beginners|kids|children|teenagers|parents|teachers|"
    r"patients|doctors|nurses|sellers|buyers|shoppers|visitors|guests|tourists|travell?ers|managers|executives"
    r"|founders|entrepreneurs|researchers|scientists|writers|"
    r"readers|players|gamers|learners|job seekers|applicants|candidates|recruiters|lawyers|accountants|marketers"
    r"|designers|analysts|investors|members|subscribers|"
    r"citizens|seniors|people|adults|professionals|owners|freelancers|women|men|families|tenants|drivers|agents|fans"
    r"|athletes|newcomers|everyone|everybody"
)
_AUDIENCE = regex(
    rf"\b(?:(?:for|aimed at|targeted at|targeting|used by|intended for|serving|helps?|assist(?:s|ing)?|audience(?: is"
    rf"| are|:)?|users (?:are|will be)|talks? to|speaks? to)\s)((?:(?:our|my|the|their|all|new|young|busy|small|local"
    rf"|non-technical|internal|external|existing|potential|(?![a-z]{{1,20}}ing\b)[a-z]{{3,20}}) ){{0,3}}"
    rf"(?:{_PEOPLE}))\b",
    re.I,
)
_CONSTRAINT = regex(
    r"(?:\A|[,;]\s|\s(?:and|but)\s|\b(?:it|he|she|they|the (?:bot|agent|assistant)) )\s{0,5}((?:(?:should|must|may"
    r"|can|could|shall|will) (?:never|not|only|always)|never|do not|don't|must|mustn't|shouldn't|can't|cannot|avoid"
    r"|no more than|at most"
    r"|only (?:answer|use|reply|respond|talk|give|when|if)|always|make sure|ensure|limit|keep (?:answers|replies"
    r"|responses))\b.{2,600})",
    re.I | re.S,
)
_NOT_CONSTRAINTS = regex(r"\b(?:approval|confirm|forget|mind|know|understand|care|worry|matter)\b", re.I)
_STARTS = {
    FieldName.INPUTS: regex(
        r"\b(?:inputs? (?:is|are|will be|would be)|it (?:gets|receives|takes|is given|reads in)|as input,?"
        r"|users? (?:sends?|uploads?|gives?|provides?|pastes?))\s",
        re.I,
    ),
    FieldName.OUTPUTS: regex(
        r"\b(?:outputs? (?:is|are|will be|should be|would be)|it (?:returns|outputs|produces|answers with"
        r"|replies with|responds with)|as output,?|(?:the )?(?:result|answer|reply)s? (?:should be|is|are))\s",
        re.I,
    ),
    FieldName.EXAMPLES: regex(
        r"\b(?:for example|for instance|e\.g\.|an example(?: is| would be)?|example of use)[,: ]{1,3}", re.I
    ),
}


def read_fields(reading: Reading, context: Context) -> None:
    """Adds what the message says of these fields to the reading."""
    _tone(reading, context)
    _language(reading, context)
    _name(reading)
    _audience(reading, context)
    _constraints(reading, context)
    _started(reading)
    _labelled(reading)


def _tone(reading: Reading, context: Context) -> None:
    asked = context.asked == FieldName.TONE
    for sentence in reading.sentences:
        if sentence.label not in (None, FieldName.TONE):
            continue
        matches = _tones(sentence, asked or sentence.label is FieldName.TONE, context)
        if not matches:
            continue
        spans = [word_span(reading.text, sentence.words[match.first : match.last]) for match in matches]
        values = [_less(sentence, match) or match.entry for match in matches]
        reading.add(Op.SET, FieldName.TONE, " and ".join(dict.fromkeys(values)), spans)
        sentence.toned = True
        sentence.taken = sentence.taken or _is_about_tone(sentence, matches)
        return


def _less(sentence: Sentence, match: Match[str]) -> str | None:
    """`less formal`, which is no tone of its own, but no formal one either."""
    before = sentence.words[match.first - 1].text if match.first else ""
    return f"less {match.entry}" if before == "less" else None


def _tones(sentence: Sentence, asked: bool, context: Context) -> list[Match[str]]:
    """The tones a sentence asks for: those said of the agent's way to speak, without those it refuses."""
    found = TONES.find(sentence.words)
    if not found and (asked or len(sentence.words) <= 2):
        found = _near_tones(sentence)
    kept = [match for match in found if asked or _is_meant(sentence, match, found, context)]
    wanted = [match for match in kept if not _refused(sentence, match)]
    if kept and not wanted:
        return []
    return wanted[:3]


def _near_tones(sentence: Sentence) -> list[Match[str]]:
    single = TONES.single_words
    known = tuple(single)
    if len(sentence.words) > LONGEST_NEAR:
        return []
    spoken = [(index, word) for index, word in enumerate(sentence.words) if word.text not in VERBS]
    meant = [(index, near(word.text, known)) for index, word in spoken]
    return [Match(single[name], index, index + 1) for index, name in meant if name]


def _is_meant(sentence: Sentence, match: Match[str], found: list[Match[str]], context: Context) -> bool:
    texts = [word.text for word in sentence.words]
    near_by = texts[max(0, match.first - 5) : match.first] + texts[match.last : match.last + 4]
    said = sentence.words[match.first].text
    if {"tone", "style", "voice", "sound", "manner", "sounds", "language"} & set(near_by):
        return True
    if said in AMBIGUOUS_TONES:
        return False
    after = texts[match.last : match.last + 5]
    if any(text in AGENT_NOUNS for text in after) and _leads_to_noun(texts, match, found):
        return True
    others = len(texts) - sum(m.last - m.first for m in found)
    if set(texts) <= _CORRECTING | {sentence.words[i].text for m in found for i in range(m.first, m.last)}:
        return True
    ends = match.last == len(texts) or texts[match.last] in (
        "and",
        "but",
        "with",
        "please",
        "tone",
        "way",
        "to",
        "when",
        "in",
        "too",
        "instead",
    )
    return bool(_TONE_CUES & set(texts[max(0, match.first - 4) : match.first])) and ends and others <= 25


def _leads_to_noun(texts: list[str], match: Match[str], found: list[Match[str]]) -> bool:
    """`a friendly and patient math tutor`: an article stands right before the adjectives."""
    first = match.first
    tones = {index for m in found for index in range(m.first, m.last)}
    while first and (first - 1 in tones or texts[first - 1] in ("and", "but", "very", "more", "yet")):
        first -= 1
    return first > 0 and texts[first - 1] in ("a", "an", "our", "my")


def _refused(sentence: Sentence, match: Match[str]) -> bool:
    tone = sentence.words[match.first]
    comma = sentence.text.rfind(",", 0, max(0, tone.start - sentence.start)) + sentence.start
    before = [w.text for w in sentence.words[max(0, match.first - 3) : match.first] if w.start > comma]
    if ("of" in before and "instead" in before) or "than" in before:
        return True
    denying = [index for index, text in enumerate(before) if text in _DENYING]
    return bool(denying) and not {"but", "only"} & set(before[denying[-1] :])


def _is_about_tone(sentence: Sentence, matches: list[Match[str]]) -> bool:
    texts = {word.text for word in sentence.words}
    return len(sentence.words) <= 6 + len(matches) or bool({"tone", "sound", "voice"} & texts and len(texts) <= 14)


def read_tone_in_own_words(reading: Reading, context: Context) -> None:
    """Adds a short answer as the tone it is, such as `like a pirate`, where nothing else was read in it."""
    if context.asked != FieldName.TONE or reading.changes:
        return
    sentence = next((s for s in reading.sentences[:1] if s.words and not s.taken), None)
    if sentence is None or len(reading.text.strip()) > LONGEST_TONE:
        return
    lead = _TONE_ANSWER.match(reading.text, sentence.start, sentence.end)
    found = reading.span(lead.end() if lead else sentence.start, sentence.end)
    if found.text:
        sentence.taken = True
        reading.add(Op.SET, FieldName.TONE, found.text, [found])


def _language(reading: Reading, context: Context) -> None:
    for sentence in reading.sentences:
        texts = [word.text for word in sentence.words]
        labelled = sentence.label is FieldName.LANGUAGE or context.asked == FieldName.LANGUAGE
        for match in LANGUAGE_NAMES.find(sentence.words):
            before = set(texts[max(0, match.first - 3) : match.first])
            last = match.last == len(texts) or texts[match.last] in ("and", "or", "only", "please", "to", "with", "for")
            if labelled or (_LANGUAGE_CUES & before and last and "into" not in before and "from" not in before):
                spans = [word_span(reading.text, sentence.words[match.first : match.last])]
                reading.add(Op.SET, FieldName.LANGUAGE, match.entry, spans)
                sentence.taken = sentence.taken or len(texts) <= 6
                return


def read_channel(reading: Reading, context: Context) -> None:
    """Adds where people meet the agent; its words are no tool then."""
    for sentence in reading.sentences:
        if sentence.taken and sentence.label is not FieldName.CHANNEL:
            continue
        for match in CHANNELS.find(sentence.words):
            start = sentence.words[match.first].start
            cue = _CHANNEL_CUE.search(reading.text, max(sentence.start, start - 28), start)
            if cue is None and sentence.label is not FieldName.CHANNEL and context.asked != FieldName.CHANNEL:
                continue
            reading.add(
                Op.SET,
                FieldName.CHANNEL,
                match.entry,
                [word_span(reading.text, sentence.words[match.first : match.last])],
            )
            sentence.taken = sentence.taken or len(sentence.words) <= 8
            sentence.words = [*sentence.words[: match.first], *sentence.words[match.last :]]
            return


def _name(reading: Reading) -> None:
    found = _RENAMED.search(reading.text) or _NAME.search(reading.text)
    if found:
        name = reading.span(*found.span(1))
        reading.add(Op.SET, FieldName.NAME, name.text, [name])
        reading.take(found.start(), 7)


def _audience(reading: Reading, context: Context) -> None:
    if context.asked not in (None, FieldName.AGENT_TYPE, FieldName.AUDIENCE) and not re.search(
        r"\b(?:audience|aimed at|users are|used by|intended for|it's for|it is for)\b", reading.text, re.I
    ):
        return
    if found := _AUDIENCE.search(reading.text):
        audience = reading.span(*found.span(1))
        reading.add(Op.SET, FieldName.AUDIENCE, audience.text, [audience])


def _constraints(reading: Reading, context: Context) -> None:
    for sentence in reading.sentences:
        if sentence.label not in (None, FieldName.GOALS) or sentence.taken or context.asked == FieldName.TOOLS:
            continue
        if _NOT_CONSTRAINTS.search(sentence.text) and not re.search(r"\b(?:never|must)\b", sentence.text, re.I):
            continue
        if found := _CONSTRAINT.search(sentence.text):
            start = sentence.start + found.start(1)
            constraint = reading.span(start, sentence.start + found.end(1))
            reading.add(Op.ADD, FieldName.CONSTRAINTS, constraint.text, [constraint])
            if found.start(1) <= 12:
                sentence.taken = True
            else:  # what stands before it may be a goal
                sentence.end = sentence.start + found.start()
                sentence.text = reading.text[sentence.start : sentence.end]
                sentence.words = [word for word in sentence.words if word.end <= sentence.end]


def _started(reading: Reading) -> None:
    for name, pattern in _STARTS.items():
        for sentence in reading.sentences:
            found = None if sentence.taken or sentence.label else pattern.search(sentence.text)
            if found:
                value = reading.span(sentence.start + found.end(), sentence.end)
                if value.text:
                    reading.add(Op.ADD if name in LISTS else Op.SET, name, value.text, [value])
                    sentence.taken = True


_LABELLED = frozenset(
    {
        FieldName.NAME,
        FieldName.AUDIENCE,
        FieldName.INPUTS,
        FieldName.OUTPUTS,
        FieldName.EXAMPLES,
        FieldName.CONSTRAINTS,
        FieldName.TONE,
        FieldName.LANGUAGE,
        FieldName.CHANNEL,
    }
)


def _labelled(reading: Reading) -> None:
    for sentence in reading.sentences:
        name = sentence.label
        if name not in _LABELLED or not sentence.words or (reading.has(name) and name not in LISTS):
            continue
        value = reading.span(sentence.start, sentence.end)
        if value.text:
            reading.add(Op.ADD if name in LISTS else Op.SET, name, value.text, [value])
            sentence.taken = True
