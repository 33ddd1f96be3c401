"""How far one segmentation is from another: Pk and WindowDiff, lower is better. Pure.

A segmentation says of each message whether it opens a topic; the first one's flag does not count. The window is half
the reference's mean topic, rounded half to even, at least 2: as in `segeval`, which a test compares these with.
Pk: Beeferman, Berger, Lafferty 1999. WindowDiff: Pevzner, Hearst 2002.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate

Opens = Sequence[bool]


def pk(guess: Opens, reference: Opens) -> float | None:
    """The share of windows whose ends are in one topic for the one and in two for the other."""
    return _share(guess, reference, lambda ours, theirs: (ours > 0) != (theirs > 0))


def window_diff(guess: Opens, reference: Opens) -> float | None:
    """The share of windows in which the numbers of topics opened differ."""
    return _share(guess, reference, lambda ours, theirs: ours != theirs)


def _share(guess: Opens, reference: Opens, differ: Callable[[int, int], bool]) -> float | None:
    """The share of windows that differ; None where there are not even messages enough for one."""
    ours, theirs = _topics_so_far(guess), _topics_so_far(reference)
    width = _window(theirs)
    windows = len(theirs) - width
    if windows < 1:
        return None
    wrong = sum(
        differ(ours[end] - ours[end - width], theirs[end] - theirs[end - width]) for end in range(width, len(theirs))
    )
    return wrong / windows


def _topics_so_far(opens: Opens) -> list[int]:
    return list(accumulate((int(flag) for flag in opens[1:]), initial=0))


def _window(topics_so_far: Sequence[int]) -> int:
    return max(2, round(Fraction(len(topics_so_far), 2 * (topics_so_far[-1] + 1))))
