"""What artifacts mean for the health of the runs that rest on them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from chalicelib.adapters.postgres import Transaction
from chalicelib.artifacts import store as artifacts
from chalicelib.traces.models import Prepared
from chalicelib.traces.progress import store

UNKNOWN = "artifact_unknown"


class ArtifactHealth:
    """Tells runs of artifacts that fail (`artifacts.models.RunHealth`)."""

    def flag(self, tx: Transaction, user_id: UUID, artifact_id: UUID, reason: str) -> None:
        store.flag_users_of(tx, user_id, artifact_id, reason)


def flag_referring(tx: Transaction, user_id: UUID, events: Iterable[Prepared]) -> None:
    """Flags runs whose events refer to artifacts that have failed already, or to none of the user's."""
    refs = [(event.run_id, ref.artifact_id or ref.upload_id) for event in events for ref in event.references]
    used = {(run_id, artifact_id) for run_id, artifact_id in refs if artifact_id}
    standing = artifacts.standing(tx, user_id, sorted({artifact_id for _, artifact_id in used}))
    reasons: dict[str, set[UUID]] = {}
    for run_id, artifact_id in used:
        reason = standing.get(artifact_id, UNKNOWN)
        if reason:
            reasons.setdefault(reason, set()).add(run_id)
    for reason, run_ids in sorted(reasons.items()):
        store.flag(tx, user_id, run_ids, [reason])
