"""How capture is set: arguments of `glia.init`, else the environment, else the login that `glia login` kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glia_wire.redaction import Hook, Rule

MIB = 1024 * 1024
MEMORY = 48 * MIB
SPILL = 1024 * MIB
FLUSH_INTERVAL = 1.0  # seconds until an event has left the process, or is on disk
EXIT_SECONDS = 1.5
PATIENCE = 1.0
OPEN, CLOSED = "open", "closed"


@dataclass(frozen=True, slots=True)
class SigningKey:
    key_id: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """
    Attributes:
        url, token: where events go. Without both nothing is captured.
        signing: None leaves calls unsigned.
        is_fail_closed: whether the program is told, by an error, that it cannot be recorded.
        memory_bytes: the most that waits in memory.
        spill_folder: where batches wait that could not be sent; None keeps nothing on disk.
        spill_bytes: the most that waits there, of all processes.
        patience: seconds a thread waits for room in memory before its payload is left out.
        service: told of every run.
        hooks: called with each text before the rules; each returns the text to go on with.
        rules: besides the built-in ones.
        allow_keys, deny_keys: names of fields whose values are never, or always, redacted.
        parent_run_id, parent_step_id: the run that this process is a part of.
        is_process_run: whether steps outside any run belong to one run of the process, not each to a run of its own.
    """

    url: str | None = None
    token: str | None = field(default=None, repr=False)
    signing: SigningKey | None = None
    is_fail_closed: bool = False
    memory_bytes: int = MEMORY
    spill_folder: Path | None = None
    spill_bytes: int = SPILL
    flush_interval: float = FLUSH_INTERVAL
    exit_seconds: float = EXIT_SECONDS
    patience: float = PATIENCE
    service: str | None = None
    hooks: tuple[Callable[[str], str] | Hook, ...] = ()
    rules: tuple[Rule, ...] = ()
    allow_keys: tuple[str, ...] = ()
    deny_keys: tuple[str, ...] = ()
    parent_run_id: str | None = None
    parent_step_id: str | None = None
    is_process_run: bool = False

    @property
    def is_connected(self) -> bool:
        return bool(self.url and self.token)

    @property
    def raw_bytes(self) -> int:
        """Room for events that are not redacted yet; what they are made into takes about as much again."""
        return self.memory_bytes // 4

    @property
    def outbox_bytes(self) -> int:
        return self.memory_bytes * 3 // 16


def resolve(environ: Mapping[str, str] | None = None, **given: Any) -> CaptureSettings:
    """Settings of what is given, and for what is None of the environment and the login.

    Raises:
        NotConfigured, InvalidUrl: the login cannot be read, or the address is none.
        ValueError: a variable is not what it should be.
    """
    told = os.environ if environ is None else environ
    asked = {name: value for name, value in given.items() if value is not None}
    profile = asked.pop("profile", None)
    values = {**_login(told, profile, asked), **_told(told), **asked}
    folder = values.pop("spill_folder", None) or _spill_folder(told)
    who = _account(values)
    return CaptureSettings(**{**values, **_tuples(values)}, spill_folder=Path(folder).expanduser() / who)


def _login(environ: Mapping[str, str], profile: str | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    from glia_sdk.config import DEFAULT_PROFILE, ConfigFile, checked_url, config_path

    name = profile or environ.get("GLIA_PROFILE") or DEFAULT_PROFILE
    url = asked.get("url") or environ.get("GLIA_URL")
    token = asked.get("token") or environ.get("GLIA_TOKEN")
    found: dict[str, Any] = {"url": checked_url(url) if url else None, "token": token}
    kept = ConfigFile(config_path(environ)).profiles().get(name)
    if kept is None or (url and found["url"] != kept.url):  # a token goes to the address it was kept for
        return found
    found = {"url": kept.url, "token": token or kept.token}
    if kept.signing_key and kept.signing_key_id:
        found["signing"] = SigningKey(kept.signing_key_id, kept.signing_key.encode())
    return found


def _told(environ: Mapping[str, str]) -> dict[str, Any]:
    names: Sequence[tuple[str, str, Callable[[str], Any]]] = (
        ("GLIA_FAIL_MODE", "is_fail_closed", _fail_mode),
        ("GLIA_MEMORY_BYTES", "memory_bytes", int),
        ("GLIA_SPILL_BYTES", "spill_bytes", int),
        ("GLIA_FLUSH_INTERVAL", "flush_interval", float),
        ("GLIA_SERVICE", "service", str),
        ("GLIA_PARENT_RUN", "parent_run_id", str),
        ("GLIA_PARENT_STEP", "parent_step_id", str),
    )
    return {name: read(environ[variable]) for variable, name, read in names if environ.get(variable)}


def _fail_mode(text: str) -> bool:
    if text not in (OPEN, CLOSED):
        raise ValueError("GLIA_FAIL_MODE is open or closed")
    return text == CLOSED


def instruments(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Names of what records packages as they are, where a program does not say."""
    told = (os.environ if environ is None else environ).get("GLIA_INSTRUMENT", "openai")
    return tuple(name.strip() for name in told.split(",") if name.strip())


def _spill_folder(environ: Mapping[str, str]) -> str:
    if named := environ.get("GLIA_SPILL"):
        return named
    if environ.get("AWS_LAMBDA_FUNCTION_NAME"):
        return "/tmp/glia-spill"  # noqa: S108  # the one folder a function may write to
    from glia_sdk.config import spill_path

    return str(spill_path(environ))


def _account(values: Mapping[str, Any]) -> str:
    """A folder name for who sends where, so that nobody's events are resent as somebody else's."""
    signing = values.get("signing")
    who = signing.key_id if signing else values.get("token") or ""
    return hashlib.sha256(f"{values.get('url')}\n{who}".encode()).hexdigest()[:16]


def _tuples(values: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(values[name]) for name in ("hooks", "rules", "allow_keys", "deny_keys") if name in values}
