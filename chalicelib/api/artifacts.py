"""`/artifacts`: payloads kept beside events, by the hash of their redacted content."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal
from uuid import UUID

from chalice.app import Response
from pydantic import Field

from chalicelib.adapters.postgres import Transaction
from chalicelib.adapters.s3 import Upload
from chalicelib.api.answers import Timestamp, View, answer
from chalicelib.api.requests import Body, Text, path_uuid
from chalicelib.api.resource import Call, Resource
from chalicelib.artifacts.errors import ArtifactMismatch, ArtifactNotFound
from chalicelib.artifacts.models import Artifact, Payload
from chalicelib.jobs.service import Answer

resource = Resource("artifacts", "artifacts")
Status = Literal["pending", "clean", "redacted", "failed"]
MediaType = Annotated[
    str,
    Field(
        max_length=100, pattern=r"^[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*(; ?charset=[A-Za-z0-9-]+)?$"
    ),
]


class NewArtifactBody(Body):
    media_type: MediaType
    bytes: int = Field(ge=0, description="Of the content, as it is sent.")
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$", description="Of the content, to tell damage.")
    content: Text | None = Field(default=None, description="The content itself, up to 256 KiB.")
    encoding: Literal["text", "base64"] = Field(default="text", description="How `content` is written.")


class UploadView(View):
    url: str
    method: str
    headers: dict[str, str] = Field(description="To be sent exactly so: they are signed.")


class ArtifactView(View):
    artifact_id: UUID
    status: Status
    media_type: str
    bytes: int | None = Field(description="Of the redacted content.")
    content_hash: str | None = Field(description="SHA-256 of the redacted content.")
    ruleset: str | None
    redaction_counts: dict[str, int] | None
    failure: str | None = Field(description="`privacy_risk`, `artifact_missing` or `artifact_corrupt`.")
    created_at: Timestamp
    settled_at: Timestamp | None


class NewArtifactView(ArtifactView):
    upload_id: UUID = Field(description="The same as `artifact_id`; events may refer to either.")
    upload: UploadView | None = Field(description="Where to put the content within ten minutes; null if it came along.")


class ContentView(View):
    media_type: str
    bytes: int
    content: str | None
    encoding: Literal["text", "base64"] | None
    url: str | None = Field(description="Where to read more than 256 KiB, for five minutes.")


@resource.post("/artifacts", body=NewArtifactBody, answers={201: NewArtifactView}, errors=(413,), is_idempotent=True)
def post_artifact(call: Call) -> Response:
    """Keep a payload. A small one comes along as `content`; for a larger one the answer says where to put it."""
    if first := call.first_answer():
        return first
    payload = _payload(call.body)
    settled = call.services.artifacts.prepare(call.user_id, payload)

    def write(tx: Transaction) -> Answer:
        made, upload = call.services.artifacts.create(tx, call.user_id, payload, settled)
        return 201, _made(made, upload)

    return call.write(write)


@resource.get("/artifacts/{artifact_id}", answers={200: ArtifactView}, errors=(404,))
def get_artifact(call: Call) -> Response:
    """What is known of an artifact."""
    artifact_id = path_uuid(call.path["artifact_id"], ArtifactNotFound)
    return answer(200, ArtifactView.model_validate(call.services.artifacts.get(call.user_id, artifact_id)))


@resource.get("/artifacts/{artifact_id}/content", answers={200: ContentView}, errors=(404, 409))
def get_artifact_content(call: Call) -> Response:
    """An artifact's redacted content, or where to read it. One that is pending or failed has none."""
    artifact_id = path_uuid(call.path["artifact_id"], ArtifactNotFound)
    artifact, data, url = call.services.artifacts.content(call.user_id, artifact_id)
    content, encoding = _written(data)
    shown = ContentView(
        media_type=artifact.media_type, bytes=artifact.bytes or 0, content=content, encoding=encoding, url=url
    )
    return answer(200, shown)


def _payload(body: NewArtifactBody) -> Payload:
    content = None
    if body.content is not None:
        try:
            content = (
                body.content.encode() if body.encoding == "text" else base64.b64decode(body.content, validate=True)
            )
        except (binascii.Error, ValueError):
            raise ArtifactMismatch("The content is not Base64.") from None
    return Payload(body.media_type, body.bytes, body.sha256, content)


def _made(artifact: Artifact, upload: Upload | None) -> dict[str, Any]:
    shown = ArtifactView.model_validate(artifact).model_dump(mode="json")
    view = UploadView.model_validate(upload).model_dump() if upload else None
    return {**shown, "upload_id": shown["artifact_id"], "upload": view}


def _written(data: bytes | None) -> tuple[str | None, Any]:
    if data is None:
        return None, None
    try:
        return data.decode(), "text"
    except UnicodeDecodeError:
        return base64.b64encode(data).decode(), "base64"
