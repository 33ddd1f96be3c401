"""Glia as `make localstack` deploys it, for tests that use it from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil  # type: ignore[import-untyped]  # ships no types
from localstack_client.session import Session  # type: ignore[import-untyped]  # ships no types

from chalicelib.identity import dev_issuer
from chalicelib.settings import Settings
from infra.stack import Stack
from tests.support.running import POLL, ROOT
from tests.support.waiting import until

PATIENCE = 180.0
PYTHON = ROOT / ".venv-localstack" / "bin" / "python"
REGION, STACK = "eu-central-1", "glia-local"


def localstack_is_there() -> bool:
    """Whether `make` has set up LocalStack's environment."""
    return PYTHON.exists()


def sqs_record(body: str) -> dict[str, Any]:
    """One record of an SQS event."""
    return {
        "messageId": str(uuid4()),
        "receiptHandle": "none",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:glia-local-turns",
        "awsRegion": "eu-central-1",
    }


class Deployed:
    """One `make localstack`, and clients of what it deployed."""

    def __init__(self, home: Path, **variables: str) -> None:
        self._home = home / "localstack"
        self._log = home / "deployed.log"
        environ = {**os.environ, "GLIA_HOME": str(home), "PYTHONPATH": str(ROOT), **variables}
        with self._log.open("wb") as log:
            command = [sys.executable, "-m", "localstack.up"]
            self._process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
        self.url = self._wait_ready()
        self.endpoint = self.url.partition("/_aws/")[0]
        self.outputs = Stack(self.client("cloudformation"), STACK, print).outputs()

    def _wait_ready(self) -> str:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            if found := re.search(r"Glia is deployed at (\S+)", self.log()):
                return found.group(1)
            time.sleep(POLL)
        self.stop()
        raise RuntimeError(f"Glia is not deployed:\n{self.log()[-3000:]}")

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def listening(self) -> set[str]:
        """The addresses on which any of its processes listens for TCP."""
        everybody = psutil.Process(self._process.pid).children(recursive=True)
        sockets = [one for process in everybody for one in process.net_connections("tcp")]
        return {one.laddr.ip for one in sockets if one.status == psutil.CONN_LISTEN}

    def stop(self) -> int:
        """Ctrl-C. Returns the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(60)

    @property
    def session(self) -> Any:
        """What boto3's own session is on AWS."""
        return Session("test", "test", "", REGION, localstack_host=self.endpoint.removeprefix("http://"))

    def client(self, service: str) -> Any:
        return self.session.client(service)

    def token(self, subject: str) -> str:
        return dev_issuer.issue(Settings.from_env({}), self._home, subject)

    def http(self, subject: str) -> httpx.Client:
        """A client of the API, as a user."""
        headers = {"Authorization": f"Bearer {self.token(subject)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=35, trust_env=False)

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """The answer of a function of the stack, named by its logical id."""
        answer = self.client("lambda").invoke(FunctionName=self._name(function), Payload=json.dumps(event))
        assert "FunctionError" not in answer, answer["Payload"].read()
        return json.loads(answer["Payload"].read())

    def environment(self, function: str) -> dict[str, str]:
        """The variables of a function of the stack, named by its logical id."""
        name = self._name(function)
        found = self.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        return dict(found)

    def _name(self, function: str) -> str:
        resource = self.client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=function)
        return str(resource["StackResourceDetail"]["PhysicalResourceId"])

    def mappings(self) -> list[dict[str, Any]]:
        """The event source mappings."""
        found: list[dict[str, Any]] = self.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        return found

    def kill(self, handler: str) -> int:
        """Kills the processes that run a function, named by its handler. Returns how many there were."""
        running = psutil.Process(self._process.pid).children(recursive=True)
        found = [one for one in running if one.is_running() and one.cmdline()[-1:] == [handler]]
        for process in found:
            process.kill()
        return len(found)

    @contextmanager
    def unattended(self, queue: str) -> Iterator[None]:
        """Meanwhile nobody receives from the queue."""
        (mapping,) = [m for m in self.mappings() if m["EventSourceArn"].endswith(f"-{queue}")]
        self._enable(mapping["UUID"], False)
        try:
            yield
        finally:
            self._enable(mapping["UUID"], True)

    def _enable(self, uuid: str, wanted: bool) -> None:
        functions = self.client("lambda")
        functions.update_event_source_mapping(UUID=uuid, Enabled=wanted)
        state = "Enabled" if wanted else "Disabled"
        until(lambda: functions.get_event_source_mapping(UUID=uuid)["State"] == state, PATIENCE, POLL)
