"""The packaged template, as CloudFormation gets it: what must hold for every function, queue and policy in it."""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import app
from chalicelib.settings import Settings
from infra import gateway, variables
from infra.package import MACHINES, PYTHON, Package, package
from tests.support.deployed import PYTHON as LOCALSTACK_PYTHON
from tests.support.running import ROOT

STAGE = "tried"
FUNCTION, QUEUE, ROLE = "AWS::Serverless::Function", "AWS::SQS::Queue", "AWS::IAM::Role"
CFN_LINT = LOCALSTACK_PYTHON.parent / "cfn-lint"
pytestmark = pytest.mark.xdist_group("template")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Package]:
    """The application, packaged for each kind of processor."""
    return {kind: package(STAGE, kind, build=tmp_path_factory.mktemp("build")) for kind in sorted(MACHINES)}


@pytest.fixture(scope="module", params=sorted(MACHINES))
def packaged(request: pytest.FixtureRequest, packages: dict[str, Package]) -> Package:
    return packages[request.param]


@pytest.fixture(scope="module")
def template(packaged: Package) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(packaged.template.read_text())
    return parsed


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    found = {name: r["Properties"] for name, r in template["Resources"].items() if r["Type"] == kind}
    assert found, f"no {kind}"
    return found


def mappings(template: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """Function, event source and queue of each mapping."""
    queues = {
        queue["QueueName"]["Fn::Sub"].replace("${Stage}", STAGE): queue for queue in of_type(template, QUEUE).values()
    }
    for function in of_type(template, FUNCTION).values():
        for event in function.get("Events", {}).values():
            if event["Type"] == "SQS":
                source = event["Properties"]
                yield function, source, queues[source["Queue"]["Fn::Sub"].rpartition(":")[2]]


def policies(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement that allows something, with the name of its role."""
    for name, role in of_type(template, ROLE).items():
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement


def test_every_trigger_of_the_application_is_packaged(template: dict[str, Any]) -> None:
    """A function for the API, one a trigger, one for migrations; a mapping for every queue."""
    triggers = {source.name.capitalize() for source in app.event_sources} | {"Migrate", "APIHandler"}
    assert set(of_type(template, FUNCTION)) == triggers
    assert len(list(mappings(template))) == 5


def test_every_mapping_takes_partial_batches_and_is_bounded(template: dict[str, Any]) -> None:
    """Without the first, the failed records of a batch are deleted; without the second, a flood takes every lane."""
    for _, source, _ in mappings(template):
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert source["ScalingConfig"]["MaximumConcurrency"]


def test_a_message_stays_invisible_for_six_times_the_functions_timeout(template: dict[str, Any]) -> None:
    """AWS's own advice, with the batching window added."""
    for function, source, queue in mappings(template):
        window = source.get("MaximumBatchingWindowInSeconds", 0)
        assert queue["VisibilityTimeout"] >= 6 * function["Timeout"] + window


def test_every_queue_has_its_dead_letters_kept_for_fourteen_days(template: dict[str, Any]) -> None:
    """A message is tried as often as its job is claimed, and then kept for people to look at."""
    queues = of_type(template, QUEUE)
    for _, _, queue in mappings(template):
        redrive = queue["RedrivePolicy"]
        assert redrive["maxReceiveCount"] == Settings().max_attempts
        assert queues[redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]]["MessageRetentionPeriod"] == 14 * 86_400
    assert all(queue["SqsManagedSseEnabled"] for queue in queues.values())


def test_every_function_has_a_role_of_its_own(template: dict[str, Any]) -> None:
    """None shares another's rights, and every role is somebody's."""
    used = [function["Role"]["Fn::GetAtt"][0] for function in of_type(template, FUNCTION).values()]
    assert sorted(used) == sorted(of_type(template, ROLE))


def test_no_policy_allows_a_wildcard(template: dict[str, Any]) -> None:
    """Every action and every resource is named; objects are those below one prefix of one bucket."""
    objects = [{"Fn::Sub": "${Blobs.Arn}/artifacts/*"}, {"Fn::Sub": "${UploadBucket.Arn}/uploads/*"}]
    for role, statement in policies(template):
        assert statement["Effect"] == "Allow"
        named = [resource for resource in statement["Resource"] if resource not in objects]
        assert "*" not in json.dumps([statement["Action"], named]), role


def test_each_role_reaches_only_its_own_queues(template: dict[str, Any]) -> None:
    """What may be received is what is mapped; the API receives nothing; migrations touch no queue."""
    receiving = {r: s["Resource"] for r, s in policies(template) if "sqs:ReceiveMessage" in s["Action"]}
    assert receiving == {
        "TurnsRole": [{"Fn::GetAtt": ["TurnsQueue", "Arn"]}],
        "ExtractionsRole": [{"Fn::GetAtt": ["ExtractionsQueue", "Arn"]}],
        "StoriesRole": [{"Fn::GetAtt": ["StoriesQueue", "Arn"]}],
        "ReextractionsRole": [{"Fn::GetAtt": ["ReextractionsQueue", "Arn"]}],
        "UploadsRole": [{"Fn::GetAtt": ["UploadsQueue", "Arn"]}],
    }
    sending = {r for r, s in policies(template) if "sqs:SendMessage" in s["Action"]}
    assert sending == {"ApiRole", "TurnsRole", "ExtractionsRole", "ReextractionsRole", "StoriesRole", "SweepRole"}


def test_every_setting_can_be_given_and_each_function_sees_one_login(template: dict[str, Any]) -> None:
    """Every variable of `settings.py` reaches the API or has a reason not to; no variable is unknown to it."""
    functions = of_type(template, FUNCTION)
    given = {name: set(function["Environment"]["Variables"]) for name, function in functions.items()}
    aliases = {str(field.alias) for field in Settings.model_fields.values()}
    assert set().union(*given.values()) == aliases - variables.NOT_OURS
    logins = {name: found & variables.DATABASE.keys() for name, found in given.items()}
    assert logins == {
        "APIHandler": {"DATABASE_URL"},
        "Turns": {"DATABASE_URL"},
        "Extractions": {"DATABASE_URL"},
        "Stories": {"DATABASE_URL"},
        "Reextractions": {"DATABASE_URL"},
        "Uploads": {"DATABASE_URL"},
        "Sweep": {"DATABASE_SYSTEM_URL"},
        "Migrate": {"DATABASE_OWNER_URL"},
    }
    assert variables.MODEL_KEY not in given["Sweep"] | given["Migrate"]
    secret = {variables.parameter_name(name) for name in [*variables.DATABASE, variables.MODEL_KEY]}
    assert {name for name, p in template["Parameters"].items() if p.get("NoEcho")} == secret


def test_the_gateway_is_regional_and_compresses(template: dict[str, Any]) -> None:
    """EDGE, the default, would add a distribution nobody asked for."""
    (api,) = of_type(template, "AWS::Serverless::Api").values()
    assert api["EndpointConfiguration"] == "REGIONAL"
    assert api["MinimumCompressionSize"] > 0
    assert of_type(template, FUNCTION)["APIHandler"]["Timeout"] <= 29


def test_what_the_gateway_answers_is_in_the_error_contract(template: dict[str, Any]) -> None:
    """Same shape and same codes as the application's own errors; an unknown path is 404."""
    (api,) = of_type(template, "AWS::Serverless::Api").values()
    responses = api["DefinitionBody"]["x-amazon-apigateway-gateway-responses"]
    assert set(responses) == set(gateway.RESPONSES)
    found = {}
    for kind, response in responses.items():
        error = json.loads(response["responseTemplates"]["application/json"])["error"]
        assert error.keys() == {"code", "message", "details", "request_id"}
        assert error["request_id"] == "$context.requestId"
        found[kind] = (response.get("statusCode"), error["code"])
    assert found["MISSING_AUTHENTICATION_TOKEN"] == ("404", "not_found")
    assert found["INTEGRATION_TIMEOUT"] == ("504", "gateway_timeout")
    assert found["REQUEST_TOO_LARGE"] == ("413", "too_large")


def test_both_buckets_are_private_and_encrypted_and_blobs_outlive_the_stack(template: dict[str, Any]) -> None:
    """No public access, no plain connection; deleting a stage deletes nothing that is kept, and no raw upload stays."""
    buckets = of_type(template, "AWS::S3::Bucket")
    for bucket in buckets.values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["BucketEncryption"]
    kept = {name: template["Resources"][name]["DeletionPolicy"] for name in buckets}
    assert kept == {"Blobs": "Retain", "UploadBucket": "Delete"}
    refused = {"Bool": {"aws:SecureTransport": "false"}}
    guarded = of_type(template, "AWS::S3::BucketPolicy").values()
    assert {policy["Bucket"]["Ref"] for policy in guarded} == set(buckets)
    for policy in guarded:
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Condition"]) == ("Deny", refused)


def test_raw_uploads_are_announced_to_their_queue_alone_and_expire(template: dict[str, Any]) -> None:
    """The bucket may send before it is made to; nobody else may; what is forgotten is gone within a day."""
    bucket, resource = of_type(template, "AWS::S3::Bucket")["UploadBucket"], template["Resources"]["UploadBucket"]
    queue = {"Fn::GetAtt": ["UploadsQueue", "Arn"]}
    assert bucket["NotificationConfiguration"] == {
        "QueueConfigurations": [{"Event": "s3:ObjectCreated:*", "Queue": queue}]
    }
    assert resource["DependsOn"] == ["UploadsQueuePolicy"]
    (policy,) = of_type(template, "AWS::SQS::QueuePolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Resource"]) == ({"Service": "s3.amazonaws.com"}, queue)
    source = statement["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"]
    assert source == f"arn:${{AWS::Partition}}:s3:::{bucket['BucketName']['Fn::Sub']}"
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 1)


def test_binary_bodies_reach_the_function_whole(template: dict[str, Any]) -> None:
    """What is registered as binary comes as base64; as text, its bytes would be replaced. JSON stays text."""
    (api,) = of_type(template, "AWS::Serverless::Api").values()
    binary = api["DefinitionBody"]["x-amazon-apigateway-binary-media-types"]
    assert "application/x-protobuf" in binary
    assert not {"application/json", "application/x-ndjson", "*/*"} & set(binary)


def test_logs_are_kept_for_a_bounded_time_api_and_workers_apart(template: dict[str, Any]) -> None:
    """No function writes into a group that is kept for ever."""
    groups = of_type(template, "AWS::Logs::LogGroup")
    assert all(group["RetentionInDays"] for group in groups.values())
    used = {name: f["LoggingConfig"]["LogGroup"]["Ref"] for name, f in of_type(template, FUNCTION).items()}
    assert used.pop("APIHandler") == "ApiLogs"
    assert set(used.values()) == {"WorkerLogs"}


def test_the_package_holds_what_the_functions_need_and_no_more(packaged: Package) -> None:
    """Application, migrations and requirements for Lambda's own system; no tools, no local runtime, no tests."""
    with zipfile.ZipFile(packaged.code) as archive:
        names = archive.namelist()
    top = {name.split("/")[0] for name in names}
    assert {"app.py", "chalicelib", "chalice", "glia_wire", "migrations", "psycopg", "pydantic_core"} <= top
    assert not top & {"boto3", "botocore", "pip", "local", "tests", "infra", "sdk", "bench"}
    assert "migrations/0001.foundation.sql" in names
    machine = MACHINES[packaged.template.parent.parent.name.removeprefix(f"{STAGE}-")]
    compiled = [name for name in names if name.startswith("pydantic_core/") and name.endswith(".so")]
    assert [name for name in compiled if f"cp{PYTHON.replace('.', '')}" in name.replace("cpython-", "cp")] == compiled
    assert all(machine in name for name in compiled)


def test_packaging_again_makes_the_same_code(packages: dict[str, Package], tmp_path: Path) -> None:
    """A deployment of unchanged code changes nothing: its key is of the contents, of which some are compiled."""
    architecture, packaged = next(iter(packages.items()))
    assert package(STAGE, architecture, build=tmp_path).digest == packaged.digest
    assert len({each.digest for each in packages.values()}) == len(MACHINES)


def test_the_lint_of_cloudformation_finds_nothing(packages: dict[str, Package]) -> None:
    """All templates: the application's, for each kind of processor, and the data's."""
    if not CFN_LINT.exists():
        pytest.skip("cfn-lint comes with LocalStack, which is not set up; `make test` does it")
    templates = [*(str(packaged.template) for packaged in packages.values()), str(ROOT / "infra" / "data.yaml")]
    command = [str(CFN_LINT), "--regions", "eu-central-1", "--", *templates]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
