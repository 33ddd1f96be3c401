"""Who is logged in where: a file of profiles that only its owner can read, and the environment, which goes first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from glia_sdk.errors import GliaError
from glia_sdk.files import replace_file

DEFAULT_PROFILE = "default"
DEFAULT_URL = "http://127.0.0.1:8765"


class NotConfigured(GliaError):
    """There is no address or no token to use."""


class InvalidUrl(GliaError):
    """An address starts with http:// or https:// and names a host."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Where Glia is, the token to use there, and the user's own key for the signatures of calls, if it is known."""

    url: str
    token: str = field(repr=False)
    signing_key_id: str | None = None
    signing_key: str | None = field(default=None, repr=False)


def config_path(environ: Mapping[str, str]) -> Path:
    """GLIA_CONFIG, or the place the operating system has for such files."""
    if named := environ.get("GLIA_CONFIG"):
        return Path(named).expanduser()
    from platformdirs import user_config_path

    return user_config_path("glia", appauthor=False) / "config.json"


def history_path() -> Path:
    """Where `glia chat` keeps what was typed."""
    return _state_path() / "history"


def imports_path(environ: Mapping[str, str]) -> Path:
    """Where `glia import` keeps how far it came: beside GLIA_CONFIG, or where the operating system has such files."""
    return _state_folder(environ) / "imports"


def spill_path(environ: Mapping[str, str]) -> Path:
    """Where captured events wait that could not be sent: beside GLIA_CONFIG, or where such files are."""
    return _state_folder(environ) / "spill"


def _state_folder(environ: Mapping[str, str]) -> Path:
    return config_path(environ).parent if environ.get("GLIA_CONFIG") else _state_path()


def _state_path() -> Path:
    from platformdirs import user_state_path

    return user_state_path("glia", appauthor=False)


def checked_url(url: str) -> str:
    """The address without a trailing slash.

    Raises:
        InvalidUrl
    """
    try:
        parts = urlsplit(url.strip())
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_valid = False
    if not is_valid or parts.query or parts.fragment:
        raise InvalidUrl(f"{url!r} is not an address of Glia: it starts with http:// or https:// and names a host")
    return url.strip().rstrip("/")


class ConfigFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def profiles(self) -> dict[str, Profile]:
        """
        Raises:
            NotConfigured: the file cannot be read.
        """
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            return {name: _profile(one) for name, one in kept["profiles"].items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            raise NotConfigured(f"{self.path} cannot be read; mend or remove it") from None

    def save(self, name: str, profile: Profile) -> None:
        """Adds or replaces a profile. The file is replaced whole, with mode 0600.

        Raises:
            NotConfigured: the file cannot be read or written.
        """
        profiles = {**self.profiles(), name: profile}
        kept = {"profiles": {key: _kept(one) for key, one in profiles.items()}}
        try:
            replace_file(self.path, json.dumps(kept, indent=2) + "\n")
        except OSError as error:
            raise NotConfigured(f"{self.path} cannot be written: {error.strerror}") from None


def _profile(kept: Mapping[str, Any]) -> Profile:
    return Profile(str(kept["url"]), str(kept["token"]), kept.get("signing_key_id"), kept.get("signing_key"))


def _kept(profile: Profile) -> dict[str, str]:
    return {name: value for name, value in asdict(profile).items() if value is not None}


def address(environ: Mapping[str, str], name: str) -> str:
    """The address alone, for what needs no token: GLIA_URL, else that of the profile `name`, else the usual one.

    Raises:
        NotConfigured, InvalidUrl
    """
    if url := environ.get("GLIA_URL"):
        return checked_url(url)
    kept = ConfigFile(config_path(environ)).profiles().get(name)
    if kept is None and name != DEFAULT_PROFILE:
        raise NotConfigured(f"not logged in; run: glia login --profile {name}")
    return kept.url if kept else DEFAULT_URL


def connection(environ: Mapping[str, str], name: str) -> Profile:
    """The address and token to use: GLIA_URL and GLIA_TOKEN, else those of the profile `name`.

    A token is sent to no other address than the one it was kept for.

    Raises:
        NotConfigured, InvalidUrl
    """
    url, token = environ.get("GLIA_URL"), environ.get("GLIA_TOKEN")
    if url and token:
        return Profile(checked_url(url), token)
    kept = ConfigFile(config_path(environ)).profiles().get(name)
    if kept is None:
        which = "" if name == DEFAULT_PROFILE else f" --profile {name}"
        raise NotConfigured(f"not logged in; run: glia login{which}")
    if url and checked_url(url) != kept.url:
        raise NotConfigured(f"GLIA_URL names {checked_url(url)}, but the token kept is for {kept.url}; set GLIA_TOKEN")
    return Profile(kept.url, token or kept.token)
