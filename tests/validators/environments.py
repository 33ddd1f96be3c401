"""Environments of other programs, one for each validator: their pins disagree. Made once for each lock file."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

from chalicelib.designer.design import Design
from chalicelib.designer.exports.formats import FORMATS, export

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".venv-validators"
VALIDATORS = ("agent_spec", "openai_agents", "adk", "mcp", "mermaid")
LOCKS = ("requirements.txt", "package-lock.json")
LONGEST_INSTALL = 540  # seconds


def command(name: str) -> list[str]:
    """How to run the check of a validator; its environment is installed first, if its lock is a new one."""
    lock = next(HERE / name / lock for lock in LOCKS if (HERE / name / lock).exists())
    place = CACHE / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    is_python = lock.suffix == ".txt"
    if not (place / ".installed").exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        _install_python(lock, place) if is_python else _install_node(lock, place)
        (place / ".installed").touch()
    if is_python:
        return [str(place / "bin" / "python"), str(HERE / name / "check.py")]
    shutil.copy(HERE / name / "check.mjs", place)
    return ["node", str(place / "check.mjs")]


def write(design: Design, folder: Path) -> None:
    """A design as the checks read it: a file for each format, and a manifest of its tools."""
    folder.mkdir()
    for format_id in FORMATS:
        (folder / format_id).write_text(export(design, format_id).artifact, encoding="utf-8")
    guarded = [tool.name for tool in design.tools if design.needs_approval(tool)]
    manifest = {"tools": [tool.name for tool in design.tools], "guarded": guarded}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _install_python(lock: Path, place: Path) -> None:
    uv = [sys.executable, "-m", "uv"]
    _run([*uv, "venv", "-q", "--clear", "-p", sys.executable, str(place)])
    _run([*uv, "pip", "install", "-q", "-p", str(place / "bin" / "python"), "--require-hashes", "-r", str(lock)])


def _install_node(lock: Path, place: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(lock.parent / name, place)
    _run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], place)


def _run(arguments: list[str], folder: Path | None = None) -> None:
    subprocess.run(arguments, cwd=folder, check=True, timeout=LONGEST_INSTALL, capture_output=True)
