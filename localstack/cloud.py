"""LocalStack itself: how it is started without Docker, and when it is ready."""

from __future__ import annotations

import os
import shutil
import urllib.request
from pathlib import Path

# Proxy variables are for the outside world.
LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SERVICES = "apigateway,cloudformation,cloudwatch,events,iam,lambda,logs,s3,secretsmanager,sqs,ssm,sts"


def command(python: str) -> list[str]:
    """The command line, given the interpreter of LocalStack's own virtual environment."""
    return [python, "-m", "glia_localstack"]


def environment(data: Path, port: int) -> dict[str, str]:
    """LocalStack's whole environment: nothing of ours is passed on, so no credential can end up inside.

    It listens on loopback only, calls nobody, and keeps its files below `data`; those of the last run are removed.
    """
    shutil.rmtree(data / "tmp", ignore_errors=True)  # the last run's functions
    for folder in ("files", "tmp", "volume"):
        (data / folder).mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.defpath,
        "HOME": str(data),
        "TMPDIR": str(data / "tmp"),
        "PYTHONSAFEPATH": "1",  # the folder it is started in has a `localstack` of its own
        "PYTHONUNBUFFERED": "1",
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "GATEWAY_SERVER": "loopback",
        "LOCALSTACK_HOST": f"127.0.0.1:{port}",
        "LOCALSTACK_VOLUME": str(data / "volume"),
        "FILESYSTEM_ROOT": str(data / "files"),
        "DNS_ADDRESS": "0",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "LS_LOG": "error",
        "SERVICES": SERVICES,
        "STRICT_SERVICE_LOADING": "1",
        "S3_SKIP_SIGNATURE_VALIDATION": "0",
        "DOCKER_HOST": f"unix://{data / 'no-docker.sock'}",  # it shall find none
        "SQS_DISABLE_CLOUDWATCH_METRICS": "1",  # of every poll; nothing here reads them
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT": "60",
        "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.1",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "0.5",
    }


def answers(port: int) -> bool:
    """Whether it is ready for requests."""
    try:
        with LOOPBACK.open(f"http://127.0.0.1:{port}/_localstack/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
