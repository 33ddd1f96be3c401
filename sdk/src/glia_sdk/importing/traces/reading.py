"""From a file to the runs in it, and the account of what could not be taken over."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glia_sdk.importing.errors import NotImportable
from glia_sdk.importing.traces.formats import FORMATS, named, recognised
from glia_sdk.importing.traces.model import Format, ImportedRun, Refused, Unmapped

AUTO = "auto"
DEEPEST = 50  # levels of a recording; Glia takes 60 of an event
LARGEST = 1 << 30  # bytes of a file
_LEVELS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


@dataclass
class Account:
    """What became of one file.

    Attributes:
        unmapped: paths of fields without a place in a trace, with how often each occurs.
    """

    path: Path
    format: str | None = None
    runs: int = 0
    steps: int = 0
    events: int = 0
    unmapped: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)


def files(paths: list[Path]) -> list[Path]:
    """The files that are meant, those of folders in the order of their names; hidden ones are left aside."""
    found: list[Path] = []
    for path in paths:
        within = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [one for one in within if one.is_file() and not _is_hidden(one.relative_to(path))]
    return found


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def runs(account: Account, asked: str = AUTO, formats: tuple[Format, ...] = FORMATS) -> Iterator[ImportedRun]:
    """The runs of a file, one by one; what is refused or has no place goes into the account."""
    try:
        value = _value(account.path)
        found = recognised(value, formats) if asked == AUTO else named(asked, formats)
        if found is None:
            raise NotImportable(_stranger(value))
        account.format = found.name
        if not found.recognises(value):
            raise NotImportable(f"no recording of {found.name}")
        yield from converted(account, found, value)
    except NotImportable as error:
        account.refused.append(Refused("", str(error)))


def converted(account: Account, found: Format, value: Any) -> Iterator[ImportedRun]:
    """The runs that a format makes of a value.

    Raises:
        NotImportable: there is something in it that the format does not expect.
    """
    results = iter(found.convert(value))
    while True:
        try:
            one = next(results, None)
        except NotImportable:
            raise
        except Exception as error:  # noqa: BLE001  # files of others: whatever is in them, the next file is read
            raise NotImportable(f"not as {found.name} should be ({type(error).__name__})") from None
        if one is None:
            return
        if isinstance(one, Refused):
            account.refused.append(one)
        elif isinstance(one, Unmapped):
            account.unmapped += one.counts
        else:
            account.unmapped += one.unmapped
            yield one


def _value(path: Path) -> Any:
    """The JSON of a file, or of its lines a list.

    Raises:
        NotImportable
    """
    try:
        if path.stat().st_size > LARGEST:
            raise NotImportable("larger than 1 GiB")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise NotImportable("not UTF-8 text") from None
    except OSError as error:
        raise NotImportable(f"cannot be read: {error.strerror}") from None
    if _depth(text) > DEEPEST:
        raise NotImportable(f"nested deeper than {DEEPEST} levels, or not JSON")
    try:
        return _loads(text)
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or not text.lstrip().startswith(("{", "[")):
            raise NotImportable(_no_json(text, error)) from None
    return [_line(number, line) for number, line in enumerate(lines, start=1)]


def _line(number: int, line: str) -> Any:
    try:
        return _loads(line)
    except ValueError as error:
        raise NotImportable(f"neither JSON nor JSON lines: {_where(error)} of line {number}") from None


def _loads(text: str) -> Any:
    """JSON; numbers that are none, which some tools write, become their names."""
    return json.loads(text, parse_constant=str, parse_float=_finite)


def _finite(text: str) -> float | str:
    number = float(text)
    return text if number in (float("inf"), float("-inf")) else number


def _no_json(text: str, error: ValueError) -> str:
    if text.startswith("interactions:"):
        return "not JSON: HTTP exchanges in YAML, as tests replay them, and no run of an agent"
    return f"damaged JSON: {_where(error)}" if text.lstrip().startswith(("{", "[")) else "not JSON"


def _where(error: ValueError) -> str:
    return f"{error.msg} at character {error.pos}" if isinstance(error, json.JSONDecodeError) else "a number too long"


def _depth(text: str) -> int:
    deepest = level = 0
    for found in _LEVELS.finditer(text):
        if found[0] in "[{":
            level += 1
            deepest = max(deepest, level)
        elif found[0] in "]}":
            level -= 1
    return deepest


def _stranger(value: Any) -> str:
    """Why a file is no recording, as far as one can tell."""
    if isinstance(value, dict) and not value.keys().isdisjoint(("$schema", "$defs")):
        return "a JSON schema, no recording"
    keys = sorted(map(str, value))[:5] if isinstance(value, dict) else []
    held = f"an object with {', '.join(key[:40] for key in keys)}" if keys else f"a JSON {type(value).__name__}"
    return f"no recording in a known format: {held}"
