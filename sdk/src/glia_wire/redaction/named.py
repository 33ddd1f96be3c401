"""Secrets known by their names: `password=...`, `"api_key": "..."`, and the values under such keys of objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from glia_wire.redaction.tokens import SECRET, looks_random
from glia_wire.redaction.windows import Rule, Span, Window

# Names are compared without case, `_`, `-` and `.`; what counts is how they end.
STRONG: Final = (
    "password", "passwd", "pwd", "passphrase", "passcode", "secret", "apikey", "accesskey", "secretkey", "privatekey",
    "encryptionkey", "signingkey", "masterkey", "sharedkey", "storagekey", "accountkey", "subscriptionkey", "authkey",
    "secretkeybase", "accesstoken", "authtoken", "refreshtoken", "sessiontoken", "idtoken", "bearertoken", "apitoken",
    "securitytoken", "bottoken", "usertoken", "personaltoken", "csrftoken", "secrettoken", "credential", "credentials",
    "authorization", "cookie", "secrets", "passwords", "apikeys",
)  # fmt: skip
WEAK: Final = ("token", "auth")  # these also name harmless things: their values must look random
_PASSWORDS: Final = ("password", "passwd", "pwd", "passphrase", "passcode")
# How such names end, each read from a letter of it that is rare.
_STEMS: Final = tuple(
    re.compile(stem)
    for stem in (
        "k(?:(?<=tok)en|ey|(?<=cook)ie)",
        "w(?:(?<=pw)|(?<=passw)(?:or)?)d",
        "c(?:(?<=sec)ret|(?<=passc)ode)",
        "p(?<=passp)hrase",
        "d(?<=cred)ential",
        "z(?<=authoriz)ation",
    )
)
_WORDS: Final = (
    "key", "token", "cookie", "pwd", "passw", "secret", "passcode", "passphrase", "credential", "authorization",
)  # fmt: skip
_FEW: Final = 4096  # characters in which these are sought faster than the stems
_NAME_MAX: Final = 64

_NAME_BEFORE: Final = re.compile(r"[A-Za-z0-9_.-]{0,40}")  # read from the right
_NAME_AFTER: Final = re.compile(r"[A-Za-z0-9_-]{0,24}")
# The name's closing quote, the sign, the value's opening quote; quotes may be escaped.
_SIGN: Final = re.compile(r"""\\{0,3}["']?[ \t]{0,8}(?::=|=>|==?|:)[ \t]{0,8}(\\{0,3}["'`])?""")
_ARGUMENT: Final = re.compile(r"""[ \t]{1,4}(\\{0,3}["'`])?(?!-)""")  # after --password
_PLAIN: Final = re.compile(r"""[^\s"'`,;&<>()\[\]{}|\\]{1,512}""")
_SCHEME: Final = re.compile(r"(?:bearer|basic|token|digest|apikey|negotiate|aws4-hmac-sha256)[ \t]{1,4}", re.IGNORECASE)
_REST: Final = re.compile(r"""[^\s"'`,;&<>()\[\]{}|\\]*""")
_QUOTED_MAX: Final = 2048
# What stands where a value would, and is none.
_NO_VALUE: Final = frozenset({
    "null", "none", "nil", "true", "false", "undefined", "str", "string", "int", "bool", "bytes", "optional",
    "any", "text", "required", "redacted", "empty", "yes", "no", "self", "env", "os", "os.environ", "process.env",
    "getenv", "os.getenv", "is", "was", "type", "object", "number",
})  # fmt: skip
_STAND_IN: Final = re.compile(r"[*.•x_-]+$|<[^>]*>$|\$[A-Z_][A-Z0-9_]*$|\$\{[^}]*\}$|\{\{[^}]*\}\}$|%s$|%\(\w+\)s$")


def strength(name: str) -> str | None:
    """`strong`: any value under this name is a secret. `weak`: one that looks random is. None: neither."""
    plain = _plain(name)
    if plain.endswith(STRONG):
        return "strong"
    return "weak" if plain.endswith(WEAK) else None


def is_secret_value(kind: str | None, value: str) -> bool:
    """Whether the value under a name of this strength is a secret."""
    if kind == "strong":
        return value.strip() != "" and value.lower() not in _NO_VALUE and not _STAND_IN.match(value)
    return kind == "weak" and looks_random(value)


def named_values(window: Window) -> Iterator[Span]:
    """Names of secrets with `=` or `:` and a value, in any notation that has those; `--name value` too."""
    shape = window.shape.text
    if len(shape) < _FEW and not any(word in shape for word in _WORDS):
        return
    hits = sorted(hit for stem in _STEMS for hit in window.shapes(stem))
    for at, after in hits:
        if at >= window.reached and (span := _named_value(window.text, at, after)):
            window.reached = span.end
            yield span


def _named_value(text: str, begin: int, after: int) -> Span | None:
    """The value of the name around a stem; None if there is none, or it is not secret."""
    name_end = _NAME_AFTER.match(text, after)
    end = name_end.end() if name_end else after
    sign = _SIGN.match(text, end) or _ARGUMENT.match(text, end)
    if sign is None:
        return None
    before = _NAME_BEFORE.match(text[max(0, begin - 40) : begin][::-1])
    name = text[begin - (before.end() if before else 0) : end]
    kind = strength(name)
    if kind is None or (sign.re is _ARGUMENT and not name.startswith("--")):
        return None
    scheme = _SCHEME.match(text, sign.end())
    begin = scheme.end() if scheme else sign.end()
    found = _quoted(text, begin, sign[1]) if sign[1] else _unquoted(text, begin, kind)
    if found is None or _is_harmless(name, sign[0], text[found.begin : found.end]):
        return None
    return found if is_secret_value(kind, text[found.begin : found.end]) else None


def _is_harmless(name: str, sign: str, value: str) -> bool:
    """A variable that is handed on under its own name, or a word of prose after a colon."""
    plain = _plain(value)
    if plain.endswith(STRONG) and (plain == _plain(name.lstrip("-")) or "." in value[1:-1]):
        return True
    is_prose = sign.endswith(": ") and value.isalpha() and len(value) < 12
    return is_prose and not _plain(name).endswith(_PASSWORDS)


def _plain(name: str) -> str:
    return name[-_NAME_MAX:].replace("_", "").replace("-", "").replace(".", "").replace(" ", "").lower()


def _quoted(text: str, begin: int, quote: str) -> Span | None:
    """Up to the same quote, escaped as often; to the end of the line if there is none near."""
    closing = _closing(text, begin, quote)
    line = text.find("\n", begin, begin + _QUOTED_MAX)
    if closing < 0 or 0 <= line < closing:
        match = _PLAIN.match(text, begin)
        return Span(begin, _rest(text, match), SECRET) if match else None
    return Span(begin, closing, SECRET) if closing > begin else None


def _closing(text: str, begin: int, quote: str) -> int:
    at = text.find(quote, begin, begin + _QUOTED_MAX)
    while at > begin and len(quote) == 1 and text[at - 1] == "\\":
        at = text.find(quote, at + 1, begin + _QUOTED_MAX)
    return at


def _unquoted(text: str, begin: int, kind: str) -> Span | None:
    match = _PLAIN.match(text, begin)
    if match is None or text.startswith(("${", "$("), begin):
        return None
    end = _rest(text, match)
    value = match[0]
    trimmed = value.rstrip(".:!?")
    if end == match.end() and kind == "strong" and trimmed:
        end -= len(value) - len(trimmed)
    return Span(begin, end, SECRET)


def _rest(text: str, match: re.Match[str]) -> int:
    """Where the value ends that a bounded match began: long ones run on."""
    if match.end() - match.start() < 512:
        return match.end()
    rest = _REST.match(text, match.end())
    return rest.end() if rest else match.end()


RULES: Final = (Rule("named values", named_values, frozenset(":=-")),)
