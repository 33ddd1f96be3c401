"""The kind of agent a message asks for, in the user's own words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chalicelib.designer.context import Context
from chalicelib.designer.gazetteers import AGENT_NOUNS, GENERAL, KIND_WORDS, PLAIN_NOUNS, TONES, Kind
from chalicelib.designer.models import FieldName, Op, Span
from chalicelib.designer.rules_control import corrects
from chalicelib.designer.rules_text import Reading, Sentence
from chalicelib.designer.text import Word, near, vocabulary, word_span, words
from chalicelib.patterns import regex

LONGEST_TITLE = 10  # words
LONGEST_ANSWER = 12
SHORT_ANSWER = 4
_MODIFIERS = 6  # words before the noun
_BOUNDARY = vocabulary(
    """
    a an the my our your this that these some any i we you it is are was be want need needs like to for of with
    in on at by and or but which who build make create design develop have get give me us new called named as
    would should could can will please help helps actually rather instead not no into from about he she they
    let's just want's using use
    """
)
_ASKS = regex(
    r"\b(?:i|we)(?:'d| would)? (?:want|need|like|love|wish|am looking|'m looking|are looking|am thinking of|plan)\b"
    r"|\b(?:build|make|create|design|develop|set up|give|get)(?: me| us)? (?:an?|my|our|the|some)\b|\bcan (?:you"
    r"|we) (?:build|make|create|design)\b",
    re.I,
)
_RETYPES = regex(
    r"\b(?:make it an?|change (?:it|the (?:agent|type|agent type)) to|switch (?:it )?to|it(?:'s| is) (?:really )?an?"
    r"|it should be an?|no,? an?|not an?)\b",
    re.I,
)
_BUILT = regex(
    r"\b(?:(?:i|we)(?:'d| would)? (?:want|need|like)(?: to (?:build|make|create|design|have))?"
    r"|(?:build|make|create|design|set up|give)(?: me| us)?) (?:an?|my|our)\b",
    re.I,
)
_FOR = regex(r"\sfor (?=\w)", re.I)
_LEAD = regex(
    r"\s{0,10}(?:(?:hi|hello|hey|ok|okay|yes|well|so|um|actually|no|please|it's|it is|it should be|it would be"
    r"|this is|that would be|i want|i need"
    r"|i'd like|i would like|we want|we need|we'd like|let's|make|build|create|design|to build|to make|to create"
    r"|to have|me|something like|maybe|a|an|the|my|our|kind of"
    r"|sort of|type of|just|some|rather|instead)[\s,:]{1,3}){0,8}",
    re.I,
)
_SPLITS_TITLE = regex(r"\s[-–—|]\s|:\s")
_STARTS_WITH_REQUEST = regex(
    r"\s{0,10}(?:i|we|you|my|our|it|please|can|could|hi|hello|hey|build|make|create|help|let's|design|actually|also"
    r"|there|this|what|how|yes|no|use|add"
    r"|give|want|need|looking|set)\b",
    re.I,
)
_CLAUSE = regex(r"\s(?:that|which|who|to [a-z]{2,20}|able to|called|named)\s", re.I)
_STOP = regex(
    r"[,.;:!?\n(]|\s(?:that|which|who|to|so|because|and it|whose|with|using|in an?|helping|able|called|named|where"
    r"|when|it)\b",
    re.I,
)


def kind_of(agent_type: str) -> Kind:
    """The common kind that an agent type is nearest to: the one named by most of its words, else the general one."""
    votes: dict[str, int] = {}
    kinds: dict[str, Kind] = {}
    for match in KIND_WORDS.find(words(agent_type)):
        kinds[match.entry.name] = match.entry
        votes[match.entry.name] = votes.get(match.entry.name, 0) + match.last - match.first
    best = max(votes, key=lambda name: votes[name], default=GENERAL.name)
    return kinds.get(best, GENERAL)


def read_agent_type(reading: Reading, context: Context) -> None:
    """Adds the agent type that the message names, unless it is known and the message does not correct it."""
    asked = context.asked == FieldName.AGENT_TYPE
    known = FieldName.AGENT_TYPE in context.known
    if known and not asked and not _retypes(reading.text[:400]):
        labelled = [s for s in reading.sentences if s.label is FieldName.AGENT_TYPE]
        if not labelled:
            return
    is_start = not known and context.asked in (None, FieldName.AGENT_TYPE)
    found = _labelled(reading) or (_title(reading) if is_start else None) or _noun_phrase(reading, known)
    if not found and asked:
        found = _answer(reading)
    if found and found.text:
        reading.add(Op.SET, FieldName.AGENT_TYPE, found.text, [found])


def _retypes(text: str) -> bool:
    """Whether the text may give another type than the one known."""
    return corrects(text) or bool(_RETYPES.search(text) or _BUILT.search(text))


def _labelled(reading: Reading) -> Span | None:
    for sentence in reading.sentences:
        if sentence.label is FieldName.AGENT_TYPE and sentence.words:
            sentence.taken = True
            return reading.span(sentence.start, sentence.end)
    return None


def _title(reading: Reading) -> Span | None:
    """A first line or sentence that is a heading: short, and no request."""
    first = next((s for s in reading.sentences[:1] if s.label is None and s.words), None)
    if first is None or _STARTS_WITH_REQUEST.match(first.text):
        return None
    cut = _SPLITS_TITLE.search(first.text)
    end = first.start + cut.start() if cut else first.end
    heading = [word for word in first.words if word.end <= end]
    more = len(reading.sentences) > 1 or cut is not None
    is_named = bool(heading) and (heading[-1].text in AGENT_NOUNS or KIND_WORDS.find(heading) != [])
    if (
        not heading
        or _CLAUSE.search(reading.text, heading[0].start, end)
        or len(heading) > LONGEST_TITLE
        or not (more or is_named)
        or ("," in first.text[: end - first.start] and not more)
    ):
        return None
    if cut is None:
        first.taken = True
    else:
        first.text, first.start = first.text[cut.end() :], first.start + cut.end()
        first.words = [word for word in first.words if word.start >= first.start]
    start = _LEAD.match(reading.text, heading[0].start, end)
    return reading.span(start.end() if start and start.end() < end else heading[0].start, end)


def _noun_phrase(reading: Reading, correcting: bool) -> Span | None:
    """`customer support bot` of `I want a friendly customer support bot that …`."""
    for sentence in reading.sentences[:8]:
        if not (
            _ASKS.search(sentence.text)
            or _retypes(sentence.text)
            or len(sentence.words) <= LONGEST_ANSWER
            or not correcting
        ):
            continue
        if found := _in_sentence(reading, sentence, correcting):
            return found
    return None


def _in_sentence(reading: Reading, sentence: Sentence, correcting: bool) -> Span | None:
    """The first noun phrase with an agent noun; where it corrects one, only behind `a`, or in a few words: `change it
    for the editor` names nobody's type."""
    for place, word in enumerate(sentence.words):
        if not _is_agent_noun(word.text):
            continue
        index = first = _last_noun(reading, sentence, place)
        while first and index - first < _MODIFIERS and _joins(reading, sentence.words, first):
            first -= 1
        if correcting and len(sentence.words) > SHORT_ANSWER and not _is_introduced(sentence, first):
            continue
        first = _after_tone(sentence.words, first, index)
        phrase = sentence.words[first : index + 1]
        if len(phrase) == 1 and phrase[0].text in PLAIN_NOUNS:
            bare = word_span(reading.text, phrase) if not correcting and _BUILT.search(sentence.text) else None
            return _for_what(reading, sentence, index) or bare
        return word_span(reading.text, phrase)
    return None


def _is_introduced(sentence: Sentence, first: int) -> bool:
    return first > 0 and sentence.words[first - 1].text in ("a", "an")


def _last_noun(reading: Reading, sentence: Sentence, place: int) -> int:
    """`expert assistant`: the last of several nouns in a row."""
    found = sentence.words
    while place + 1 < len(found) and _is_agent_noun(found[place + 1].text) and _joins(reading, found, place + 1):
        place += 1
    return place


def _is_agent_noun(text: str) -> bool:
    return text in AGENT_NOUNS or (text.endswith("bot") and len(text) > 4)


def _joins(reading: Reading, found: Sequence[Word], first: int) -> bool:
    """Whether the word before `first` belongs to the same noun phrase."""
    before = found[first - 1]
    gap = reading.text[before.end : found[first].start]
    return before.text not in _BOUNDARY and gap.strip() in ("", "-", "/", "&", ".") and "\n" not in gap


def _after_tone(found: Sequence[Word], first: int, noun: int) -> int:
    """Adjectives such as `friendly` in front are the tone, not the type."""
    for match in TONES.find(found[first:noun]):
        if match.first == 0:
            first += match.last
            if first < noun and found[first].text in ("and", "but"):
                first += 1
    return first


def _for_what(reading: Reading, sentence: Sentence, index: int) -> Span | None:
    """`bot for customer support`: a bare noun together with what it is for."""
    noun = sentence.words[index]
    joined = _FOR.match(reading.text, noun.end, sentence.end)
    if not joined:
        return None
    stop = _STOP.search(reading.text, joined.end(), sentence.end)
    end = stop.start() if stop else sentence.end
    if len(words(reading.text[joined.end() : end][:200])) > 6:
        return None
    return reading.span(noun.start, end)


_TELLS = regex(
    r"\s{0,10}(?:it (?:should|must|can|could|will|would|needs|has|helps)|(?:i|we) (?:run|own|have|work|am|are|sell"
    r"|manage)|they|you|there|my|our|that|please)\b",
    re.I,
)


def _answer(reading: Reading) -> Span | None:
    """The whole of a short answer, without its lead-in; a common kind where its words only nearly name one."""
    for sentence in reading.sentences[:1]:
        if sentence.taken or not sentence.words or _TELLS.match(sentence.text):
            continue
        lead = _LEAD.match(reading.text, sentence.start, sentence.end)
        begin = lead.end() if lead and lead.end() < sentence.end else sentence.start
        stop = _STOP.search(reading.text, begin, sentence.end)
        found = reading.span(begin, stop.start() if stop and stop.start() > begin else sentence.end)
        if 0 < len(words(found.text)) <= LONGEST_ANSWER:
            return found
    return None


def nearly(agent_type: str) -> str:
    """An agent type with its misspelt words put right where they nearly name a common kind; for `kind_of` alone."""
    known = tuple(KIND_WORDS.single_words)
    return " ".join(near(word.text, known) or word.text for word in words(agent_type))
