"""SQS: one service call a record, and a partial-batch answer, so that a poisoned record fails alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from chalice.app import Blueprint, SQSEvent
from pydantic import ValidationError

from chalicelib import wiring
from chalicelib.adapters.logs import describe, enter, make_logger
from chalicelib.cards.reextraction.models import BatchMessage
from chalicelib.errors import GliaError
from chalicelib.jobs.models import QUEUES, JobKind, JobMessage

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

SERVICE = "glia-worker"
MAX_VISIBILITY = 900
blueprint = Blueprint(__name__)
logger = make_logger(SERVICE, wiring.settings().log_level)


class PoisonedMessage(GliaError):
    """The queue message is not one of ours."""

    code = "poisoned_message"


@blueprint.on_sqs_message(queue=wiring.settings().queue_name(QUEUES[JobKind.TURN]), batch_size=5)
def turns(event: SQSEvent) -> dict[str, Any]:
    """Answers turns."""
    return _deliver_all(JobKind.TURN, event)


@blueprint.on_sqs_message(queue=wiring.settings().queue_name(QUEUES[JobKind.EXTRACT]), batch_size=5)
def extractions(event: SQSEvent) -> dict[str, Any]:
    """Extracts topics."""
    return _deliver_all(JobKind.EXTRACT, event)


@blueprint.on_sqs_message(queue=wiring.settings().queue_name(QUEUES[JobKind.STORY]), batch_size=5)
def stories(event: SQSEvent) -> dict[str, Any]:
    """Tells stories."""
    return _deliver_all(JobKind.STORY, event)


@blueprint.on_sqs_message(queue=wiring.settings().queue_name(QUEUES[JobKind.REEXTRACT]), batch_size=5)
def reextractions(event: SQSEvent) -> dict[str, Any]:
    """Previews and applies re-extractions, and starts those that a message asks for."""
    return _deliver_all(JobKind.REEXTRACT, event)


def _deliver_all(kind: JobKind, event: SQSEvent) -> dict[str, Any]:
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

    def deliver(record: SQSRecord) -> None:
        _deliver(kind, record)

    return dict(
        process_partial_response(
            event=event.to_dict(),
            record_handler=deliver,
            processor=BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False),
            context=cast("LambdaContext", event.context),
        )
    )


def _deliver(kind: JobKind, record: SQSRecord) -> None:
    services = wiring.services()
    request_id = _request_id(record)
    enter(SERVICE, request_id)
    extra = {"message_id": record.message_id, "queue": QUEUES[kind], "request_id": request_id}
    receives = int(record.attributes.approximate_receive_count or 1)
    if receives > 1:
        services.meter.count("Redelivered")
    try:
        done = _handle(services, kind, record.body, request_id)
    except Exception as error:
        logger.warning("record failed", extra={**extra, "receives": receives, **describe(error)})
        _defer(services, kind, record, receives)
        raise
    logger.info("record handled", extra={**extra, **done})


def _handle(services: wiring.Services, kind: JobKind, body: str, request_id: str) -> dict[str, str]:
    """What the log is told of it."""
    if kind is JobKind.REEXTRACT and (asked := _asked_batch(body)):
        batch = services.reextractions.start_by_message(asked, request_id)
        return {"batch_id": str(batch.batch_id), "topics": str(batch.topics)}
    message = _parse(kind, body)
    return {"job_id": str(message.job_id), "outcome": services.worker.deliver(message)}


def _asked_batch(body: str) -> BatchMessage | None:
    """The batch that a message of somebody else's asks for; None if it is not of that kind."""
    try:
        return BatchMessage.model_validate_json(body)
    except ValidationError:
        return None


def _request_id(record: SQSRecord) -> str:
    attributes = record.raw_event.get("messageAttributes") or {}
    return str(attributes.get("request_id", {}).get("stringValue") or record.message_id)


def _parse(kind: JobKind, body: str) -> JobMessage:
    try:
        message = JobMessage.model_validate_json(body)
    except ValidationError:
        raise PoisonedMessage() from None
    if message.kind is not kind:
        raise PoisonedMessage()
    return message


def _defer(services: wiring.Services, kind: JobKind, record: SQSRecord, receives: int) -> None:
    """The record comes back after its back-off, not after the whole visibility time."""
    seconds = min(round(services.worker.backoff(receives)), MAX_VISIBILITY)
    try:
        services.queue.defer(QUEUES[kind], record.receipt_handle, seconds)
    except Exception as error:  # noqa: BLE001 - then it comes back when its visibility runs out
        logger.warning("record not deferred", extra={"message_id": record.message_id, **describe(error)})
