"""Where the packaged code and template are kept for CloudFormation: one private bucket an account and region."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.package import Package


@dataclass(frozen=True)
class Uploaded:
    bucket: str
    key: str
    template_url: str


def upload(session: Any, package: Package) -> Uploaded:
    """Uploads what is not there already: keys are of the contents."""
    s3 = session.client("s3")
    account = session.client("sts").get_caller_identity()["Account"]
    bucket = f"glia-code-{account}-{s3.meta.region_name}"
    _ensure(s3, bucket)
    key = f"{package.digest}.zip"
    if not _has(s3, bucket, key):
        s3.upload_file(str(package.code), bucket, key)
    template = package.template.read_bytes()
    template_key = f"{hashlib.sha256(template).hexdigest()}.json"
    s3.put_object(Bucket=bucket, Key=template_key, Body=template)
    return Uploaded(bucket, key, f"{s3.meta.endpoint_url}/{bucket}/{template_key}")


def _ensure(s3: Any, bucket: str) -> None:
    try:
        s3.head_bucket(Bucket=bucket)
        return
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
            raise
    options: dict[str, Any] = {}
    if s3.meta.region_name != "us-east-1":  # the one region that must not be named
        options["CreateBucketConfiguration"] = {"LocationConstraint": s3.meta.region_name}
    s3.create_bucket(Bucket=bucket, **options)  # private and encrypted by default since 2023


def _has(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchKey"}:
            raise
        return False
    return True
