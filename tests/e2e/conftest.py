"""One running Glia for the tests of this folder that only talk to it; it ends with the last of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from local.config import LocalConfig
from tests.support.capturing import Program
from tests.support.running import Run, token


@pytest.fixture(scope="package")
def glia_home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="glia-e2e-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="package")
def glia(glia_home: Path) -> Iterator[Run]:
    if not Path(LocalConfig.from_env(os.environ).emulator_python).exists():
        pytest.skip("the S3 and SQS emulator is not installed")
    run = Run(glia_home, GLIA_BACKOFF_BASE="0", GLIA_EXTRACT_DELAY="0")
    yield run
    run.stop()


@pytest.fixture
def http(glia: Run, glia_home: Path) -> Iterator[httpx.Client]:
    """A client of a user nobody else is."""
    headers = {"Authorization": f"Bearer {token(glia_home, f'user-{uuid4()}')}"}
    with httpx.Client(base_url=glia.url, headers=headers, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def program(glia: Run, http: httpx.Client, tmp_path: Path) -> Program:
    """Runs programs that are recorded for the user of `http`."""
    return Program(glia.url, http.headers["Authorization"].removeprefix("Bearer "), tmp_path)
