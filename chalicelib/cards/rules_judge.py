"""Reads one sentence: which kind of card it makes, if any, and how sure a reader may be of it."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple

from chalicelib.cards.models import CardKind
from chalicelib.cards.rules_cues import CUES, Cue
from chalicelib.cards.rules_guards import (
    ANY_DAY,
    CHATTER,
    CODE_SIGNS,
    COMMON_WORDS,
    CONCRETE,
    DOUBTED,
    ERRAND,
    HEDGES,
    IMPERATIVE,
    JUDGING,
    LABEL,
    LABELS,
    LEANING,
    QUESTION_OPENING,
    REPORTED,
    REQUEST,
    STAMMER,
    SUPPOSED,
    TAG_QUESTION,
    UNMARKED_QUESTION,
)
from chalicelib.cards.rules_text import MASK, Segment, clean, is_broken
from chalicelib.cards.words import STRAIGHT, WORD

MIN_CONFIDENCE = 0.5
LABEL_STRENGTH = 0.9
FACT_LABEL_STRENGTH = 0.7  # `Note:` stands before all sorts of things
ORDER_STRENGTH = 0.75
OPENED_STRENGTH, QUESTION_STRENGTH, UNMARKED_STRENGTH = 0.7, 0.65, 0.65
GIST_CONFIDENCE = 0.5
GIST_WORDS = 4  # content words a statement without a cue must hold

_KINDS = (CardKind.DECISION, CardKind.ACTION, CardKind.PREFERENCE, CardKind.INSIGHT, CardKind.FACT, CardKind.QUESTION)
_RANKED = sorted(CUES, key=lambda cue: (-cue.strength, _KINDS.index(cue.kind)))  # the surest first
_BY_TRIGGER = {
    trigger: tuple(rank for rank, cue in enumerate(_RANKED) if trigger in cue.triggers)
    for trigger in frozenset[str]().union(*(cue.triggers for cue in CUES))
}


class Reading(NamedTuple):
    """What a segment makes. `worth` is 0 where a cue says so; else the segment is only a statement, a gist, and
    `worth` is how much it tells by itself, for choosing among statements."""

    segment: Segment
    kind: CardKind
    confidence: float
    worth: float = 0.0


class _Sentence(NamedTuple):
    """A segment made ready for matching: `text` is clean and masked, `lower` and `words` are lower case."""

    segment: Segment
    text: str
    lower: str
    words: tuple[str, ...]


def read(segment: Segment) -> Reading | None:
    """The card a segment makes, or None where it makes none.

    Confidence, in 0..1 and rounded to 2 digits, is the cue's reviewed strength, plus 0.05 for a concrete detail
    (name, number, day), less 0.1 for hedging, 0.15 for broken speech and 0.2 for reported speech. It ranks cards; it
    is no measured probability.
    """
    sentence = _sentence(segment)
    if not _is_prose(sentence):
        return None
    verdict = _verdict(sentence)
    if verdict is None:
        return _gist(sentence)
    confidence = round(min(0.99, verdict[1] + _adjustment(sentence)), 2)
    return Reading(segment, verdict[0], confidence) if confidence >= MIN_CONFIDENCE else _gist(sentence)


def _verdict(sentence: _Sentence) -> tuple[CardKind, float] | None:
    if sentence.segment.asks:
        return _asked(sentence)
    asked = _unmarked(sentence)
    found = (_labelled(sentence), asked or _cued(sentence))
    return max((verdict for verdict in found if verdict), key=itemgetter(1), default=None)


def _gist(sentence: _Sentence) -> Reading | None:
    """A statement without a cue. It tells more with more content words, less if it is long, broken or leans on
    what came before it."""
    lower, segment = sentence.lower, sentence.segment
    if segment.asks or segment.supposed or segment.label or not lower.isascii() or ERRAND.match(lower):
        return None
    count = _content_words(set(sentence.words))
    if count < GIST_WORDS or is_broken(segment.masked) or STAMMER.search(lower):
        return None
    worth = min(count, 10) - 2.0 * bool(LEANING.match(lower)) - len(lower) / 60
    kind = CardKind.INSIGHT if JUDGING.search(lower) else CardKind.FACT
    return Reading(segment, kind, GIST_CONFIDENCE, max(worth, 0.1))


def _sentence(segment: Segment) -> _Sentence:
    text = clean(segment.masked).translate(STRAIGHT)
    lower = text.lower()
    return _Sentence(segment, text, lower, tuple(WORD.findall(lower)))


def _is_prose(sentence: _Sentence) -> bool:
    """Whether this could say something: three words, a long run of a script without spaces, or a label; no code."""
    words = sentence.words
    if len(words) < 3 and not LABEL.match(sentence.text) and not sentence.segment.label:
        return any(len(word) >= 6 and not word.isascii() and MASK not in word for word in words)
    signs = len(CODE_SIGNS.findall(sentence.text))
    return signs < 3 or signs * 12 <= len(sentence.text)


def _content_words(words: Iterable[str]) -> int:
    return sum(1 for word in words if word not in COMMON_WORDS and (len(word) > 1 or word.isdigit()))


def _asked(sentence: _Sentence) -> tuple[CardKind, float] | None:
    """A question worth keeping: about something, and no greeting, tag, check of attention or errand."""
    lower = sentence.lower
    if not _content_words(sentence.words) or CHATTER.search(lower) or TAG_QUESTION.search(lower):
        return None
    if REQUEST.search(lower):
        return None
    return CardKind.QUESTION, OPENED_STRENGTH if QUESTION_OPENING.search(lower) else QUESTION_STRENGTH


def _unmarked(sentence: _Sentence) -> tuple[CardKind, float] | None:
    """A question typed without its mark, such as `do we need a cache`."""
    lower = sentence.lower
    if not lower[-1:].isalnum() or len(lower) > 160 or not UNMARKED_QUESTION.match(lower):
        return None
    return _asked(sentence) and (CardKind.QUESTION, UNMARKED_STRENGTH)


def _labelled(sentence: _Sentence) -> tuple[CardKind, float] | None:
    """The kind that the sentence itself (`TODO: ...`) or the heading above it names."""
    found = LABEL.match(sentence.text)
    name = (found[1] or found[2]).lower() if found else sentence.segment.label
    rest = WORD.findall(sentence.lower, found.end()) if found else sentence.words
    kind = LABELS.get(name)
    if kind is None or not _content_words(rest):
        return None
    return kind, FACT_LABEL_STRENGTH if kind is CardKind.FACT else LABEL_STRENGTH


def _cued(sentence: _Sentence) -> tuple[CardKind, float] | None:
    """The surest kind whose cue stands in the sentence; a bare order with a day in it is an action."""
    if sentence.segment.label == "done":
        return None
    ranks = sorted({rank for word in sentence.words for rank in _BY_TRIGGER.get(word, ())})
    best = next((cue for rank in ranks if _holds(cue := _RANKED[rank], sentence)), None)
    if (best is None or best.strength < ORDER_STRENGTH) and _is_order(sentence.lower):
        return CardKind.ACTION, ORDER_STRENGTH
    return (best.kind, best.strength) if best else None


def _is_order(lower: str) -> bool:
    return bool(IMPERATIVE.match(lower) and ANY_DAY.search(lower))


def _holds(cue: Cue, sentence: _Sentence) -> bool:
    """Whether the cue stands in the sentence as a claim about something: not supposed, not doubted."""
    found = cue.pattern.search(sentence.text if cue.cased else sentence.lower)
    if not found:
        return False
    before = sentence.lower[: found.start()]
    if cue.kind is not CardKind.QUESTION and (DOUBTED.search(before) or _is_supposed(cue, sentence, before)):
        return False
    return _content_words(word for word in sentence.words if word not in cue.triggers) >= cue.needs


def _is_supposed(cue: Cue, sentence: _Sentence, before: str) -> bool:
    """Whether the claim is only supposed. A preference under an `if` is one still."""
    found = SUPPOSED.search(before)
    if cue.kind is CardKind.PREFERENCE:
        return found is not None and found[0] != "if"
    return found is not None or sentence.segment.supposed


def _adjustment(sentence: _Sentence) -> float:
    """What the manner of a sentence adds to its cue's strength; see `read`."""
    lower = sentence.lower
    change = 0.05 if CONCRETE.search(sentence.text) or ANY_DAY.search(lower) else 0.0
    change -= 0.1 if HEDGES.search(lower) else 0.0
    change -= 0.15 if is_broken(sentence.segment.masked) or STAMMER.search(lower) else 0.0
    change -= 0.2 if not sentence.segment.asks and REPORTED.search(lower) else 0.0
    return change
