"""The redaction gate: every way into storage leads through it, on the client and again on the server."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from glia_wire.redaction import accounts, identities, named, numbers, tokens
from glia_wire.redaction.scanner import PLACEHOLDER, Scanner, Secret, Token, placeholders
from glia_wire.redaction.windows import SLICE, Breathe, Rule

RULESET: Final = "redaction-1"
# Earlier rules win where spans overlap.
BUILT_IN: Final = (*tokens.RULES, *named.RULES, *accounts.RULES, *numbers.RULES, *identities.RULES)
CLASSES: Final = ("secret", "email", "phone", "card", "iban", "ip", "path")
MAX_DEPTH: Final = 200
_SMALL: Final = 10**6  # whole numbers below are no phones and no cards
_CACHED: Final = 4096  # keys whose reading is kept
_CLASS: Final = re.compile("[a-z]{2,16}")
_PHONE_KEY: Final = re.compile(r"(?i)(?:phone|mobile|cell|fax|whatsapp|msisdn|\btel)(?:[_-]?(?:number|no|nr))?$")
_BARE_PHONE: Final = re.compile(r"[0-9]{7,15}")


class RedactionFailed(Exception):
    """Something could not be redacted, so nothing of it may pass."""


class Redacted(NamedTuple):
    """What is left, and how much of each class was replaced now. Parts without secrets are shared with the input."""

    value: Any
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Hook:
    """A rule of the host's own: text in, redacted text out, before the built-in rules read it.

    `name` is its class (2 to 16 small letters), under which the texts it changed are counted.
    """

    name: str
    redact: Callable[[str], str]


class Gate:
    """Replaces secrets by `[REDACTED:class:n]`; n tells distinct secrets of a class apart within one call.

    Redacting twice is redacting once. Safe to share between threads.
    """

    def __init__(
        self,
        *,
        allow_keys: Iterable[str] = (),
        deny_keys: Iterable[str] = (),
        hooks: Sequence[Hook] = (),
        rules: Sequence[Rule] = BUILT_IN,
        slice_chars: int = SLICE,
    ) -> None:
        """
        Args:
            allow_keys: keys whose names do not make their values secret; the rules still read the values.
            deny_keys: keys whose values always go, whatever they are.
            slice_chars: characters between two breaths; the result does not depend on it.

        Raises:
            ValueError: a hook's name cannot be a class.
        """
        if wrong := [hook.name for hook in hooks if not _CLASS.fullmatch(hook.name)]:
            raise ValueError(f"a hook's name is 2 to 16 small letters: {', '.join(wrong)}")
        self._allow = frozenset(key.lower() for key in allow_keys)
        self._deny = frozenset(key.lower() for key in deny_keys)
        self._hooks = tuple(hooks)
        self._scanner = Scanner(rules, slice_chars)
        self._keys: dict[str, _Key] = {}
        self._plain_keys: set[str] = set()

    def redact(self, value: Any, breathe: Breathe | None = None) -> Redacted:
        """Redacts any JSON value, keys included. The input is never changed.

        Args:
            breathe: called between slices of long texts, so that a background thread can let others run.

        Raises:
            RedactionFailed: a hook failed, more than 200 levels, or something that JSON has no word for.
        """
        call = _Call(self, value, breathe)
        try:
            redacted = call.value(value, MAX_DEPTH)
        except RecursionError:
            raise RedactionFailed("nested too deeply") from None
        return Redacted(redacted, dict(call.counts))

    def redact_text(self, text: str, breathe: Breathe | None = None) -> Redacted:
        """Redacts one text."""
        return self.redact(text, breathe)

    def read(self, text: str, breathe: Breathe | None, counts: Counter[str]) -> list[Token]:
        """Hooks, then rules: the text in tokens."""
        for hook in self._hooks:
            try:
                changed = hook.redact(text)
            except Exception as error:  # noqa: BLE001 - a host's code: whatever it raises, nothing passes
                raise RedactionFailed(f"the hook {hook.name} failed: {type(error).__name__}") from None
            if not isinstance(changed, str):
                raise RedactionFailed(f"the hook {hook.name} did not return text")
            if changed != text:
                counts[hook.name] += 1
                text = changed
        return self._scanner.tokens(text, breathe)

    def key(self, name: str) -> _Key:
        """What a key's name says of its value, and whether it is clean itself. Remembered for plain, short names."""
        known = self._keys.get(name)
        if known is None:
            known = self._read_key(name)
            if len(name) <= 64 and len(self._keys) < _CACHED and not self._hooks:
                self._keys[name] = known
        return known

    def is_plain_object(self, value: dict[Any, Any]) -> bool:
        """Whether the keys of an object neither hold anything nor say anything of its values. Only true if so."""
        if not self._plain_keys.issuperset(value):
            for name in value:
                if not (isinstance(name, str) and self._is_plain_key(name)):
                    return False
        return value.keys().isdisjoint(_NAMING) or _VALUES.isdisjoint(map(str.lower, value))

    def _is_plain_key(self, name: str) -> bool:
        is_plain = self.key(name) == _NO_KEY
        if is_plain and name in self._keys:
            self._plain_keys.add(name)
        return is_plain

    def _read_key(self, name: str) -> _Key:
        low = name.lower()
        strength = None if low in self._allow else named.strength(name)
        if low in self._deny:
            strength = "denied"
        return _Key(strength, _PHONE_KEY.search(name[-40:]) is not None, not self._hooks and self._is_clean(name))

    def _is_clean(self, name: str) -> bool:
        return all(isinstance(token, str) for token in self._scanner.tokens(name, None))


class _Key(NamedTuple):
    strength: str | None
    is_phone: bool
    is_clean: bool


_NO_KEY: Final = _Key(None, False, True)


class _Call:
    """One call: the numbers given out so far, and the counts."""

    def __init__(self, gate: Gate, root: Any, breathe: Breathe | None) -> None:
        self._gate, self._root, self._breathe = gate, root, breathe
        self.counts: Counter[str] = Counter()
        self._numbers: dict[Secret, int] = {}
        self._last: dict[str, int] | None = None

    def value(self, value: Any, levels: int, key: _Key = _NO_KEY) -> Any:
        if isinstance(value, str):
            return self._text(value, key)
        if value is None or isinstance(value, bool):
            return value if key.strength != "denied" else self._replace(Secret(str(value), "secret"))
        if isinstance(value, dict):
            return self._object(value, levels - 1, key)
        if isinstance(value, list | tuple):
            return self._list(value, levels - 1, key)
        if isinstance(value, int | float):
            return self._number(value, key)
        if isinstance(value, bytes | bytearray | memoryview):
            return self._text(bytes(value).decode("utf-8", "replace"), key)
        raise RedactionFailed(f"{type(value).__name__} has no JSON")

    def _text(self, text: str, key: _Key) -> str:
        if key.strength and (key.strength == "denied" or named.is_secret_value(key.strength, text)):
            return text if PLACEHOLDER.fullmatch(text) else self._replace(Secret(text, "secret"))
        if key.is_phone and _BARE_PHONE.fullmatch(text):
            return self._replace(Secret(text, "phone"))
        found = self._gate.read(text, self._breathe, self.counts)
        if len(found) == 1 and isinstance(found[0], str):
            return found[0]
        return "".join([token if isinstance(token, str) else self._replace(token) for token in found])

    def _number(self, value: float, key: _Key) -> Any:
        if key.strength in ("strong", "denied"):
            return self._replace(Secret(repr(value), "secret"))
        if not isinstance(value, int) or _is_short(value):
            return value
        digits = str(abs(value))
        if key.is_phone and _BARE_PHONE.fullmatch(digits):
            return self._replace(Secret(digits, "phone"))
        return self._replace(Secret(digits, "card")) if numbers.is_card(digits) else value

    def _list(self, value: Sequence[Any], levels: int, key: _Key) -> Any:
        _check(levels)
        if key.strength is None and set(map(type, value)) <= _PLAIN:
            return value
        return [self.value(item, levels, key) for item in value]

    def _object(self, value: dict[Any, Any], levels: int, key: _Key) -> Any:
        _check(levels)
        if key.strength == "denied":
            return self._replace(Secret(repr(sorted(map(str, value))), "secret"))
        out: dict[str, Any] = {}
        described = self._described(value)
        for name, member in value.items():
            text = name if isinstance(name, str) else _key_text(name)
            about = self._gate.key(text)
            says = described if described is not None and text.lower() in _VALUES else about
            out[text if about.is_clean else self._text(text, _NO_KEY)] = self.value(member, levels, says)
        return out

    def _described(self, value: dict[Any, Any]) -> _Key | None:
        """What `{"name": ..., "value": ...}`, as headers and attributes are often written, says of the value."""
        if not 2 <= len(value) <= 5:
            return None
        for name in _NAMING:
            if isinstance(text := value.get(name), str):
                about = self._gate.key(text[:256])
                return about if about.strength or about.is_phone else None
        return None

    def _replace(self, secret: Secret) -> str:
        number = self._numbers.get(secret)
        if number is None:
            last = self._taken()
            number = last[secret.secret_class] = last.get(secret.secret_class, 0) + 1
            self._numbers[secret] = number
        self.counts[secret.secret_class] += 1
        return f"[REDACTED:{secret.secret_class}:{number}]"

    def _taken(self) -> dict[str, int]:
        """The highest number of each class that the input came with; looked for once something is found."""
        if self._last is None:
            self._last = {}
            _collect(self._root, self._last, MAX_DEPTH)
        return self._last


_PLAIN: Final = {float, bool, type(None)}
_NAMING: Final = ("key", "name", "Key", "Name")
_VALUES: Final = {
    "value", "stringvalue", "string_value", "values", "intvalue", "int_value", "arrayvalue", "array_value"
}  # fmt: skip


def _check(levels: int) -> None:
    if levels < 0:
        raise RedactionFailed(f"more than {MAX_DEPTH} levels")


def is_plain_number(value: int) -> bool:
    """Whether a number stays under a key that says nothing of it."""
    return _is_short(value) or not numbers.is_card(str(abs(value)))


def _is_short(value: int) -> bool:
    """Whether a number is too short for a phone's or card's, or so long that it is none."""
    return -_SMALL < value < _SMALL or value.bit_length() > 64


def _key_text(key: Any) -> str:
    """A key that is no string, as JSON writes it."""
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    if isinstance(key, int | float):
        return repr(key)
    if isinstance(key, bytes):
        return key.decode("utf-8", "replace")
    raise RedactionFailed(f"{type(key).__name__} is no key of JSON")


def _collect(value: Any, last: dict[str, int], levels: int) -> None:
    if isinstance(value, str):
        for name, number in placeholders(value):
            last[name] = max(last.get(name, 0), number)
    elif isinstance(value, dict) and levels:
        for key, member in value.items():
            _collect(key, last, levels - 1)
            _collect(member, last, levels - 1)
    elif isinstance(value, list | tuple) and levels:
        for item in value:
            _collect(item, last, levels - 1)
