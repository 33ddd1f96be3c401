"""Bank accounts: IBANs by their country's length and ISO 7064 check digits (mod 97)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from glia_wire.redaction.uuids import in_uuid
from glia_wire.redaction.windows import Rule, Span, Window, is_edge

IBAN: Final = "iban"
# Lengths by country, of the registry of ISO 13616.
_LENGTHS: Final = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU XK MN",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ DZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM BF CM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV BJ CI ML SN", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC",
        32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
# Two digits with two letters before them; nothing else is consumed, so that none hides another.
_SHAPE: Final = re.compile(r"00(?<=[a-z]{2}00)(?=[ -]?[a-z0]{3})")
_BETWEEN: Final = " \u00a0-"


def ibans(window: Window) -> Iterator[Span]:
    """IBANs, written in groups or in one."""
    text = window.text
    for at, _ in window.shapes(_SHAPE):
        begin = at - 2
        if is_edge(text, begin) and (end := _end(text, begin)) and not in_uuid(text, begin, end):
            yield Span(begin, end, IBAN)


def _end(text: str, begin: int) -> int | None:
    """Where the IBAN that begins here ends; None if there is none."""
    length = _LENGTHS.get(text[begin : begin + 2].upper())
    if length is None:
        return None
    digits, at = "", begin
    while len(digits) < length and at < len(text):
        if text[at] not in _BETWEEN:
            digits += text[at]
        at += 1
    is_whole = len(digits) == length and not text[at : at + 1].isalnum()
    return at if is_whole and is_iban(digits) else None


def is_iban(compact: str) -> bool:
    """Whether the check digits of an IBAN without spaces are right."""
    turned = compact[4:] + compact[:4]
    if not (turned.isascii() and turned.isalnum()):
        return False
    return int("".join(str(int(char, 36)) for char in turned)) % 97 == 1


RULES: Final = (Rule("IBANs", ibans, frozenset("0")),)
