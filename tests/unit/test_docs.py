"""The documentation says what the code does."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

import chalicelib
from chalicelib import errors
from chalicelib.api import endpoints
from chalicelib.errors import GliaError
from chalicelib.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
SERVER_SIDE = {"configuration", "unknown_job", "dead_job", "poisoned_message", "gone", "forbidden"}
SERVER_SIDE |= {"unauthorized", "conflict"}  # bases that are never raised themselves, or never reach a client


def codes(error: type[GliaError]) -> set[str]:
    return {error.code}.union(*(codes(derived) for derived in error.__subclasses__()))


def test_every_setting_is_documented() -> None:
    """docs/operations.md names every variable with its description."""
    text = (ROOT / "docs" / "operations.md").read_text()
    for field in Settings.model_fields.values():
        assert f"| `{field.alias}` |" in text
        assert str(field.description) in text


def test_every_error_code_is_documented_and_no_other() -> None:
    """The codes of docs/api.md are those of the error tree that a client can get."""
    text = (ROOT / "docs" / "api.md").read_text()
    table = text[text.index("| status | codes |") :]
    documented = set(re.findall(r"`([a-z_]+)`", table)) - {"details"}
    for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        importlib.import_module(module.name)  # the tree is whole when all of it is loaded
    assert codes(errors.GliaError) - SERVER_SIDE == documented - {"response_too_large", "gateway_timeout"}


def test_every_link_of_the_documentation_leads_somewhere() -> None:
    """Relative links in Markdown files name files that are there."""
    broken = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            if not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_no_two_models_of_the_api_share_a_name() -> None:
    """The OpenAPI document names a schema by its class alone."""
    names: dict[str, set[str]] = {}
    for endpoint in endpoints():
        models = [endpoint.body, *endpoint.answers.values()]
        for model in closure(model for model in models if isinstance(model, type)):
            names.setdefault(model.__name__, set()).add(model.__module__)
    assert len(names) > 50
    assert {name: found for name, found in names.items() if len(found) > 1} == {}


def closure(models: Iterable[type[Any]]) -> set[type[BaseModel]]:
    """Models, and the models that their fields are made of."""
    found: set[type[BaseModel]] = set()
    left: list[Any] = list(models)
    while left:
        one = left.pop()
        if isinstance(one, type) and issubclass(one, BaseModel) and one not in found:
            one.model_rebuild()
            found.add(one)
            left += [field.annotation for field in one.model_fields.values()]
        left += get_args(one)
    return found
