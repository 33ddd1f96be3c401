"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGED, LOCAL, SDK = ROOT / "chalicelib", ROOT / "local", ROOT / "sdk" / "src"
LONGEST = 400  # lines of a file
STATEMENT = re.compile(r"\s*(WITH\s+\w+ AS|SELECT\s|INSERT\s+INTO\s|UPDATE\s+\S+\s+SET\s|DELETE\s+FROM\s)")
ADMINISTRATION = {LOCAL / "roles.py", LOCAL / "postgres.py"}  # roles and servers, no data of anybody
READ_THE_ENVIRONMENT = {
    PACKAGED / "wiring" / "__init__.py",  # hands it to Settings.from_env
    PACKAGED / "migrate.py",  # these two are programs of their own, too
    PACKAGED / "identity" / "dev_issuer.py",
}
HEAVY = ("openai", "boto3", "httpx", "httpx2")
EMPTY_NAMES = re.compile(r"(^|_)(utils?|helpers?|managers?)$")
LOADED = f"import sys, app; print(*[name for name in {HEAVY!r} if name in sys.modules])"


def modules(*folders: Path) -> list[Path]:
    found = sorted(path for folder in folders for path in folder.rglob("*.py"))
    assert found, "nothing was looked at"
    return found


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def texts(module: ast.Module) -> Iterator[str]:
    """Every string constant that is not a docstring, parts of f-strings too."""
    words = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in words:
            yield node.value


def reads_environment(module: ast.Module) -> bool:
    """Whether a module touches `os.environ`, `os.environb` or `os.getenv`, or imports one of them."""
    reading = {"environ", "environb", "getenv"}
    nodes = list(ast.walk(module))
    used = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
    imported = {
        name.name for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "os" for name in node.names
    }
    return bool(used & {f"os.{name}" for name in reading} or imported & reading)


def runs_sql(path: Path) -> bool:
    return any(STATEMENT.match(text) for text in texts(tree(path)))


def test_sql_stands_in_stores_only() -> None:
    """One module per aggregate runs SQL, and it is named `store`; adapters and administration apart."""
    found = [path for path in modules(PACKAGED, LOCAL) if runs_sql(path)]
    elsewhere = [path for path in found if path.name != "store.py" and PACKAGED / "adapters" not in path.parents]
    assert set(elsewhere) <= ADMINISTRATION
    assert len([path for path in found if path.name == "store.py"]) >= 5, "the stores' own statements are seen"


def test_the_environment_is_read_through_settings_only() -> None:
    """Every variable is typed and documented in one place."""
    readers = {path for path in modules(PACKAGED) if reads_environment(tree(path))}
    assert readers <= READ_THE_ENVIRONMENT


def test_importing_the_application_loads_no_client_of_the_outside_world() -> None:
    """A cold start pays for the model's and the cloud's clients only when they are used."""
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == []


@pytest.mark.parametrize("path", modules(PACKAGED, LOCAL, SDK), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short_and_named_after_what_they_hold(path: Path) -> None:
    """Past 400 lines a file wants to be two; `utils`, `helpers` and `manager` say nothing."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST
    assert not EMPTY_NAMES.search(path.stem)
    assert not EMPTY_NAMES.search(path.parent.name)


def test_migrations_are_numbered_without_gaps() -> None:
    """`0001.what.sql`, `0002.what.sql`: one a number, each after the one before."""
    names = sorted(path.name for path in (ROOT / "migrations").iterdir())
    assert all(re.fullmatch(r"\d{4}\.[a-z0-9_-]+\.sql", name) for name in names), names
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    for name, before in zip(names[1:], names, strict=False):
        first = (ROOT / "migrations" / name).read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith(f"-- depends: {before.removesuffix('.sql')}")


def test_every_package_has_its_layer() -> None:
    """The import rules name every package, so that a new one cannot stand outside them."""
    rules = ConfigParser()
    rules.read(ROOT / ".importlinter")
    named = set(re.findall(r"chalicelib\.(\w+)", rules["importlinter:contract:layers"]["layers"]))
    packages = {path.parent.name for path in PACKAGED.glob("*/__init__.py")}
    assert packages
    assert packages <= named


def test_no_two_test_modules_share_a_name() -> None:
    """Test folders are no packages, so pytest knows a module by its file name alone."""
    names = [p.name for p in modules(ROOT / "tests") if p.name.startswith("test_") and not is_packaged(p)]
    assert sorted(names) == sorted(set(names))


def is_packaged(path: Path) -> bool:
    return (path.parent / "__init__.py").exists()
