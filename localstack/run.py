"""One run of Glia on LocalStack, from its lock to its clean stop."""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import boto3

from chalicelib.identity import dev_issuer
from chalicelib.settings import Settings
from infra import variables
from infra.deploy import Deployment, deploy
from infra.package import package
from local import postgres
from local.config import ROOT
from local.console import Console
from local.emulator import free_port
from local.process import Child
from local.roles import DatabaseUrls
from local.stopping import Stopping
from localstack import cloud, gaps

STAGE, REGION, USER = "local", "eu-central-1", "alice"
PYTHON = ".venv-localstack/bin/python"
START, STOP = 60.0, 15.0
TICK = 0.2


class StartError(Exception):
    """It does not come up; the message says what to do."""


class Stopped(Exception):
    """The user stopped it before it was ready."""


@dataclass
class Run:
    """
    Args:
        home: the folder of all data of this run.
        user: the environment as it was found; Glia's own settings in it become parameters of the deployment.
        stopping: every wait here ends when it is set.
    """

    home: Path
    user: Mapping[str, str]
    console: Console
    stopping: Stopping
    _cloud: Child | None = None
    _problem: list[BaseException] = field(default_factory=list)
    _made: list[Deployment] = field(default_factory=list)

    def start(self) -> Deployment:
        """Starts the database and LocalStack, and deploys.

        Raises:
            StartError, Stopped, PostgresError, DeployError, StackError
        """
        python = str(Path(self.user.get("GLIA_LOCALSTACK_PYTHON") or ROOT / PYTHON).expanduser().absolute())
        if not Path(python).exists():
            raise StartError("LocalStack is not installed; `make localstack` does it")
        port = free_port(self.home / "cloud")
        env = cloud.environment(self.home / "cloud", port)
        self._cloud = Child("aws", cloud.command(python), env, self.console)
        self._cloud.start()
        databases = self._start_postgres()
        self._wait_cloud(port)
        os.environ.update(client_environment(port))
        return self._deploy(databases)

    def watch(self) -> None:
        """Until `stopping` is set.

        Raises:
            StartError: LocalStack has ended by itself; what it held is gone with it.
        """
        while not self.stopping.wait(TICK):
            if self._cloud and not self._cloud.running():
                raise StartError("LocalStack has ended unexpectedly")

    def stop(self) -> None:
        if self._cloud:
            self._cloud.terminate()
            self._cloud.wait(time.monotonic() + STOP)
        postgres.stop(self.home / "postgres")

    def _start_postgres(self) -> DatabaseUrls:
        superuser = postgres.start(self.home / "postgres", die_with_parent=True)
        return postgres.bootstrap(superuser, "glia")

    def _wait_cloud(self, port: int) -> None:
        deadline = time.monotonic() + START
        while not cloud.answers(port):
            if self.stopping.wait(TICK):
                raise Stopped
            if time.monotonic() > deadline or not (self._cloud and self._cloud.running()):
                raise StartError("LocalStack does not start")

    def _deploy(self, databases: DatabaseUrls) -> Deployment:
        """In a thread, so that Ctrl-C need not wait for it."""
        threading.Thread(target=self._deploy_quietly, args=[databases], daemon=True).start()
        while not self._made and not self._problem:
            if self.stopping.wait(TICK):
                raise Stopped
        if self._problem:
            raise self._problem[0]
        return self._made[0]

    def _deploy_quietly(self, databases: DatabaseUrls) -> None:
        try:
            made = package(STAGE, machine(), python=this_python(), is_for_host=True, build=self.home / "build")
            parameters, say = self._parameters(databases), self._say
            session = boto3.Session(region_name=REGION)
            deployment = deploy(session, STAGE, made, parameters, say, pause=TICK)
            gaps.apply_gateway_responses(session, deployment.outputs["RestAPIId"])
            self._made.append(deployment)
        except BaseException as error:  # noqa: BLE001 - the main thread raises it again
            self._problem.append(error)

    def _say(self, line: str) -> None:
        self.console.line("glia", line)

    def _parameters(self, databases: DatabaseUrls) -> dict[str, str]:
        given = {
            variables.parameter_name(name): self.user[name]
            for name in variables.aliases()
            if self.user.get(name) and name not in variables.FROM_STACK
        }
        return {
            "OidcIssuer": dev_issuer.ISSUER,
            "OidcJwksUrl": str(dev_issuer.ensure_keys(self.home)),
            **given,
            "DatabaseUrl": databases.app,
            "DatabaseSystemUrl": databases.system,
            "DatabaseOwnerUrl": databases.owner,
            "DatabasePooled": "false",
        }


def token(home: Path) -> str:
    """A token for a local user, signed by the keys of this run."""
    return dev_issuer.issue(Settings.from_env({}), home, USER)


def client_environment(port: int) -> dict[str, str]:
    """What AWS clients need to reach LocalStack and nothing else: no key, profile or file of a real account."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def machine() -> str:
    return "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"


def this_python() -> str:
    """The functions run on LocalStack's interpreter, which `make` takes from the same place as ours."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
