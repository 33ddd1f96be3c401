"""Automatic topic titles: the opening of the first message, read where it stands and never copied."""

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
    if len(sentence) > LONGEST:
        sentence = sentence[:LONGEST].rsplit(" ", 1)[0].rstrip(" ,.:;") + "…"
    return sentence[:1].upper() + sentence[1:] or EMPTY
