"""One IAM role a function, with what it does and nothing else: no wildcard in any action or resource."""

from __future__ import annotations

from typing import Any

SEND = ["sqs:GetQueueUrl", "sqs:SendMessage"]
RECEIVE = [
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ReceiveMessage",
]
ALL = ("TurnsQueue", "ExtractionsQueue", "StoriesQueue", "ReextractionsQueue")
# What is kept of artifacts, and what is raw.
KEPT = {"Fn::Sub": "${Blobs.Arn}/artifacts/*"}
UPLOADS = {"Fn::Sub": "${UploadBucket.Arn}/uploads/*"}
# AWS's own policy, attached inside a VPC only: these actions know no resources.
IN_VPC = {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"}


def roles() -> dict[str, Any]:
    """The roles, by logical id."""
    objects = [_objects(["s3:GetObject", "s3:PutObject"], KEPT), _objects(["s3:PutObject"], UPLOADS)]
    health = [_allow(["sqs:GetQueueAttributes"], "TurnsQueue"), _allow(["s3:ListBucket"], "Blobs")]
    return {
        "ApiRole": _role("ApiLogs", _allow(SEND, *ALL), *health, *objects),
        "TurnsRole": _role("WorkerLogs", _allow(RECEIVE, "TurnsQueue"), _allow(SEND, "ExtractionsQueue")),
        "ExtractionsRole": _role(
            "WorkerLogs", _allow([*RECEIVE, "sqs:SendMessage"], "ExtractionsQueue"), _allow(SEND, "StoriesQueue")
        ),
        "StoriesRole": _role("WorkerLogs", _allow([*RECEIVE, "sqs:SendMessage"], "StoriesQueue")),
        "ReextractionsRole": _role(
            "WorkerLogs",
            _allow([*RECEIVE, "sqs:SendMessage"], "ReextractionsQueue"),
            _allow(SEND, "ExtractionsQueue", "StoriesQueue"),
        ),
        "UploadsRole": _role(
            "WorkerLogs",
            _allow(RECEIVE, "UploadsQueue"),
            _objects(["s3:GetObject", "s3:DeleteObject"], UPLOADS),
            _objects(["s3:PutObject"], KEPT),
        ),
        "SweepRole": _role("WorkerLogs", _allow(SEND, *ALL, "UploadsQueue")),
        "MigrateRole": _role("WorkerLogs"),
    }


def _role(log_group: str, *statements: dict[str, Any]) -> dict[str, Any]:
    logs = _allow(["logs:CreateLogStream", "logs:PutLogEvents"], log_group)
    policy = {"Version": "2012-10-17", "Statement": [*statements, logs]}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
                ],
            },
            "Policies": [{"PolicyName": "what-it-does", "PolicyDocument": policy}],
            "ManagedPolicyArns": {"Fn::If": ["InVpc", [IN_VPC], {"Ref": "AWS::NoValue"}]},
        },
    }


def _objects(actions: list[str], resource: dict[str, Any]) -> dict[str, Any]:
    """Objects have no names of their own here: all of one prefix of one bucket."""
    return {"Effect": "Allow", "Action": actions, "Resource": [resource]}


def _allow(actions: list[str], *resources: str) -> dict[str, Any]:
    """The Arn of a log group covers its streams by itself."""
    return {"Effect": "Allow", "Action": actions, "Resource": [{"Fn::GetAtt": [name, "Arn"]} for name in resources]}
