"""Raw uploads of artifacts: S3's notifications, by SQS. A record that fails comes back after its back-off."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from chalice.app import Blueprint, SQSEvent

from chalicelib import wiring
from chalicelib.adapters.logs import describe, enter
from chalicelib.artifacts.models import UPLOADS_QUEUE
from chalicelib.triggers.queues import SERVICE, PoisonedMessage, logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue=wiring.settings().queue_name(UPLOADS_QUEUE), batch_size=1)
def uploads(event: SQSEvent) -> dict[str, Any]:
    """Redacts uploads and keeps them."""
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

    return dict(
        process_partial_response(
            event=event.to_dict(),
            record_handler=_deliver,
            processor=BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False),
            context=cast("LambdaContext", event.context),
        )
    )


def _deliver(record: SQSRecord) -> None:
    services = wiring.services()
    enter(SERVICE, record.message_id)
    extra = {"message_id": record.message_id, "queue": UPLOADS_QUEUE}
    try:
        outcomes = services.uploads.handle(_parse(record.body))
    except Exception as error:
        logger.warning("upload failed", extra={**extra, **describe(error)})
        raise
    logger.info("uploads handled", extra={**extra, "outcomes": outcomes})


def _parse(body: str) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except ValueError:
        raise PoisonedMessage() from None
    if not isinstance(message, dict):
        raise PoisonedMessage()
    return message
