"""`/api-keys`."""

from __future__ import annotations

from uuid import UUID

from chalice.app import Response
from pydantic import Field

from chalicelib.adapters.postgres import Transaction
from chalicelib.api.answers import Timestamp, View, answer, page
from chalicelib.api.requests import Body, Name, Page, cursor_uuid, encode_cursor, path_uuid
from chalicelib.api.resource import Call, Resource
from chalicelib.errors import NotFound
from chalicelib.jobs.service import Answer

resource = Resource("api_keys", "api keys")


class ApiKeyView(View):
    key_id: UUID
    name: str
    prefix: str
    created_at: Timestamp
    revoked_at: Timestamp | None


class NewApiKeyView(ApiKeyView):
    secret: str | None = Field(description="The key itself, shown this once; null when an answer is repeated.")


class ApiKeyPage(View):
    items: list[ApiKeyView]
    next_cursor: str | None


class NewApiKeyBody(Body):
    name: Name


@resource.get("/api-keys", query=Page, answers={200: ApiKeyPage})
def get_api_keys(call: Call) -> Response:
    """Your API keys, newest first, revoked ones too."""
    before, limit = cursor_uuid("api-keys", call.query.cursor), call.query.limit
    found = call.services.identity.keys(call.user_id, before, limit + 1)
    return page(ApiKeyPage, found, limit, ApiKeyView.model_validate, lambda k: encode_cursor("api-keys", k.key_id))


@resource.post("/api-keys", body=NewApiKeyBody, answers={201: NewApiKeyView}, is_idempotent=True)
def post_api_key(call: Call) -> Response:
    """Make an API key.

    It is stored hashed: keep the secret now. A repeat under the same Idempotency-Key answers without it.
    """
    name: str = call.body.name
    secrets: list[str | None] = []

    def write(tx: Transaction) -> Answer:
        made = call.services.identity.create_key(tx, call.user_id, name)
        secrets.append(made.secret)
        return 201, {**ApiKeyView.model_validate(made.key).model_dump(mode="json"), "secret": None}

    response = call.write(write)
    return _with_secret(response, secrets)


def _with_secret(response: Response, secrets: list[str | None]) -> Response:
    """Puts the secret into the answer after the answer to be repeated, without it, has been kept."""
    if not secrets:
        return response
    view = NewApiKeyView.model_validate_json(response.body)
    return answer(response.status_code, view.model_copy(update={"secret": secrets[0]}))


@resource.delete("/api-keys/{key_id}", answers={200: ApiKeyView}, errors=(404,))
def delete_api_key(call: Call) -> Response:
    """Revoke an API key, at once."""
    key_id = path_uuid(call.path["key_id"], NotFound)
    return answer(200, ApiKeyView.model_validate(call.services.identity.revoke_key(call.user_id, key_id)))
