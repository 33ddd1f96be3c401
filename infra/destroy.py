"""`make destroy STAGE=dev`: deletes the stage's stack. The bucket with its blobs and the database are kept."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.deploy import stack_name
from infra.stack import Stack, StackError


def destroy(session: Any, stage: str, say: Callable[[str], None], pause: float = 2.0) -> str | None:
    """Deletes the stage's stack. Returns the bucket that is kept; None if there is no such stack.

    Raises:
        StackError, BotoCoreError, ClientError
    """
    stack = Stack(session.client("cloudformation"), stack_name(stage), say, pause)
    outputs = stack.outputs()
    if uploads := outputs.get("UploadBucketName"):
        empty(session.client("s3"), uploads)
    stack.delete()
    return outputs.get("BlobBucket")


def empty(s3: Any, bucket: str) -> None:
    """CloudFormation deletes a bucket only while it holds nothing."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        if found := [{"Key": item["Key"]} for item in page.get("Contents", [])]:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})


def main() -> int:
    parser = argparse.ArgumentParser(description="Delete a stage of Glia, but for its data.")
    parser.add_argument("stage", help="name of the stage, such as dev")
    args = parser.parse_args()
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    name = stack_name(args.stage)
    try:
        kept = destroy(session, args.stage, print)
    except (StackError, BotoCoreError, ClientError) as error:
        print(f"{name} is not deleted: {error}", file=sys.stderr)
        return 1
    print(f"{name} is deleted; the bucket {kept} is kept" if kept else f"there is no {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
