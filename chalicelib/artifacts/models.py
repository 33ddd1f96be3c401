"""Types of the artifacts domain, and what it asks of others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.adapters.s3 import Upload

UPLOADS_QUEUE = "artifact-uploads"
UPLOAD_LIFE = 900  # seconds from its presigning until a raw upload must be gone
UPLOAD_WITHIN = 600  # seconds that a presigned upload can be used
DOWNLOAD_WITHIN = 300


class Status(StrEnum):
    PENDING = "pending"
    CLEAN = "clean"
    REDACTED = "redacted"
    FAILED = "failed"


class Failure(StrEnum):
    """Why an artifact failed; each is a flag of its runs' health."""

    PRIVACY_RISK = "privacy_risk"  # it could not be redacted
    MISSING = "artifact_missing"  # it was never uploaded, or not in time
    CORRUPT = "artifact_corrupt"  # another size or hash than was said


@dataclass(frozen=True, slots=True)
class Artifact:
    """One row. `object_key` is immutable: it names the hash of the redacted content."""

    artifact_id: UUID
    status: Status
    media_type: str
    declared_bytes: int
    declared_sha256: str | None
    bytes: int | None
    content_hash: str | None
    object_key: str | None
    ruleset: str | None
    redaction_counts: dict[str, int] | None
    failure: str | None
    created_at: datetime
    settled_at: datetime | None

    @property
    def is_kept(self) -> bool:
        return self.status in (Status.CLEAN, Status.REDACTED)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a payload: kept under a key, or failed."""

    status: Status
    bytes: int | None = None
    content_hash: str | None = None
    object_key: str | None = None
    ruleset: str | None = None
    counts: dict[str, int] | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Payload:
    """What a client says of a payload, and the payload if it is small."""

    media_type: str
    size: int
    sha256: str | None = None
    content: bytes | None = None


class RunHealth(Protocol):
    """What runs are told of an artifact that failed."""

    def flag(self, tx: Transaction, user_id: UUID, artifact_id: UUID, reason: str) -> None:
        """Flags every run that refers to the artifact; those that will ask `store.standing`."""


class Blobs(Protocol):
    """The buckets: one for uploads, which are raw and short-lived, one for what is kept.

    All raise `StorageUnavailable` when tries with back-off came to nothing.
    """

    def put(self, key: str, data: bytes, media_type: str) -> None: ...

    def get(self, key: str) -> bytes | None: ...

    def get_upload(self, key: str, most: int) -> bytes | None:
        """The upload, cut after `most` bytes; None if there is none."""

    def delete_upload(self, key: str) -> None: ...

    def presign_upload(self, key: str, size: int, media_type: str, within: int) -> Upload: ...

    def presign_download(self, key: str, media_type: str, within: int) -> str: ...
