"""Logins: kept where only their owner reads them, and sent nowhere else."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from glia_sdk.config import ConfigFile, InvalidUrl, NotConfigured, Profile, checked_url, config_path, connection

HERE = Profile("https://glia.example/api", "glia_secret")


def _environ(path: Path, **more: str) -> dict[str, str]:
    return {"GLIA_CONFIG": str(path), **more}


def test_only_the_owner_may_read_the_file(config: Path) -> None:
    """The file has mode 0600 and its folder 0700, also when a file with other rights was there before."""
    ConfigFile(config).save("default", HERE)
    assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700
    config.chmod(0o644)
    ConfigFile(config).save("work", HERE)
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert [path.name for path in config.parent.iterdir()] == ["config.json"]


def test_profiles_stand_beside_each_other(config: Path) -> None:
    """Saving one leaves the others as they are."""
    work = Profile("https://work.example", "glia_other")
    ConfigFile(config).save("default", HERE)
    ConfigFile(config).save("work", work)
    assert ConfigFile(config).profiles() == {"default": HERE, "work": work}
    assert connection(_environ(config), "work") == work


def test_a_token_is_not_shown_by_accident() -> None:
    """The representation of a profile, as it stands in tracebacks, leaves the token out."""
    assert "glia_secret" not in repr(HERE)


def test_the_environment_goes_first(config: Path) -> None:
    """GLIA_URL and GLIA_TOKEN need no file; a token alone goes to the address of the profile."""
    both = connection(_environ(config, GLIA_URL="http://127.0.0.1:1/", GLIA_TOKEN="t"), "default")
    assert both == Profile("http://127.0.0.1:1", "t")
    ConfigFile(config).save("default", HERE)
    assert connection(_environ(config, GLIA_TOKEN="t"), "default") == Profile(HERE.url, "t")
    assert connection(_environ(config, GLIA_URL=HERE.url + "/"), "default") == HERE


def test_a_token_goes_to_no_other_address_than_its_own(config: Path) -> None:
    """GLIA_URL alone does not take the token of a profile to another server."""
    ConfigFile(config).save("default", HERE)
    with pytest.raises(NotConfigured, match="set GLIA_TOKEN"):
        connection(_environ(config, GLIA_URL="https://elsewhere.example"), "default")


def test_without_a_login_one_is_told_how(config: Path) -> None:
    """The error says what to run."""
    with pytest.raises(NotConfigured, match=r"glia login$"):
        connection(_environ(config), "default")
    with pytest.raises(NotConfigured, match="glia login --profile work"):
        connection(_environ(config), "work")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"profiles": []}', '{"profiles": {"default": {"url": "x"}}}'])
def test_a_damaged_file_is_said_to_be_so_and_left_alone(config: Path, text: str) -> None:
    """A file that cannot be read is neither a traceback nor overwritten."""
    config.parent.mkdir()
    config.write_text(text)
    with pytest.raises(NotConfigured, match="cannot be read"):
        connection(_environ(config), "default")
    with pytest.raises(NotConfigured, match="cannot be read"):
        ConfigFile(config).save("default", HERE)
    assert config.read_text() == text


def test_a_folder_that_cannot_be_made_is_said_to_be_so(tmp_path: Path) -> None:
    """A file in the place of the folder is one line, too."""
    (tmp_path / "file").write_text("")
    with pytest.raises(NotConfigured, match="cannot be"):
        ConfigFile(tmp_path / "file" / "config.json").save("default", HERE)


def test_the_file_is_where_the_environment_says(tmp_path: Path) -> None:
    """GLIA_CONFIG names it; without it the operating system's place is taken."""
    assert config_path({"GLIA_CONFIG": str(tmp_path / "x.json")}) == tmp_path / "x.json"
    assert config_path({}).parts[-2:] == ("glia", "config.json")


def test_the_file_is_plain_json(config: Path) -> None:
    """People may read and mend it."""
    ConfigFile(config).save("default", HERE)
    assert json.loads(config.read_text()) == {"profiles": {"default": {"url": HERE.url, "token": HERE.token}}}


@pytest.mark.parametrize(
    "url", ["", "glia.example", "ftp://glia.example", "http://", "https://host:port", "http://h?x=1", "http://[::1"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """Only http and https with a host are addresses of Glia."""
    with pytest.raises(InvalidUrl):
        checked_url(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8765", "https://h.example/api/", " https://[::1]:8/x "])
def test_an_address_loses_its_trailing_slash(url: str) -> None:
    """Addresses are kept in one form."""
    assert checked_url(url) == url.strip().rstrip("/")
