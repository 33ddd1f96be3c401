"""Automatic topic titles: without a story, the opening of the first message, read where it stands and never copied."""

from __future__ import annotations

import re

from chalicelib.conversations.routing import switch_signal

LONGEST = 60  # code points
EMPTY = "New topic"


def automatic(opening: str | None) -> str:
    """A title from the first characters of a topic's first message; `EMPTY` if there is none."""
    text = " ".join((opening or "").split())
    if phrase := switch_signal(text):
        text = text[len(phrase) :].lstrip(" .,:;!?…—–-")
    sentence = re.split(r"(?<=[.!?…])\s", text, maxsplit=1)[0].rstrip(" .,:;…") or text
    sentence = shortened(sentence)
    return sentence[:1].upper() + sentence[1:] or EMPTY


def shortened(text: str) -> str:
    """The text on one line, cut to whole words if it is longer than a title may be."""
    text = " ".join(text.split())
    if len(text) <= LONGEST:
        return text
    return text[: LONGEST - 1].rsplit(" ", 1)[0].rstrip(" ,.:;") + "…"
