"""One batch, delivered: its payloads as artifacts, then its events; and what the server's answer means."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from glia_wire.events import ARTIFACT_INLINE_LIMIT, ARTIFACT_KEY

from glia_sdk.capture.counting import Counts
from glia_sdk.capture.records import Blob, Item
from glia_sdk.capture.transport import Answer, NoAnswer, Transport

COMPRESSED_FROM = 1024  # bytes of a body
LEVEL = 1  # of gzip: a tenth of the time of the usual one, for a few percent more bytes
REFUSED = "artifact_refused"
NO_REFERENCES = b'{"artifact_refs":[],'
_LATER = frozenset({401, 403, 404, 408, 425, 429})  # may pass: a token is renewed, a server brought up to date
REPAIR_PAUSE = 60.0  # seconds, where somebody has to do something first
LONGEST_PAUSE = 300.0


class Later(Exception):
    """Nothing can be delivered now.

    Attributes:
        after: seconds to wait as the server asks, or None.
        is_refusal: whether somebody must do something about it: log in again, bring the server up to date.
    """

    def __init__(self, after: float | None = None, *, is_refusal: bool = False) -> None:
        super().__init__("later")
        self.after = after
        self.is_refusal = is_refusal


class Refused(Exception):
    """The server will never take this request."""


class Delivery:
    """
    Args:
        lose: told of each event that the server will not take, and why.
        together: runs calls at the same time and returns when all have ended, or raises the first error.
    """

    def __init__(
        self,
        transport: Transport,
        token: str,
        counts: Counts,
        lose: Callable[[Item, str], None],
        together: Callable[[Sequence[Callable[[], None]]], None],
    ) -> None:
        self._transport = transport
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._counts = counts
        self._lose = lose
        self._together = together

    def deliver(self, items: Sequence[Item]) -> None:
        """Returns when every event has its receipt, or is lost and counted.

        Raises:
            Later: some or all are not delivered; all may be sent again.
        """
        uploads = [blob for item in items for blob in item.blobs if blob.reference is None]
        self._together([lambda blob=blob: self._store(blob) for blob in uploads])  # type: ignore[misc]
        self._post(items)

    def _post(self, items: Sequence[Item]) -> None:
        """Sends events; where the server refuses the request for one of them, finds out which."""
        body = b'{"events":[' + b",".join(_event(item) for item in items) + b"]}"
        headers = self._headers
        if len(body) >= COMPRESSED_FROM:
            body, headers = gzip.compress(body, LEVEL, mtime=0), {**headers, "Content-Encoding": "gzip"}
        try:
            answer = self._ask("POST", "traces/events", body, headers)
        except Refused:
            if len(items) == 1:
                self._lose(items[0], "refused")
                return
            self._post(items[: len(items) // 2])
            self._post(items[len(items) // 2 :])
            return
        self._receive(_object(answer), len(items))

    def _receive(self, told: dict[str, Any], number: int) -> None:
        receipts = told.get("receipts")
        named = [one for one in receipts if isinstance(one, dict)] if isinstance(receipts, list) else []
        statuses = Counter([str(receipt.get("status")) for receipt in named])
        if "rejected" in statuses:
            codes = Counter([str(receipt.get("code")) for receipt in named if receipt.get("status") == "rejected"])
            self._counts.add_all("rejected", codes)
        if len(named) < number:
            statuses["unconfirmed"] += number - len(named)
        self._counts.add_all("receipts", statuses)

    def _store(self, blob: Blob) -> None:
        """Uploads a payload, small ones inside the request, others to where the server says."""
        try:
            told = _object(self._ask("POST", "artifacts", _asked(blob), self._headers))
            upload = told.get("upload")
            if isinstance(upload, dict):
                self._ask(str(upload.get("method", "PUT")), str(upload["url"]), blob.data, _headers_of(upload))
        except (Refused, LookupError):
            blob.reference = {}
            self._counts.add_named("lost_payloads", REFUSED)
            return
        name = "upload_id" if told.get("upload_id") else "artifact_id"
        told_name = {name: told[name]} if told.get(name) else {}
        blob.reference = {**told_name, "role": blob.role, "media_type": blob.media_type, "bytes": len(blob.data)}
        self._counts.add("artifacts")

    def _ask(self, method: str, address: str, body: bytes, headers: dict[str, str]) -> Answer:
        try:
            answer = self._transport.request(method, address, body, headers)
        except NoAnswer:
            self._counts.add("unreachable")
            raise Later from None
        if 200 <= answer.status < 300:
            return answer
        self._counts.add("unreachable")
        if answer.status in _LATER or answer.status >= 500:
            is_refusal = answer.status in (401, 403, 404)
            raise Later(REPAIR_PAUSE if is_refusal else _retry_after(answer), is_refusal=is_refusal)
        raise Refused


def _asked(blob: Blob) -> bytes:
    """The request for an artifact. Its content, if small enough, is JSON as we wrote it: without control characters."""
    asked = _json({"media_type": blob.media_type, "bytes": len(blob.data)})
    if len(blob.data) > ARTIFACT_INLINE_LIMIT:
        return asked
    content = blob.data.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b"".join([asked[:-1], b',"content":"', content, b'"}'])


def _event(item: Item) -> bytes:
    """The event with its references; a payload the server refused is marked in its place."""
    if not item.blobs:
        return NO_REFERENCES + item.body[1:]
    references = [blob.reference for blob in item.blobs]
    if {} not in references:
        return b'{"artifact_refs":' + _json(references) + b"," + item.body[1:]
    event = json.loads(item.body)
    for key, value in event["attributes"].items():
        if isinstance(value, dict) and value.keys() == {ARTIFACT_KEY}:
            index = value[ARTIFACT_KEY]
            kept = [one for one in references[:index] if one]
            event["attributes"][key] = {ARTIFACT_KEY: len(kept)} if references[index] else {"glia.lost": REFUSED}
    return _json({**event, "artifact_refs": [one for one in references if one]})


def _headers_of(upload: dict[str, Any]) -> dict[str, str]:
    headers = upload.get("headers")
    return {str(name): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}


def _object(answer: Answer) -> dict[str, Any]:
    try:
        told = json.loads(answer.body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _retry_after(answer: Answer) -> float | None:
    told = (answer.headers.get("Retry-After") or "").strip()
    return min(float(told), LONGEST_PAUSE) if told.isascii() and told.isdigit() else None


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
