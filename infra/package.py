"""`make package`: the application as one zip and one CloudFormation template, in `build/<stage>-<architecture>/out`.

Everything is put together in a scratch folder; the source tree stays as it is. The requirements are installed by uv
with their hashes checked, for the Python, the processor and the C library of Lambda, into `vendor/`, which Chalice
packages as it is; beside them go the migrations and `glia_wire`, which the SDK shares.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # ships no types

from infra import gateway, permissions, variables

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
PYTHON = "3.13"
# Of Amazon Linux 2023, under Python 3.12 and later; the older one has no psycopg for arm64.
LIBC = "manylinux_2_28"
UNZIPPED_MAX = 250 * 1024 * 1024  # Lambda's own bound
SOURCES = ("app.py", "chalicelib", ".chalice/config.json")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")


@dataclass(frozen=True)
class Package:
    """What packaging made. `digest` is of the contents: the same code has the same digest whenever it is packaged."""

    template: Path
    code: Path
    digest: str


def package(
    stage: str, architecture: str, *, python: str = PYTHON, is_for_host: bool = False, build: Path = BUILD
) -> Package:
    """Packages the application for one stage and one kind of processor.

    Args:
        python: version of Python that the functions run on.
        is_for_host: the functions will be processes of this machine, whatever system it has.
        build: folder for scratch folders.

    Raises:
        subprocess.CalledProcessError: uv or Chalice failed; their own words are on stderr.
    """
    folder = build / f"{stage}-{architecture}"
    project, out = folder / "project", folder / "out"
    shutil.rmtree(folder, ignore_errors=True)
    _copy_sources(project)
    platform = None if is_for_host else f"{MACHINES[architecture]}-{LIBC}"
    _install_requirements(project / "vendor", python, platform)
    shutil.copytree(ROOT / "migrations", project / "vendor" / "migrations")
    shutil.copytree(ROOT / "sdk" / "src" / "glia_wire", project / "vendor" / "glia_wire", ignore=LEFT_OUT)
    merge = folder / "merge.json"
    merge.write_text(json.dumps(merge_template(stage, architecture, python), indent=1))
    _run_chalice(project, stage, merge, out)
    code = out / "deployment.zip"
    return Package(out / "sam.json", code, _digest(code))


def merge_template(stage: str, architecture: str, python: str = PYTHON) -> dict[str, Any]:
    """`template.yaml`, completed by what is made from tables: parameters, environments, roles, gateway responses."""
    template: dict[str, Any] = yaml.safe_load((ROOT / "infra" / "template.yaml").read_text())
    template["Parameters"].update(variables.parameters(stage, architecture))
    resources = template["Resources"]
    resources.update(permissions.roles())
    for function in variables.WITHHELD:
        properties = resources[function]["Properties"]
        properties["Environment"] = {"Variables": variables.environment(function)}
        properties["Runtime"] = f"python{python}"
        properties["Architectures"] = [{"Ref": "Architecture"}]
    definition = {"x-amazon-apigateway-gateway-responses": gateway.responses()}
    resources["RestAPI"]["Properties"]["DefinitionBody"] = definition
    return template


def _copy_sources(project: Path) -> None:
    for name in SOURCES:
        source, target = ROOT / name, project / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=LEFT_OUT)
        else:
            shutil.copy2(source, target)
    (project / "requirements.txt").touch()  # installed already


def _install_requirements(vendor: Path, python: str, platform: str | None) -> None:
    uv = Path(sys.executable).parent / "uv"
    options = ["--require-hashes", "--only-binary", ":all:", "--no-compile-bytecode", "--link-mode", "copy"]
    target = ["--target", str(vendor), "--python-version", python]
    if platform:
        target += ["--python-platform", platform]
    command = [str(uv), "pip", "install", "-q", *options, *target, "-r", str(ROOT / "requirements.txt")]
    subprocess.run(command, check=True)
    shutil.rmtree(vendor / "bin", ignore_errors=True)


def _run_chalice(project: Path, stage: str, merge: Path, out: Path) -> None:
    """Chalice executes app.py to see its triggers; the names of the queues depend on the stage."""
    chalice = Path(sys.executable).parent / "chalice"
    variables_ = {"GLIA_STAGE": stage, "GLIA_QUEUE_PREFIX": f"glia-{stage}", "AWS_DEFAULT_REGION": "us-east-1"}
    command = [str(chalice), "package", "--stage", stage, "--merge-template", str(merge), str(out)]
    environ = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(command, check=True, cwd=project, env=environ | variables_, stdout=subprocess.DEVNULL)


def _digest(code: Path) -> str:
    with zipfile.ZipFile(code) as archive:
        entries = sorted((entry.filename, entry.CRC, entry.file_size) for entry in archive.infolist())
        hashes = hashlib.sha256("".join(map(repr, entries)).encode())
    if sum(size for _, _, size in entries) > UNZIPPED_MAX:
        raise ValueError("the package is larger than Lambda takes")
    return hashes.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description="Package Glia for AWS Lambda.")
    parser.add_argument("--stage", default="dev", help="name of the stage (default: dev)")
    parser.add_argument("--architecture", choices=sorted(MACHINES), default="arm64")
    args = parser.parse_args()
    made = package(args.stage, args.architecture)
    size = made.code.stat().st_size / 1_000_000
    sys.stdout.write(f"{made.template.relative_to(ROOT)}\n{made.code.relative_to(ROOT)} ({size:.1f} MB)\n")


if __name__ == "__main__":
    main()
