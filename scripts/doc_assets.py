"""Fetches the one file of the documentation pages that no requirement brings: Redoc's script, pinned by its hash."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "flask-openapi3-redoc==2.5.2"
HASH = "sha256:8e819e5ee9c845e6b8362ea1d050421fbc0da18f77d0d3d1696928c56711b586"
MEMBER = "flask_openapi3_redoc/templates/redoc/js/redoc.standalone.js"
TARGET = Path(__file__).resolve().parent.parent / "chalicelib" / "web" / "docs" / "redoc.standalone.js"


def main() -> None:
    if TARGET.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        requirement = Path(folder) / "requirement.txt"
        requirement.write_text(f"{PACKAGE} --hash={HASH}\n")
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes", "-d", folder]
        subprocess.run([*command, "-r", str(requirement)], check=True)
        wheel = next(Path(folder).glob("*.whl"))
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        partial = TARGET.with_suffix(".partial")
        partial.write_bytes(zipfile.ZipFile(wheel).read(MEMBER))
        partial.replace(TARGET)


if __name__ == "__main__":
    main()
