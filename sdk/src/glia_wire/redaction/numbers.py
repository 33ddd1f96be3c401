"""Numbers that name somebody: cards (Luhn), phones (E.164 and common national forms), IPv4 addresses.

One scan finds runs of digits and what may stand between them; each run is then read as each of the three.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from glia_wire.redaction.uuids import in_uuid
from glia_wire.redaction.windows import Rule, Span, Window, is_edge

CARD, PHONE, IP = "card", "phone", "ip"

_SHAPE: Final = re.compile(r"0[0 ()./-]{5,}")
_RUN: Final = re.compile(r"[0-9 ()./\u00a0\u2011-]+")
_SEPARATORS: Final = " ()./\u00a0\u2011-"
_GROUP: Final = re.compile("[0-9]+")
_DOUBLED: Final = dict(zip("0123456789", (0, 2, 4, 6, 8, 1, 3, 5, 7, 9), strict=True))

_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4: Final = re.compile(rf"(?<![0-9.]){_OCTET}(?:\.{_OCTET}){{3}}(?![0-9]|\.[0-9])")
_NOBODY: Final = ("127.", "0.0.0.0", "255.255.255.")  # noqa: S104 - text, bound to nothing
_VERSION: Final = re.compile(
    r"(?:(?<![A-Za-z])v|\bversion\W{0,3}|\bver\.? ?|\brelease ?|[=<>~^]= ?|\^|"
    r"(?:Chrome|Chromium|Edg[A-Za-z]*|Safari|Firefox|Gecko|OPR|AppleWebKit|Version)/)$",
    re.IGNORECASE,
)

_PHONE_STEMS: Final = ("phone", "tel", "tél", "mobile", "cell", "fax", "whatsapp", "sms", "call", "handy", "portable")
_PHONE_WORD: Final = re.compile(
    r"(?:phone|\bt[eé]l|mobile|\bcell|\bfax|whatsapp|\bsms|\bcall|telefon|handy|phone|portable)[^0-9\n]{0,14}$",
    re.IGNORECASE,
)
# (555) 123-4567, 555-123-4567, 1 555.123.4567
_AMERICAN: Final = re.compile(
    r"(?<![0-9])(?<![0-9][.-])(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])"
    r"[0-9]{3}[ .-][0-9]{4}(?![0-9]|[.-][0-9])"
)
# 020 7946 0958, 0170/1234567, 06 12 34 56 78, (089) 1234567, 0049 170 1234567
_TRUNK: Final = re.compile(
    r"(?<![0-9])(?<![0-9][.,/-])\(?0(?:0[1-9][0-9]{0,3}|[1-9][0-9]{0,5})\)?"
    r"[ ./-][ ]?[(]?[0-9]{2,8}[)]?(?:[ ./-][0-9]{2,8}){0,5}(?![0-9])"
)
_DATE: Final = re.compile(r"[0-9]{1,2}([./-])[0-9]{1,2}\1[0-9]{4}(?![0-9])")


def numbers(window: Window) -> Iterator[Span]:
    """Cards, phones and IPv4 addresses in each run of digits."""
    text, shape = window.text, window.shape
    for begin, found in window.shapes(_SHAPE):
        end = found
        if end - shape.offset == len(shape.text) and (whole := _RUN.match(text, begin)):
            end = whole.end()
        window.reached = end
        run = shape.text[begin - shape.offset : found - shape.offset].rstrip(" ()./-") if end == found else ""
        if run and run.count(".") + run.count("0") == len(run) and _is_plain(text, begin, run):
            continue
        yield from _read(text, begin, end)


def _is_plain(text: str, begin: int, run: str) -> bool:
    """Whether a run is a decimal number, and nothing else."""
    if text[max(0, begin - 1) : begin] in ("+", "("):
        return False
    return run.count(".") == 1


def _read(text: str, begin: int, end: int) -> Iterator[Span]:
    while text[end - 1] in _SEPARATORS:
        end -= 1
    if text.count(".", begin, end) >= 3:
        yield from _addresses(text, begin, end)
    if end - begin >= 13:
        yield from _cards(text, begin, end)
    yield from _phones(text, begin, end)


def _addresses(text: str, begin: int, end: int) -> Iterator[Span]:
    for match in _IPV4.finditer(text, begin, end):
        before = text[max(0, match.start() - 16) : match.start()]
        is_word = is_edge(text, match.start()) and not text[match.end() : match.end() + 1].isalpha()
        if is_word and not match[0].startswith(_NOBODY) and not _VERSION.search(before):
            yield Span(match.start(), match.end(), IP)


def _cards(text: str, begin: int, end: int) -> Iterator[Span]:
    """Windows of whole groups with a card's length, prefix and check digit."""
    groups = [found.span() for found in _GROUP.finditer(text, begin, end)]
    for first in range(len(groups)):
        if span := _card_from(text, groups, first):
            yield span


def _card_from(text: str, groups: list[tuple[int, int]], first: int) -> Span | None:
    begin, end = groups[first]
    if end - begin < 3 or text[begin] not in "23456" or not _is_free(text, begin, -1):
        return None
    digits = ""
    for index in range(first, min(first + 7, len(groups))):
        start, stop = groups[index]
        if stop - start > 19 or (index > first and (start - end != 1 or text[end] in "()./" or stop - start < 2)):
            return None
        digits += text[start:stop]
        end = stop
        if len(digits) > 19:
            return None
        if is_card(digits) and _is_free(text, end - 1, 1) and not in_uuid(text, begin, end):
            return Span(begin, end, CARD)
    return None


def _is_free(text: str, at: int, step: int) -> bool:
    """Whether a number ends with its digit at `at`: beside it no letter, no digit, no decimal point with another."""
    beside, beyond = (text[i : i + 1] if i >= 0 else "" for i in (at + step, at + 2 * step))
    if beside in (".", ","):
        return not beyond.isdigit()
    return not beside.isalnum() or (step < 0 and is_edge(text, at))


def is_card(digits: str) -> bool:
    """Whether digits have the prefix and length of a card network, and the check digit of Luhn's."""
    if len(digits) not in _lengths(digits[:6]):
        return False
    odd = sum(map(int, digits[-1::-2]))
    return (odd + sum(_DOUBLED[digit] for digit in digits[-2::-2])) % 10 == 0


def _lengths(prefix: str) -> tuple[int, ...]:
    """The lengths of the numbers of the network that a prefix belongs to; none if it belongs to none."""
    two, three, four = int(prefix[:2] or 0), prefix[:3], prefix[:4]
    if prefix.startswith("4"):
        return (13, 16, 19)
    if 51 <= two <= 55 or "2221" <= four <= "2720":
        return (16,)
    if two in (34, 37):
        return (15,)
    if two in (36, 38) or "300" <= three <= "305":
        return (14,)
    if two == 62 or four == "6011" or two == 65 or "644" <= three <= "649" or two == 35:
        return (16, 17, 18, 19)
    if two in (50, 56, 57, 58, 63, 67):
        return (16,)
    return ()


def _phones(text: str, begin: int, end: int) -> Iterator[Span]:
    if begin and text[begin - 1] == "+":
        if span := _international(text, begin, end):
            yield span
        return
    if end - begin < 7 or not is_edge(text, begin) or text[max(0, begin - 1) : begin] == "_":
        return
    start = begin - 1 if begin and text[begin - 1] == "(" else begin
    if not text[begin:end].isdigit():
        yield from _national(text, start, end)
    before = text[max(0, start - 32) : start].lower()
    is_named = any(stem in before for stem in _PHONE_STEMS) and _PHONE_WORD.search(before)
    digits = sum(map(str.isdigit, text[begin : min(end, begin + 24)]))
    if is_named and 7 <= digits <= 15 and not in_uuid(text, begin, begin + 1):
        yield Span(start, _within(text, begin, end, 15), PHONE)


def _national(text: str, begin: int, end: int) -> Iterator[Span]:
    for match in _AMERICAN.finditer(text, begin, end):
        if not in_uuid(text, *match.span()):
            yield Span(match.start(), match.end(), PHONE)
    for match in _TRUNK.finditer(text, begin, end):
        if _is_trunk(match[0]) and not in_uuid(text, *match.span()):
            yield Span(match.start(), match.end(), PHONE)


def _is_trunk(number: str) -> bool:
    digits = sum(map(str.isdigit, number))
    return 9 <= digits <= 15 and not _DATE.match(number)


def _international(text: str, begin: int, end: int) -> Span | None:
    """`+` and a country's number: 8 to 15 digits, the groups of which stand close together."""
    stop = _within(text, begin, end, 15)
    digits = sum(map(str.isdigit, text[begin:stop]))
    is_number = 8 <= digits <= 15 and text[begin] != "0" and not text[stop : stop + 1].isdigit()
    return Span(begin - 1, stop, PHONE) if is_number else None


def _within(text: str, begin: int, end: int, most: int) -> int:
    """Where the last group ends with which a run still has at most so many digits; its groups stand close."""
    total, stop = 0, begin
    for group in _GROUP.finditer(text, begin, end):
        total += group.end() - group.start()
        if total > most or (stop > begin and group.start() - stop > 3):
            break
        stop = group.end()
    return stop


RULES: Final = (Rule("cards, phones and IPv4 addresses", numbers, frozenset("0")),)
