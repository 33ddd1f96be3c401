"""What speaks for and against a shift at a message, given the messages before it. Pure.

Three groups: cues (words and pairs of words), cohesion (what is asked, how long, what is taken up again) and subjects.
Names are those of the fitted table; values are numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from chalicelib.conversations.shifts.text import Utterance, stems, subjects

NEAR, FAR = 4, 8  # messages before, in which words and subjects may be taken up again
SAME_BREATH = 3  # messages before, whose subjects are the running ones

Features = dict[str, float]


def cues(message: Utterance, previous: Utterance) -> Features:
    """Words (`w`), pairs of words (`b`), the first word (`f`), and how the last question before opened (`q`)."""
    words = {f"w:{word}": 1.0 for word in message.words}
    pairs = {f"b:{first} {second}": 1.0 for sentence in message.sentences for first, second in pairwise(sentence)}
    first = {f"f:{word}": 1.0 for word in message.first[:1]}
    return words | pairs | first | {f"q:{' '.join(previous.question[:count])}": 1.0 for count in (2, 3)}


def cohesion(message: Utterance, before: Sequence[Utterance]) -> Features:
    """`before`: oldest first, at least one."""
    return _form(message, before[-1]) | _taken_up(message, before)


def _form(message: Utterance, previous: Utterance) -> Features:
    asks, asked = message.is_question, previous.is_question
    return {
        "asks": float(asks),
        "ends_asking": float(message.ends_asking),
        "remark_then_question": float(message.ends_asking and not message.asks[0]),
        "length": math.log1p(len(message.words)),
        "first_sentence": math.log1p(len(message.first)),
        "sentences": float(len(message.sentences)),
        "asked": float(asked),
        "just_asked": float(previous.ends_asking),
        "length_before": math.log1p(len(previous.words)),
        "asked_and_asks": float(asked and asks),
        "asked_and_answers": float(asked and not asks),
    }


def _taken_up(message: Utterance, before: Sequence[Utterance]) -> Features:
    near = _union(item.stems for item in before[-NEAR:])
    far = _union(item.stems for item in before[-FAR:])
    closing = stems(message.last)
    asking = message.ends_asking
    shared = {
        f"shared_{back}": float(min(2, len(message.stems & item.stems)))
        for back, item in enumerate(reversed(before[-NEAR:]), start=1)
    }
    return shared | {
        "new": float(min(5, len(message.stems - near))),
        "new_share": _share(message.stems - near, message.stems),
        "new_share_far": _share(message.stems - far, message.stems),
        "no_content": float(not message.stems),
        "closing_new": _share(closing - near, closing),
        "question_new": asking * _share(closing - near, closing),
        "closing_shared": float(bool(closing & near)),
        "question_shared": float(asking and bool(closing & near)),
        "question_empty": float(asking and not closing),
    }


def of_subjects(message: Utterance, before: Sequence[Utterance]) -> Features:
    """`before`: oldest first, at least one."""
    running = _union(item.subjects for item in before[-SAME_BREATH:])
    far = _union(item.subjects for item in before[-FAR:])
    now, previous = message.subjects, before[-1].subjects
    opening, closing = subjects(message.first), subjects(message.last)
    asking = message.ends_asking
    counts = {
        "subjects": float(min(3, len(now))),
        "subjects_kept_1": float(min(2, len(now & previous))),
        "subjects_kept": float(min(2, len(now & running))),
        "subjects_new": float(min(3, len(now - running))),
        "subjects_new_far": float(min(3, len(now - far))),
        "subjects_resumed": float(bool(now & running) and not now & previous),
        "subjects_all_new": float(bool(now) and not now & running),
        "subjects_all_new_1": float(bool(now) and bool(previous) and not now & previous),
        "question_subject_new": float(asking and bool(closing) and not closing & running),
        "question_subject_kept": float(asking and bool(closing & running)),
        "closing_subject_new": float(bool(closing - running)),
        "subjects_none": float(not now),
        "turns_within": float(bool(opening) and bool(closing) and not opening & closing),
    }
    return counts | {f"new:{name}": 1.0 for name in now - running} | {f"kept:{name}": 1.0 for name in now & running}


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)


def _share(part: frozenset[str], whole: frozenset[str]) -> float:
    return len(part) / max(1, len(whole))
