"""Lambda's events and its reading of answers."""

from typing import Any

import pytest
from chalice.app import Rate

from local.context import LocalContext
from local.lambda_events import failed_messages, rate_seconds, schedule_event, sqs_event


def test_a_message_becomes_a_record_in_lambdas_shape() -> None:
    message = {
        "MessageId": "m",
        "ReceiptHandle": "r",
        "Body": "b",
        "MD5OfBody": "5",
        "Attributes": {"ApproximateReceiveCount": "2"},
        "MessageAttributes": {"request_id": {"DataType": "String", "StringValue": "x"}},
    }
    (record,) = sqs_event([message], "q", "eu-central-1")["Records"]
    assert record["eventSourceARN"] == "arn:aws:sqs:eu-central-1:000000000000:q"
    assert record["attributes"]["ApproximateReceiveCount"] == "2"
    attribute = record["messageAttributes"]["request_id"]
    assert attribute == {"stringValue": "x", "stringListValues": [], "binaryListValues": [], "dataType": "String"}
    assert (record["messageId"], record["receiptHandle"], record["body"]) == ("m", "r", "b")


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, {"a"}),
        ({"batchItemFailures": [{"itemIdentifier": "unknown"}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, {"a", "b"}),
        ({"batchItemFailures": [{"other": "a"}]}, {"a", "b"}),
        ({"batchItemFailures": ["a"]}, {"a", "b"}),
        ({"batchItemFailures": {"itemIdentifier": "a"}}, {"a", "b"}),
        ("done", {"a", "b"}),
    ],
)
def test_an_answer_is_read_by_the_rules_of_partial_batches(answer: Any, failed: set[str]) -> None:
    """An unreadable answer fails the whole batch, so that no message is deleted by mistake."""
    assert failed_messages(answer, ["a", "b"]) == failed


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [("rate(1 minute)", 60), ("rate(5 minutes)", 300), ("rate(2 hours)", 7200), (Rate(1, unit=Rate.DAYS), 86_400)],
)
def test_rates_are_periods(expression: Any, seconds: float) -> None:
    assert rate_seconds(expression) == seconds


def test_a_cron_schedule_is_refused_aloud() -> None:
    with pytest.raises(ValueError, match="rate"):
        rate_seconds("cron(0 12 * * ? *)")


def test_a_schedules_event_is_eventbridges() -> None:
    event = schedule_event("sweep", "eu-central-1")
    assert (event["source"], event["detail"]) == ("aws.events", {})
    assert event["resources"] == ["arn:aws:events:eu-central-1:000000000000:rule/sweep"]


def test_the_context_counts_down_and_never_below_zero() -> None:
    assert 0 < LocalContext("f", 10).get_remaining_time_in_millis() <= 10_000
    assert LocalContext("f", 0).get_remaining_time_in_millis() == 0
    assert LocalContext("f", 1).aws_request_id != LocalContext("f", 1).aws_request_id
