"""Artifacts: what serves them, and what settles their uploads."""

from __future__ import annotations

from chalicelib.artifacts.models import NoRuns
from chalicelib.artifacts.service import ArtifactService
from chalicelib.artifacts.uploads import UploadService
from chalicelib.wiring.outside import Outside


def artifacts(outside: Outside) -> ArtifactService:
    return ArtifactService(outside.db, outside.blobs, outside.new_id, max_bytes=outside.settings.artifact_bytes)


def uploads(outside: Outside) -> UploadService:
    return UploadService(outside.db, outside.system_db, outside.blobs, outside.queue, NoRuns(), outside.crash_points)
