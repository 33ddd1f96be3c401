"""SQS, behind the outbox's small protocol. boto3 is loaded with the first message, not with the application."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsQueue:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._urls: dict[str, str] = {}

    @cached_property
    def _client(self) -> SQSClient:
        import boto3
        from botocore.config import Config

        config = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 3})
        return boto3.client(
            "sqs",
            region_name=self._settings.aws_region,
            endpoint_url=self._settings.aws_endpoint_url,
            config=config,
        )

    def _url(self, queue: str) -> str:
        if queue not in self._urls:
            name = self._settings.queue_name(queue)
            self._urls[queue] = self._client.get_queue_url(QueueName=name)["QueueUrl"]
        return self._urls[queue]

    def send(self, queue: str, body: str, request_id: str, delay: int) -> None:
        self._client.send_message(
            QueueUrl=self._url(queue),
            MessageBody=body,
            DelaySeconds=delay,
            MessageAttributes={"request_id": {"DataType": "String", "StringValue": request_id}},
        )

    def defer(self, queue: str, receipt_handle: str, seconds: int) -> None:
        self._client.change_message_visibility(
            QueueUrl=self._url(queue), ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
        )

    def check(self) -> None:
        """Raises whatever boto3 raises if the first queue cannot be reached."""
        self._client.get_queue_attributes(QueueUrl=self._url("turns"), AttributeNames=["QueueArn"])
