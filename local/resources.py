"""The queues and the buckets that Glia needs, created in the emulator from what the Chalice app declares."""

from __future__ import annotations

import json
import os
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from chalice.app import SQSEventConfig

from chalicelib.artifacts.models import UPLOADS_QUEUE
from chalicelib.settings import Settings

# Seconds until a message comes back whose worker was killed. On AWS the infrastructure's template has its own value.
VISIBILITY = 120
OWNED = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


def client(service: str, settings: Settings) -> Any:
    """A boto3 client of the emulator at `settings.aws_endpoint_url`; thread-safe, never through a proxy."""
    make: Any = boto3.client  # its stubs list every service by literal name
    return make(
        service,
        endpoint_url=settings.aws_endpoint_url,
        region_name=settings.aws_region,
        aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID") or "test",
        aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY") or "test",
        config=Config(
            connect_timeout=2,
            read_timeout=15,
            retries={"total_max_attempts": 2, "mode": "standard"},
            max_pool_connections=64,
            proxies={},
            s3={"addressing_style": "path"},
        ),
    )


def queue_sources(app: Any) -> list[SQSEventConfig]:
    """The app's queue triggers."""
    return [source for source in app.event_sources if isinstance(source, SQSEventConfig)]


def queue_name(source: SQSEventConfig) -> str:
    """The queue of a trigger, declared by name or by ARN."""
    return source.queue or (source.queue_arn or "").rpartition(":")[2]


def create_resources(settings: Settings, app: Any) -> None:
    """Creates what is missing: each trigger's queue, its dead-letter queue `<name>-dlq`, and the buckets, with
    the notification of uploads. Idempotent.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: the emulator is away or refuses.
    """
    sqs = client("sqs", settings)
    for source in queue_sources(app):
        _create_queue(sqs, queue_name(source), settings.max_attempts)
    s3 = client("s3", settings)
    _create_bucket(s3, settings, settings.bucket)
    _create_bucket(s3, settings, settings.upload_bucket)
    if settings.queue_name(UPLOADS_QUEUE) in map(queue_name, queue_sources(app)):
        _notify(s3, sqs, settings)


def _create_queue(sqs: Any, name: str, max_attempts: int) -> None:
    dead = sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": str(max_attempts)}
    # Attributes are set apart: creating an existing queue with other attributes is an error.
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    attributes = {"VisibilityTimeout": str(VISIBILITY), "RedrivePolicy": json.dumps(redrive)}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)


def _notify(s3: Any, sqs: Any, settings: Settings) -> None:
    """Every upload of an artifact puts a message into its queue."""
    url = sqs.get_queue_url(QueueName=settings.queue_name(UPLOADS_QUEUE))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    said = {"QueueConfigurations": [{"Id": "uploads", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=settings.upload_bucket, NotificationConfiguration=said)


def _create_bucket(s3: Any, settings: Settings, bucket: str) -> None:
    options: dict[str, Any] = {}
    if settings.aws_region != "us-east-1":  # the one region that must not be named
        options["CreateBucketConfiguration"] = {"LocationConstraint": settings.aws_region}
    try:
        s3.create_bucket(Bucket=bucket, **options)
    except ClientError as error:
        if error.response["Error"]["Code"] not in OWNED:
            raise
