"""The persistent S3 and SQS emulator (MiniStack): how it is started, and when it is ready."""

from __future__ import annotations

import os
import random
import shutil
import socket
import urllib.request
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ships no types

# Below the ephemeral ports: there the kernel could hand ours to an outgoing connection while the emulator restarts.
PORTS = range(14_570, 15_570)
# Proxy variables are for the outside world.
LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def command(python: str) -> list[str]:
    """The command line of the emulator, given the interpreter of its own virtual environment."""
    return [python, "-m", "ministack"]


def environment(data: Path, port: int, region: str) -> dict[str, str]:
    """The emulator's whole environment: nothing of ours is passed on, so no credential can end up inside.

    Objects are written through to disk; queues are saved on a clean stop and may be lost otherwise, which Glia's job
    rows make good.
    """
    for folder in ("s3", "state", "tmp"):
        (data / folder).mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.defpath,
        "HOME": str(data),
        "TMPDIR": str(data / "tmp"),
        "PYTHONUNBUFFERED": "1",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": region,
        "SERVICES": "s3,sqs,sts",
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(data / "s3"),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(data / "state"),
        "LOG_LEVEL": "WARNING",
        # It removes containers at start and stop; it shall find no Docker to do so.
        "DOCKER_HOST": f"unix://{data / 'no-docker.sock'}",
    }


def free_port(data: Path) -> int:
    """A free port on loopback: the last run's if possible, because saved queues have it in their addresses."""
    kept = data / "port"
    last = kept.read_text() if kept.exists() else ""
    wanted = [int(last)] if last.isdigit() else []
    port = next(port for port in [*wanted, *random.sample(PORTS, 100), 0] if _is_free(port))
    data.mkdir(parents=True, exist_ok=True)
    kept.write_text(str(port))
    return port


def set_state_aside(data: Path) -> None:
    """Lets the emulator start without the queues it saved; objects stay. The last set aside is kept as `state.bad`."""
    shutil.rmtree(data / "state.bad", ignore_errors=True)
    (data / "state").replace(data / "state.bad")
    (data / "state").mkdir()


def healthy(port: int, pid: int) -> bool:
    """Whether the process `pid` itself listens on `port` and answers; another clone's emulator does not count."""
    try:
        sockets = psutil.Process(pid).net_connections("tcp")
        mine = any(s.status == psutil.CONN_LISTEN and s.laddr.port == port for s in sockets)
        return mine and _answers(port)
    except psutil.Error:
        return False


def _answers(port: int) -> bool:
    try:
        with LOOPBACK.open(f"http://127.0.0.1:{port}/_ministack/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True
