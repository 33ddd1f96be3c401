"""What can be wrong with an artifact."""

from __future__ import annotations

from chalicelib.errors import Conflict, Invalid, NotFound, TooLarge


class ArtifactNotFound(NotFound):
    """There is no such artifact."""

    code = "artifact_not_found"


class ArtifactTooLarge(TooLarge):
    """The artifact is larger than artifacts may be, or than its request may carry."""

    code = "artifact_too_large"


class ArtifactMismatch(Invalid):
    """The content is not what was said of it."""

    code = "artifact_mismatch"


class ArtifactPending(Conflict):
    """The artifact has not been uploaded and redacted yet."""

    code = "artifact_pending"


class ArtifactFailed(Conflict):
    """The artifact could not be kept; its `failure` says why."""

    code = "artifact_failed"
