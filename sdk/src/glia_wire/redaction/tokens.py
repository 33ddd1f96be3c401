"""Secrets that show what they are: provider keys, JWTs, private keys, authorization schemes, passwords in addresses."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from glia_wire.redaction.windows import EDGE, Finder, Rule, Span, Window

SECRET: Final = "secret"  # noqa: S105 - the name of a class
PRIVATE_KEY_MAX: Final = 16 * 1024

# Prefixes that end in `_` or `-`: the scan runs from one of those to the next, and looks back.
_UNDERSCORED: Final = (
    "ghp", "gho", "ghu", "ghs", "ghr", "github_pat", "glia", "hf", "npm", "gsk", "whsec", "dckr_pat", "lin_api", "figd",
    "sk_live", "sk_test", "rk_live", "rk_test", "pk_live", "pk_test", "dop_v1", "doo_v1", "shpat", "shpss", "shpca",
    "sbp", "nvapi", "r8", "patM",
)  # fmt: skip
_DASHED: Final = (
    "sk", "rk", "xoxb", "xoxp", "xoxa", "xoxr", "xoxs", "xoxe", "xapp", "glpat", "gldt", "glrt", "pypi", "tvly", "pplx",
    "xai", "nvapi", "dapi", "fw",
)  # fmt: skip


def _prefixed(separator: str, prefixes: tuple[str, ...]) -> re.Pattern[str]:
    behind = "|".join(f"(?<={EDGE}{re.escape(prefix + separator)})" for prefix in prefixes)
    return re.compile(f"{separator}(?=[A-Za-z0-9_-]{{16}})(?:{behind})[A-Za-z0-9_-]{{16,}}")


_AFTER_UNDERSCORE: Final = _prefixed("_", _UNDERSCORED)
_AFTER_DASH: Final = _prefixed("-", _DASHED)
_APART: Final = r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt]))"
# Each from a letter that is rare in prose, so that the scan runs from one of those to the next; without it, none runs.
_BARE: Final = tuple(
    (trigger, re.compile(pattern))
    for trigger, pattern in (
        ("I", rf"I(?<=A[KS]I)(?<={EDGE}A[KS]I)A[A-Z0-9]{{16}}(?![A-Za-z0-9])"),
        ("z", rf"z(?<=AIz)(?<={EDGE}AIz)a[A-Za-z0-9_-]{{30,64}}"),
        ("0", rf"9(?<=ya29)(?<={_APART}ya29)\.[A-Za-z0-9_-]{{20,}}"),
        ("G", rf"G(?<=SG)(?<={EDGE}SG)\.[A-Za-z0-9_-]{{16,64}}\.[A-Za-z0-9_-]{{16,128}}"),
        ("J", rf"J(?<=eyJ)(?<={_APART}eyJ)[A-Za-z0-9_-]{{6,2048}}\.[A-Za-z0-9_=-]{{4,}}(?:\.[A-Za-z0-9_=-]*){{0,3}}"),
    )
)
_SLACK: Final = re.compile(r"\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{16,256}")
_WORDS: Final = re.compile("b(?:earer|asic)(?=[ \t:])")
_BEGIN: Final = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BODY: Final = re.compile(r"(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]{16,})*(?:\s|\\[nr])?[A-Za-z0-9+/=]{0,15}")
_URL: Final = re.compile(r"""://([^\s/@:"'<>\\]{0,256}):([^\s/"'<>\\]{1,1024})@""")
_SCHEME: Final = re.compile(r"[ \t:]{1,4}([A-Za-z0-9._~+/-]{8,}={0,2})")
_LONG: Final = 20  # letters and no digit: words are shorter, tokens are not


def marked(pattern: re.Pattern[str]) -> Finder:
    """Finds keys that begin with their maker's mark."""

    def find(window: Window) -> Iterator[Span]:
        for match in window.matches(pattern):
            if _is_key(match):
                yield Span(_start_of_word(window.text, match.start()), match.end(), SECRET)

    return find


def bare(pattern: re.Pattern[str]) -> Finder:
    """Finds tokens that are known by how they begin."""

    def find(window: Window) -> Iterator[Span]:
        for match in window.matches(pattern):
            yield Span(_start_of_word(window.text, match.start()), match.end(), SECRET)

    return find


def slack(window: Window) -> Iterator[Span]:
    """Slack's addresses that are secrets themselves."""
    for at in window.hits(".slack.com/"):
        if match := _SLACK.match(window.text, at):
            yield Span(at, match.end(), SECRET)


def private_keys(window: Window) -> Iterator[Span]:
    """PEM private keys, their line breaks real or escaped, cut off or whole."""
    if window.text.find("-----BEGIN", window.start, window.end) < 0:
        return
    for match in window.matches(_BEGIN):
        text, end = window.text, match.end()
        closing = text.find("-----END", end, end + PRIVATE_KEY_MAX)
        if closing >= 0:
            stop = text.find("-----", closing + 8, closing + 80)
            end = stop + 5 if stop >= 0 else closing + 8
        elif body := _BODY.match(text, end):
            end = body.end()
        yield Span(match.start(), end, SECRET)


def schemes(window: Window) -> Iterator[Span]:
    """`Bearer` and `Basic`, with what follows them, wherever they stand."""
    for at, end in window.shapes(_WORDS):
        if match := _SCHEME.match(window.text, end):
            is_credential = _is_random if end - at == len("bearer") else _is_basic
            if is_credential(match[1]):
                yield Span(match.start(1), match.end(1), SECRET)


def address_passwords(window: Window) -> Iterator[Span]:
    """`scheme://user:password@host`: the password."""
    if window.text.find("@", window.start, window.end) >= 0:
        for match in window.matches(_URL):
            yield Span(match.start(2), match.end(2), SECRET)


def looks_random(text: str) -> bool:
    """Whether a word is one that nobody would write by hand: 16 characters or more, letters and digits; or 512."""
    word = text[:512]
    if len(word) < 16 or " " in word:
        return False
    return len(word) == 512 or bool(_LETTER.search(word) and _DIGIT.search(word))


_LETTER: Final = re.compile("[A-Za-z]")
_DIGIT: Final = re.compile("[0-9]")


def _is_key(match: re.Match[str]) -> bool:
    """Not `sk-learn-contrib-package`: a key has a digit, or is a long word of its own."""
    body = match[0][1:]
    if _DIGIT.search(body, 0, 512):
        return True
    return len(body) >= _LONG and max(map(len, re.split("[-_]", body[:512]))) >= _LONG


def _is_random(token: str) -> bool:
    return len(token) >= _LONG or _DIGIT.search(token) is not None


def _is_basic(token: str) -> bool:
    """Basic credentials are the Base64 of `user:password`."""
    try:
        return b":" in base64.b64decode(token[:1024], validate=True)
    except (binascii.Error, ValueError):
        return False


def _start_of_word(text: str, separator: int) -> int:
    """Where the mark before a separator begins; marks are short."""
    at = separator
    while at > max(0, separator - 12) and (text[at - 1].isalnum() or text[at - 1] == "_"):
        at -= 1
    return at


RULES: Final = (
    Rule("private keys", private_keys, frozenset("-")),
    Rule("provider keys, underscored", marked(_AFTER_UNDERSCORE), frozenset("_")),
    Rule("provider keys, dashed", marked(_AFTER_DASH), frozenset("-")),
    *(Rule("tokens", bare(pattern), frozenset(trigger)) for trigger, pattern in _BARE),
    Rule("webhooks", slack, frozenset("/")),
    Rule("authorization schemes", schemes),
    Rule("passwords in addresses", address_passwords, frozenset("@")),
)
