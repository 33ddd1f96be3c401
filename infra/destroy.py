"""`make destroy STAGE=dev`: deletes the stage's stack. The bucket with its blobs and the database are kept."""

from __future__ import annotations

import argparse
import os
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.deploy import stack_name
from infra.stack import Stack, StackError


def main() -> int:
    parser = argparse.ArgumentParser(description="Delete a stage of Glia, but for its data.")
    parser.add_argument("stage", help="name of the stage, such as dev")
    args = parser.parse_args()
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    stack = Stack(session.client("cloudformation"), stack_name(args.stage), print)
    try:
        outputs = stack.outputs()
        kept = outputs.get("BlobBucket")
        if uploads := outputs.get("UploadBucketName"):  # only an empty bucket can be deleted
            session.resource("s3").Bucket(uploads).objects.all().delete()
        stack.delete()
    except (StackError, BotoCoreError, ClientError) as error:
        print(f"{stack.name} is not deleted: {error}", file=sys.stderr)
        return 1
    print(f"{stack.name} is deleted; the bucket {kept} is kept" if kept else f"there is no {stack.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
