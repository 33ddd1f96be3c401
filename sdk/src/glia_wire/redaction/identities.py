"""Email addresses, IPv6 addresses, and the names of people in paths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from glia_wire.redaction.windows import Rule, Span, Window

EMAIL, IP, PATH = "email", "ip", "path"

LOCAL_MAX: Final = 256
_LOCAL: Final = re.compile(r"[\w.!#$%'*+^~-]{1,256}")  # read from the right
_DOMAIN: Final = re.compile(r"[^\W_][\w-]{0,62}(?:\.[\w-]{1,63}){1,8}")
_OPENING: Final = "'!#$%*^~.+-"  # may begin an address, and in prose stand before it

_COLON: Final = re.compile(":[0-9A-Fa-f]{0,4}:")
_HEX_BEFORE: Final = re.compile("[0-9A-Fa-f:]{0,40}")  # read from the right
_HEX_AFTER: Final = re.compile(r"[0-9A-Fa-f:]{1,44}(?:\.[0-9]{1,3}){0,3}")

_POSIX_NAME: Final = re.compile(r"""[^/\s"'`\\:;,<>|()\[\]{}?&=*$]{1,64}""")
_WINDOWS_NAME: Final = re.compile(r"""\\{1,4}([^\\/:*?"<>|\r\n\t]{1,64}(?=\\)|[^\\/:*?"<>|\s'`),;\]}]{1,64})""")
_USERS: Final = re.compile(r"users(?=\\)")
_NOBODY: Final = frozenset({"shared", "public", "default", "all users", "default user", ".", "..", "linuxbrew"})
_WEB: Final = re.compile(r"https?://\S*$", re.IGNORECASE)


def emails(window: Window) -> Iterator[Span]:
    """Addresses around each `@`, written so or as `%40`."""
    for sign in ("@", "%40"):
        for at in window.hits(sign):
            if span := _email(window.text, at, at + len(sign)):
                yield span


def _email(text: str, at: int, after: int) -> Span | None:
    if at == 0 or not (text[after : after + 1].isalnum() and (text[at - 1].isalnum() or text[at - 1] in "_-+.!#$'*~")):
        return None
    domain = _DOMAIN.match(text, after)
    local = _LOCAL.match(text[max(0, at - LOCAL_MAX) : at][::-1])
    if domain is None or local is None:
        return None
    begin = at - len(text[at - local.end() : at].lstrip(_OPENING))
    if text[begin] in "nrt" and text[max(0, begin - 1) : begin] == "\\":
        begin += 1  # of an escaped line break
    labels = domain[0].split(".")
    while len(labels) > 1 and not (len(labels[-1]) >= 2 and labels[-1].replace("-", "a").isalpha()):
        labels.pop()
    if len(labels) < 2 or begin == at:
        return None
    return Span(begin, after + len(".".join(labels).rstrip("-")), EMAIL)


def ipv6(window: Window) -> Iterator[Span]:
    """IPv6 addresses; not times, not scopes of program text, not slices."""
    text, past = window.text, 0
    for match in _COLON.finditer(text, window.start, window.end):
        if match.start() >= window.stop:
            return
        if match.start() >= past and (span := _ipv6(text, match.start())):
            past = span.end
            yield span


def _ipv6(text: str, colon: int) -> Span | None:
    before = _HEX_BEFORE.match(text[max(0, colon - 40) : colon][::-1])
    begin = colon - (before.end() if before else 0)
    after = _HEX_AFTER.match(text, begin)
    if after is None:
        return None
    found = after[0] if after.end() > colon else ""
    while found.endswith((":", ".")) and not found.endswith("::"):
        found = found[:-1]
    end = begin + len(found)
    is_free = not text[max(0, begin - 1) : begin].isalnum() and not text[end : end + 1].isalnum()
    return Span(begin, end, IP) if is_free and _is_address(found) else None


def _is_address(text: str) -> bool:
    if not 7 <= len(text) <= 45 or sum(map(bool, text.split(":"))) < 2:
        return False
    try:
        address = IPv6Address(text)
    except AddressValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def paths(window: Window) -> Iterator[Span]:
    """The name in `/home/NAME`, `/Users/NAME` and `C:\\Users\\NAME`; not in addresses of the web."""
    text = window.text
    for literal in ("/home/", "/Users/"):
        for at in window.hits(literal):
            name = _POSIX_NAME.match(text, at + len(literal))
            if name and _is_somebody(name[0]) and not _WEB.search(text[max(0, at - 200) : at]):
                yield _trimmed(name.start(), name[0])
    if "\\" in window.shape.marks:
        for at, end in window.shapes(_USERS):
            name = _WINDOWS_NAME.match(text, end)
            if name and text[max(0, at - 1) : at] in ("\\", "/") and _is_somebody(name[1]):
                yield Span(name.start(1), name.end(1), PATH)


def _trimmed(begin: int, name: str) -> Span:
    """A full stop at the end is the sentence's."""
    return Span(begin, begin + len(name.rstrip(".!")), PATH)


def _is_somebody(name: str) -> bool:
    return name.lower() not in _NOBODY and any(map(str.isalnum, name))


RULES: Final = (
    Rule("email addresses", emails, frozenset("@%")),
    Rule("IPv6 addresses", ipv6, frozenset(":")),
    Rule("names in paths", paths, frozenset("/\\")),
)
