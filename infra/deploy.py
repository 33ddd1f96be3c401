"""`make deploy STAGE=prod`: packages, migrates, deploys, and asks the deployment how it is.

Migrations run before new code serves: the function `migrate` alone gets the new code, and is invoked; only then the
stack is updated. If a migration fails, everything serves on as it was. On the first deployment there is nothing to
serve yet: the stack is made, migrated, and then announced.

The account, region and endpoint are boto3's (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL ...).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.code import Uploaded, upload
from infra.package import BUILD, MACHINES, ROOT, Package, package
from infra.stack import Say, Stack, StackError

HEALTH_TIMEOUT = 60.0
# A migration may take as long as a function may.
PATIENT = Config(read_timeout=910, retries={"total_max_attempts": 1})


class DeployError(Exception):
    """The deployment was not made, or does not work; the message says what to look at."""


@dataclass(frozen=True)
class Deployment:
    """What is deployed: its address, without a slash at the end, and the stack's outputs."""

    url: str
    outputs: Mapping[str, str]


def stack_name(stage: str) -> str:
    return f"glia-{stage}"


def deploy(
    session: Any, stage: str, made: Package, parameters: Mapping[str, str], say: Say, pause: float = 2.0
) -> Deployment:
    """Brings the stage to the packaged code.

    Raises:
        DeployError, StackError: it did not work; before the stack's update nothing has changed but the database.
    """
    stack = Stack(session.client("cloudformation"), stack_name(stage), say, pause)
    uploaded = upload(session, made)
    say(f"uploaded {made.code.stat().st_size / 1_000_000:.1f} MB of code")
    exists = (stack.status() or "").endswith(("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"))
    if exists:
        _give_new_code(session, stack.outputs()["MigrateFunction"], uploaded)
        _migrate(session, stack.outputs()["MigrateFunction"], say)
    code = {"CodeBucket": uploaded.bucket, "CodeKey": uploaded.key}
    if not stack.apply(uploaded.template_url, {**parameters, **code}):
        say("the stack is as it should be")
    outputs = stack.outputs()
    if not exists:
        _migrate(session, outputs["MigrateFunction"], say)
    deployment = Deployment(_address(session, outputs), outputs)
    _smoke(deployment.url, say)
    return deployment


def _give_new_code(session: Any, function: str, uploaded: Uploaded) -> None:
    functions = session.client("lambda")
    functions.update_function_code(FunctionName=function, S3Bucket=uploaded.bucket, S3Key=uploaded.key)
    functions.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1})


def _migrate(session: Any, function: str, say: Say) -> None:
    functions = session.client("lambda", config=PATIENT)
    functions.get_waiter("function_active_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1})
    answer = functions.invoke(FunctionName=function, Payload=b"{}")
    result = json.loads(answer["Payload"].read() or b"{}")
    if "FunctionError" in answer:
        raise DeployError(f"the migrations failed: {result.get('errorMessage', result)}")
    say(f"migrations applied: {', '.join(result['applied']) or 'none, up to date'}")


def _address(session: Any, outputs: Mapping[str, str]) -> str:
    """API Gateway's own; or an emulator's, which serves all of them at its endpoint."""
    gateway = session.client("apigateway")
    if ".amazonaws." in gateway.meta.endpoint_url:
        return outputs["EndpointURL"].rstrip("/")
    return f"{gateway.meta.endpoint_url}/_aws/execute-api/{outputs['RestAPIId']}/api"


def _smoke(url: str, say: Say) -> None:
    """Waits until /health answers that the database is up."""
    deadline, status, text = time.monotonic() + HEALTH_TIMEOUT, 0, ""
    while time.monotonic() < deadline:
        status, text = _get(f"{url}/health")
        if status == 200:
            say(f"health: {text}")
            return
        time.sleep(1)
    raise DeployError(f"{url}/health answers {status} {text}; see the logs /glia/<stage>/api")


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own address
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def _parameters(stage: str, given: list[str]) -> dict[str, str]:
    """Those of `infra/stages/<stage>.json`, if there is one, and of the command line, which win."""
    file = ROOT / "infra" / "stages" / f"{stage}.json"
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    return kept | dict(text.split("=", 1) for text in given)


def main() -> int:
    parser = argparse.ArgumentParser(description="Deploy Glia.")
    parser.add_argument("stage", help="name of the stage, such as prod")
    parser.add_argument("--architecture", choices=sorted(MACHINES), default="arm64")
    parser.add_argument("--build", type=Path, default=BUILD, help="folder for scratch folders (default: build)")
    parser.add_argument("parameters", nargs="*", metavar="Name=value", help="parameters of the template")
    args = parser.parse_args()
    say: Say = lambda line: print(line, flush=True)  # noqa: E731 - one line
    try:
        made = package(args.stage, args.architecture, build=args.build)
        session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
        deployment = deploy(session, args.stage, made, _parameters(args.stage, args.parameters), say)
    except (DeployError, StackError, BotoCoreError, ClientError, subprocess.CalledProcessError) as error:
        print(f"Glia is not deployed: {error}", file=sys.stderr)
        return 1
    say(f"Glia is deployed at {deployment.url}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
