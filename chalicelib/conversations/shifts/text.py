"""What the router reads of a message: its opening and closing sentences as words, stems and subjects. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from chalicelib.conversations.shifts.subjects import SUBJECTS
from chalicelib.patterns import regex

OPENING, CLOSING = 1_500, 500  # code points looked at: of the start of a message, and of its end
SENTENCE = 30  # words of one sentence
SUFFIXES = ("ing", "ies", "es", "s", "ed", "er", "ly")

_FULL_FORMS = tuple(
    (regex(pattern), full)
    for pattern, full in (
        (r"\bcan't\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"n't\b", " not"),
        (r"'m\b", " am"),
        (r"'re\b", " are"),
        (r"'ve\b", " have"),
        (r"'ll\b", " will"),
        (r"'d\b", " would"),
        (r"\b(what|that|it|how|where|who|there|he|she|here)'s\b", r"\1 is"),
    )
)
_END = regex(r"(?<=[.?!])\s+|\n+")
_WORD = regex(r"[^\W_](?:[^\W_]|')*")

# Words that tell how something is said, not what about.
_HOW = """
    i me my mine myself we us our you your yours yourself he him his she her it its they them their is am are was were
    be been being a an the and or but if so of to in on at for with from by as into over off after before while because
    this that these those here there do does did done have has had having not no yes yeah nope what who where when how
    why which just really very too also even still yet again ever never always only quite pretty actually probably maybe
    though can could would will should must may might let s t m re ve d ll like get got getting go going gone come make
    made take use used try keep want need say said tell see look know think thought mean guess hope wish bet well oh ok
    okay alright sure right true cool nice great good awesome amazing wonderful lovely interesting bad best better fun
    lol wow haha ha aww hi hello hey bye thanks thank please sorry congratulations congrats sound sounds love favorite
    kind lot lots alot bit thing things stuff something anything nothing everything some any much many more most few one
    two three than then now out up down all both each every other another same own way first last long big little new
    about
"""
FUNCTION_WORDS = frozenset(_HOW.split())


@dataclass(frozen=True, slots=True)
class Utterance:
    """A message as read. `length` counts the words of all that was looked at; `words` are those of the sentences kept:
    the first two and the last. `asks` says which of these are questions."""

    sentences: tuple[tuple[str, ...], ...]
    asks: tuple[bool, ...]
    words: tuple[str, ...]
    stems: frozenset[str]
    subjects: frozenset[str]
    length: int

    @property
    def is_question(self) -> bool:
        return any(self.asks)

    @property
    def ends_asking(self) -> bool:
        return bool(self.asks) and self.asks[-1]

    @property
    def question(self) -> tuple[str, ...]:
        """The last sentence that asks; empty if none does."""
        asking = [sentence for sentence, asks in zip(self.sentences, self.asks, strict=True) if asks]
        return asking[-1] if asking else ()

    @property
    def first(self) -> tuple[str, ...]:
        return self.sentences[0] if self.sentences else ()

    @property
    def last(self) -> tuple[str, ...]:
        return self.sentences[-1] if self.sentences else ()


def read(content: str) -> Utterance:
    text = _plain(content)
    pieces = [piece for piece in _END.split(text) if _WORD.search(piece)]
    kept = pieces if len(pieces) <= 3 else [*pieces[:2], pieces[-1]]
    sentences = tuple(tuple(_WORD.findall(piece)[:SENTENCE]) for piece in kept)
    words = tuple(word for sentence in sentences for word in sentence)
    return Utterance(
        sentences,
        tuple("?" in piece for piece in kept),
        words,
        stems(words),
        subjects(words),
        len(_WORD.findall(text)),
    )


def _plain(content: str) -> str:
    """Lower case, plain apostrophes, short forms written out."""
    looked_at = content if len(content) <= OPENING + CLOSING else f"{content[:OPENING]}\n{content[-CLOSING:]}"
    text = looked_at.casefold().replace("’", "'")
    for pattern, full in _FULL_FORMS:
        text = pattern.sub(full, text)
    return text


def stem(word: str) -> str:
    for suffix in SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


def stems(words: Iterable[str]) -> frozenset[str]:
    """The stems of the words that carry content."""
    return frozenset(stem(word) for word in words if len(word) > 2 and word not in FUNCTION_WORDS)


def subjects(words: Sequence[str]) -> frozenset[str]:
    known = _subjects_of_stems()
    return frozenset(subject for word in words for subject in known.get(stem(word), ()))


@cache
def _subjects_of_stems() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for subject, words in SUBJECTS.items():
        for name in {stem(word) for word in words.split()}:
            found[name] = (*found.get(name, ()), subject)
    return found
