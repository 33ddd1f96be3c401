"""Lambda's side of queues and schedules: the events it sends, and how it reads a handler's answer. Pure functions."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from local.context import ACCOUNT

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


def sqs_event(messages: Iterable[dict[str, Any]], queue: str, region: str) -> dict[str, Any]:
    """The event of a batch, from messages as boto3's `receive_message` gives them."""
    arn = f"arn:aws:sqs:{region}:{ACCOUNT}:{queue}"
    return {"Records": [_record(message, arn, region) for message in messages]}


def _record(message: dict[str, Any], arn: str, region: str) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {name: _attribute(a) for name, a in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    }


def _attribute(attribute: dict[str, Any]) -> dict[str, Any]:
    values = {"stringValue": attribute.get("StringValue"), "binaryValue": attribute.get("BinaryValue")}
    present = {name: value for name, value in values.items() if value is not None}
    return {**present, "stringListValues": [], "binaryListValues": [], "dataType": attribute["DataType"]}


def failed_messages(answer: Any, sent: Sequence[str]) -> set[str]:
    """The ids of `sent` that are not done, by the rules of ReportBatchItemFailures.

    An empty answer means that all are done. An answer that cannot be read, or that names a message which was not sent,
    means that none is.
    """
    if answer is None or answer == {}:
        return set()
    if not isinstance(answer, dict):
        return set(sent)
    failures = answer.get("batchItemFailures") or []
    if not isinstance(failures, list) or not all(isinstance(item, dict) for item in failures):
        return set(sent)
    named = {item.get("itemIdentifier") for item in failures}
    return {str(name) for name in named} if named <= set(sent) else set(sent)


def schedule_event(name: str, region: str) -> dict[str, Any]:
    """What EventBridge sends a handler that a rule of this name starts."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [f"arn:aws:events:{region}:{ACCOUNT}:rule/{name}"],
        "detail": {},
    }


def rate_seconds(expression: Any) -> float:
    """The period of `rate(5 minutes)`, as text or as Chalice's `Rate`, in seconds.

    Raises:
        ValueError: another kind of schedule; cron expressions do not run locally.
    """
    text = expression if isinstance(expression, str) else expression.to_string()
    matched = re.fullmatch(r"rate\((\d+) (second|minute|hour|day)s?\)", text)
    if not matched:
        raise ValueError(f"only rate(...) schedules run locally, not {text}")
    return float(matched[1]) * UNITS[matched[2]]
