"""Sending batches: patiently while the server is away or busy, and without messages that it cannot take."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from glia_sdk.client import Client
from glia_sdk.errors import ApiError, GliaError, Unreachable
from glia_sdk.importing.records import Message, Skipped
from glia_sdk.importing.report import Report

PATIENCE = 900.0  # seconds of waiting for one batch, before giving up
LONGEST_WAIT = 120.0  # seconds at once
REFUSED = "refused"
_INDEX = re.compile(r"messages\.(\d{1,4})(\..*)?")


class Sender:
    """Sends messages of one source.

    Args:
        new_id: for idempotency keys: a batch whose answer was lost is answered as the first time.
        note: tells why it waits.
    """

    def __init__(self, client: Client, source: str, new_id: Callable[[], str], note: Callable[[str], None]) -> None:
        self._client = client
        self._source = source
        self._new_id = new_id
        self._note = note

    def send(self, messages: Sequence[Message], report: Report) -> None:
        """Imports messages, and adds to the report what came of them.

        Raises:
            GliaError: the server does not come back, or refuses more than single messages.
        """
        while messages:
            try:
                answer = self._patiently([message.body for message in messages])
            except ApiError as error:
                refused = _refused(error, len(messages))
                if not refused:
                    raise
                report.skip(Skipped(messages[n].place, REFUSED) for n in sorted(refused))
                messages = [message for n, message in enumerate(messages) if n not in refused]
                continue
            report.imported += answer.imported
            report.duplicates += answer.duplicates
            report.topic_ids.update(answer.topic_ids)
            report.skip(Skipped(messages[n].place, reason) for n, reason in answer.skipped)
            return

    def _patiently(self, bodies: list[dict[str, Any]]) -> Any:
        key, waited, failures = self._new_id(), 0.0, 0
        while True:
            try:
                return self._client.import_batch(self._source, bodies, idempotency_key=key)
            except Unreachable as error:
                last: GliaError = error
            except ApiError as error:
                if not error.is_passing:
                    raise
                last = error
            if waited >= PATIENCE:
                raise last
            failures += 1
            pause = self._client.pause(failures, last, LONGEST_WAIT)
            self._note(f"waiting {pause:.0f} s: {last}")
            self._client.sleep(pause)
            waited += max(pause, 1.0)


def _refused(error: ApiError, count: int) -> set[int]:
    """Which messages a refusal is about; none if it is about something else."""
    fields = error.details.get("fields") if error.status == 422 else None
    names = [str(one.get("field")) for one in fields if isinstance(one, dict)] if isinstance(fields, list) else []
    found = [_INDEX.fullmatch(name) for name in names]
    indexes = {int(one.group(1)) for one in found if one}
    return indexes if all(found) and all(n < count for n in indexes) else set()
