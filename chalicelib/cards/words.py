"""What counts as a word, and when two texts have the same ones."""

from __future__ import annotations

from chalicelib.patterns import regex

WORD = regex(r"[\w'+#]+")
STRAIGHT = str.maketrans({"’": "'", "‘": "'", "ʼ": "'"})


def words_key(text: str) -> str:
    """Texts with the same words in the same order say the same; one without words stands for itself."""
    return " ".join(WORD.findall(text.translate(STRAIGHT).casefold())) or text
