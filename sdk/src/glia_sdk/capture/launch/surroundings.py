"""The environment in which a program is captured that knows nothing of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from glia_sdk.config import Profile, config_path, spill_path

HERE = Path(__file__).resolve().parent
PACKAGES = HERE.parents[2]  # the folder of glia_sdk and glia_wire


def captured(environ: Mapping[str, str], profile: str, login: Profile, *, is_otel: bool) -> dict[str, str]:
    """The environment with capture set up in every Python program.

    Args:
        is_otel: also points what emits OpenTelemetry to Glia, unless it is pointed somewhere already.
    """
    path = [str(HERE), *(entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry != str(HERE))]
    told = {
        "GLIA_CAPTURE": "1",
        "GLIA_SDK_PATH": str(PACKAGES),
        "GLIA_PROFILE": profile,
        "GLIA_CONFIG": str(config_path(environ).absolute()),
        "GLIA_SPILL": environ.get("GLIA_SPILL") or str(spill_path(environ).absolute()),
        "PYTHONPATH": os.pathsep.join(entry for entry in path if entry),
    }
    return {**(_otel(login) if is_otel else {}), **environ, **told}


def _otel(login: Profile) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": login.url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization={quote(f'Bearer {login.token}')}",
    }
