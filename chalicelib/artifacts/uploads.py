"""The worker's side: raw uploads are redacted, kept by hash, and deleted. Runs twice, at once, and dies anywhere."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any
from urllib.parse import unquote_plus
from uuid import UUID

from chalicelib.adapters.crashpoints import CrashPoints
from chalicelib.adapters.postgres import Database
from chalicelib.artifacts import redaction, store
from chalicelib.artifacts.models import UPLOADS_QUEUE, Artifact, Blobs, Failure, RunHealth, Settled, Status
from chalicelib.artifacts.service import upload_key
from chalicelib.jobs.outbox import Queue

SWEPT = 100  # expired uploads of one sweep
_KEY = re.compile(r"uploads/([0-9a-f-]{36})/([0-9a-f-]{36})")


class UploadService:
    def __init__(
        self, db: Database, system_db: Database, blobs: Blobs, queue: Queue, runs: RunHealth, crash_points: CrashPoints
    ) -> None:
        self._db = db
        self._system_db = system_db
        self.blobs = blobs
        self._queue = queue
        self._runs = runs
        self._crash = crash_points

    def handle(self, message: dict[str, Any]) -> list[str]:
        """What became of each upload that a message names: S3's notification, or the sweep's.

        Raises:
            StorageUnavailable, DatabaseUnavailable: the message is to come again.
        """
        if "expired" in message:
            return [self._expire(str(message["expired"]))]
        records = message.get("Records") or []
        return [self.settle(unquote_plus(record["s3"]["object"]["key"])) for record in records]

    def settle(self, key: str) -> str:
        """Redacts and keeps one upload, then deletes it. What nobody waits for is deleted unread."""
        named = _ids(key)
        artifact = self._pending(*named) if named else None
        outcome = "nothing_to_do"
        if named and artifact:
            outcome = self._settle_pending(*named, artifact, key)
        self.blobs.delete_upload(key)
        self._crash("after_commit_before_ack")
        return outcome

    def sweep(self, request_id: str) -> int:
        """Has uploads whose time is over deleted and failed. Returns how many."""
        with self._system_db.nobody() as tx:
            found = store.expired(tx, SWEPT)
        for user_id, artifact_id in found:
            body = json.dumps({"expired": upload_key(user_id, artifact_id)})
            self._queue.send(UPLOADS_QUEUE, body, request_id, 0)
        return len(found)

    def _expire(self, key: str) -> str:
        """The raw upload goes first, so that it is gone whatever happens then."""
        named = _ids(key)
        self.blobs.delete_upload(key)
        return self._note(*named, Settled(Status.FAILED, failure=Failure.MISSING)) if named else "nothing_to_do"

    def _pending(self, user_id: UUID, artifact_id: UUID) -> Artifact | None:
        with self._db.user(user_id) as tx:
            artifact = store.get(tx, user_id, artifact_id)
        return artifact if artifact and artifact.status is Status.PENDING else None

    def _settle_pending(self, user_id: UUID, artifact_id: UUID, artifact: Artifact, key: str) -> str:
        raw = self.blobs.get_upload(key, artifact.declared_bytes + 1)
        self._crash("after_claim")
        if raw is None:
            return "nothing_to_do"  # settled meanwhile, or expired
        settled = self._judged(user_id, artifact, raw)
        return self._note(user_id, artifact_id, settled)

    def _judged(self, user_id: UUID, artifact: Artifact, raw: bytes) -> Settled:
        is_whole = len(raw) == artifact.declared_bytes
        if not is_whole or artifact.declared_sha256 not in (None, hashlib.sha256(raw).hexdigest()):
            return Settled(Status.FAILED, failure=Failure.CORRUPT)
        data, settled = redaction.redacted(user_id, raw, artifact.media_type)
        if settled.object_key:
            self.blobs.put(settled.object_key, data, artifact.media_type)
        return settled

    def _note(self, user_id: UUID, artifact_id: UUID, settled: Settled) -> str:
        with self._db.user(user_id) as tx:
            noted = store.settle(tx, user_id, artifact_id, settled)
            if noted and settled.failure:
                self._runs.flag(tx, user_id, artifact_id, settled.failure)
            self._crash("mid_transaction")
        return settled.status.value if noted else "nothing_to_do"


def _ids(key: str) -> tuple[UUID, UUID] | None:
    found = _KEY.fullmatch(key)
    try:
        return (UUID(found[1]), UUID(found[2])) if found else None
    except ValueError:
        return None
