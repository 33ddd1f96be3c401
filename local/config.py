"""What the user decided by environment variables, and the environment that Glia's processes get from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.roles import DatabaseUrls

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_PORT = 8765
DATABASE_VARIABLES = ("DATABASE_URL", "DATABASE_SYSTEM_URL", "DATABASE_OWNER_URL")
EMULATOR_PYTHON = ".venv-emulator/bin/python"
REGION = "eu-central-1"


class ConfigError(Exception):
    """`make up` cannot start like this; the message says what to change."""


@dataclass(frozen=True)
class LocalConfig:
    """The run's settings.

    Attributes:
        home: GLIA_HOME, absolute: all data of this run.
        port: GLIA_PORT; None means 8765 or, if that is taken, another one.
        databases: the user's own servers; None means the embedded one.
        endpoint: AWS_ENDPOINT_URL, the user's own emulator; None means ours.
        emulator_python: GLIA_EMULATOR_PYTHON, the interpreter that has the emulator.
        sample: whether to load the sample conversation.
        user: the whole environment as it was found.
    """

    home: Path
    port: int | None
    databases: DatabaseUrls | None
    endpoint: str | None
    emulator_python: str
    sample: bool
    user: Mapping[str, str]

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> LocalConfig:
        """Reads and checks the variables; an empty one counts as unset.

        Raises:
            ConfigError: a port that is none, or only some of the database URLs.
        """
        user = {name: value for name, value in environ.items() if value}
        return cls(
            home=Path(user.get("GLIA_HOME", ROOT / ".glia")).expanduser().resolve(),
            port=_port(user.get("GLIA_PORT")),
            databases=_databases(user),
            endpoint=user.get("AWS_ENDPOINT_URL"),
            emulator_python=str(Path(user.get("GLIA_EMULATOR_PYTHON", ROOT / EMULATOR_PYTHON)).expanduser().absolute()),
            sample=user.get("GLIA_SAMPLE") != "0",
            user=user,
        )

    @property
    def region(self) -> str:
        return self.user.get("AWS_REGION") or self.user.get("AWS_DEFAULT_REGION") or REGION


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65_536:
        raise ConfigError(f"GLIA_PORT={text} is no port number")
    return int(text)


def _databases(user: Mapping[str, str]) -> DatabaseUrls | None:
    if "DATABASE_URL" not in user:
        return None
    missing = [name for name in DATABASE_VARIABLES if name not in user]
    if missing:
        raise ConfigError(
            f"DATABASE_URL is set, so set {' and '.join(missing)} too, or unset it to use the embedded one"
        )
    return DatabaseUrls(*(user[name] for name in DATABASE_VARIABLES))


def child_environment(
    config: LocalConfig, databases: DatabaseUrls, endpoint: str, issuer: str, jwks: Path
) -> dict[str, str]:
    """The environment of the API and the worker. The user's variables win, but for credentials of a real cloud.

    Args:
        databases: logins of the database in use.
        endpoint: address of the emulator in use.
        issuer, jwks: the development issuer and the file with its public keys.
    """
    defaults = {
        "GLIA_STAGE": "local",
        "GLIA_QUEUE_PREFIX": "glia-local",
        "GLIA_BUCKET": "glia-local",
        "GLIA_DATABASE_POOLED": "false",
        "POWERTOOLS_METRICS_DISABLED": "true",  # nobody collects them here
        **({} if "GLIA_OIDC_ISSUER" in config.user else {"GLIA_OIDC_ISSUER": issuer, "GLIA_OIDC_JWKS_URL": str(jwks)}),
    }
    decided = {
        "PYTHONUNBUFFERED": "1",
        "GLIA_HOME": str(config.home),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": config.region,
        "AWS_DEFAULT_REGION": config.region,
        "NO_PROXY": _no_proxy(config.user),
        "no_proxy": _no_proxy(config.user),
        **dict(zip(DATABASE_VARIABLES, (databases.app, databases.system, databases.owner), strict=True)),
    }
    return {**defaults, **_without_cloud(config), **decided}


def _without_cloud(config: LocalConfig) -> dict[str, str]:
    """The user's variables. With our own emulator nothing of a real account is left: no key, profile or file."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    if config.endpoint:
        return {**keys, **config.user}
    harmless = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null"}
    user = {name: value for name, value in config.user.items() if not name.startswith("AWS_")}
    return {**user, **keys, **harmless, "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}


def _no_proxy(user: Mapping[str, str]) -> str:
    """A proxy for the outside world must not be asked for loopback addresses."""
    given = user.get("NO_PROXY") or user.get("no_proxy")
    return ",".join(filter(None, [given, "127.0.0.1", "localhost"]))
