"""Artifacts as clients see them: made, looked at, read."""

from __future__ import annotations

import hashlib
from uuid import UUID

from chalicelib.adapters.clock import NewId
from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.adapters.s3 import Upload
from chalicelib.artifacts import redaction, store
from chalicelib.artifacts.errors import (
    ArtifactFailed,
    ArtifactMismatch,
    ArtifactNotFound,
    ArtifactPending,
    ArtifactTooLarge,
)
from chalicelib.artifacts.models import DOWNLOAD_WITHIN, UPLOAD_WITHIN, Artifact, Blobs, Payload, Settled

INLINE_MAX = 256 * 1024  # bytes of a payload inside its request or answer


class ArtifactService:
    def __init__(self, db: Database, blobs: Blobs, new_id: NewId, *, max_bytes: int) -> None:
        self._db = db
        self._blobs = blobs
        self._new_id = new_id
        self._max = max_bytes

    def prepare(self, user_id: UUID, payload: Payload) -> Settled | None:
        """Redacts and stores a payload that came with its request; None if it is to be uploaded.

        Raises:
            ArtifactTooLarge, ArtifactMismatch, StorageUnavailable
        """
        content = payload.content
        if redaction.gate().redact_text(payload.media_type).counts:
            raise ArtifactMismatch("The media type holds what would have to be redacted.")
        if payload.size > self._max or (content is not None and len(content) > INLINE_MAX):
            raise ArtifactTooLarge(limit=self._max if content is None else INLINE_MAX)
        if content is None:
            return None
        if len(content) != payload.size or payload.sha256 not in (None, hashlib.sha256(content).hexdigest()):
            raise ArtifactMismatch()
        data, settled = redaction.redacted(user_id, content, payload.media_type)
        if settled.object_key:
            self._blobs.put(settled.object_key, data, payload.media_type)
        return settled

    def create(
        self, tx: Transaction, user_id: UUID, payload: Payload, settled: Settled | None
    ) -> tuple[Artifact, Upload | None]:
        """Notes an artifact; one that is not settled yet comes with where to upload it."""
        artifact_id = self._new_id()
        if settled is not None:
            made = store.insert_settled(tx, user_id, artifact_id, payload.media_type, payload.size, settled)
            return made, None
        made = store.insert_pending(tx, user_id, artifact_id, payload.media_type, payload.size, payload.sha256)
        key = upload_key(user_id, artifact_id)
        return made, self._blobs.presign_upload(key, payload.size, payload.media_type, UPLOAD_WITHIN)

    def get(self, user_id: UUID, artifact_id: UUID) -> Artifact:
        """
        Raises:
            ArtifactNotFound
        """
        with self._db.user(user_id) as tx:
            artifact = store.get(tx, user_id, artifact_id)
        if artifact is None:
            raise ArtifactNotFound()
        return artifact

    def content(self, user_id: UUID, artifact_id: UUID) -> tuple[Artifact, bytes | None, str | None]:
        """The redacted bytes if they are few, else an address to read them from for five minutes.

        Raises:
            ArtifactNotFound, ArtifactPending, ArtifactFailed, StorageUnavailable
        """
        artifact = self.get(user_id, artifact_id)
        if artifact.failure:
            raise ArtifactFailed(failure=artifact.failure)
        if artifact.object_key is None or artifact.bytes is None:
            raise ArtifactPending()
        if artifact.bytes > INLINE_MAX:
            return (
                artifact,
                None,
                self._blobs.presign_download(artifact.object_key, artifact.media_type, DOWNLOAD_WITHIN),
            )
        data = self._blobs.get(artifact.object_key)
        if data is None:
            raise ArtifactNotFound()
        return artifact, data, None


def upload_key(user_id: UUID, artifact_id: UUID) -> str:
    return f"uploads/{user_id}/{artifact_id}"
