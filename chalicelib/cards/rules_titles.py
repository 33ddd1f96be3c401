"""Card titles: the words of the evidence, shortened and in sentence case."""

from __future__ import annotations

import re

from chalicelib.cards.rules_guards import TITLE_LEAD
from chalicelib.cards.rules_text import CONNECTIVE, LEAD
from chalicelib.patterns import regex

TITLE_LIMIT = 80  # code points

_HEAD = regex(r"[^\w¿¡$€£@\[(+]+")
_TAIL = regex(r"(?:[^\w?？؟)\]\"'”»%+#°€$£]|_)+\Z")
_CUT_TAIL = regex(r"(?:\W|_)+\Z")
_BRACKETED = regex(r"\(([^()]*)\)\W*\Z")


def title_of(body: str) -> str:
    """A title of at most `TITLE_LIMIT` code points: the body without labels and lead-ins, in sentence case."""
    text = _BRACKETED.sub(r"\1", body) if body.startswith("(") else body
    text = text.replace("`", "")
    for lead in (LEAD, TITLE_LEAD, CONNECTIVE, _HEAD):
        found = lead.match(text)
        rest = text[found.end() :] if found else ""
        text = rest if any(sign.isalnum() for sign in rest) else text
    return _shortened(_sentence_case(_TAIL.sub("", text).strip() or body))


def _sentence_case(text: str) -> str:
    if text.isupper() and text.count(" ") >= 2:
        text = re.sub(r"\bi\b", "I", text.lower())
    first, _, rest = text.partition(" ")
    if first.islower() and "." not in first and "/" not in first and "_" not in first:
        first = first[:1].upper() + first[1:]
    return f"{first} {rest}" if rest else first


def _shortened(text: str) -> str:
    """`text`, or its longest run of whole words that fits with an ellipsis."""
    if len(text) <= TITLE_LIMIT:
        return text
    head = text[: TITLE_LIMIT - 1]
    at_word = head if text[TITLE_LIMIT - 1].isspace() else head.rpartition(" ")[0]
    kept = at_word if len(at_word) >= TITLE_LIMIT // 2 else head
    return (_CUT_TAIL.sub("", kept) or head) + "…"
