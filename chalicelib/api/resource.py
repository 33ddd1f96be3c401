"""A resource: a Chalice blueprint whose routes also say what they take and answer, for OpenAPI.

A handler reads: parse, call one service, present. The wrapper around it turns every error into the contract.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from chalice.app import Blueprint, Request, Response
from pydantic import BaseModel

from chalicelib import wiring
from chalicelib.adapters.logs import describe
from chalicelib.adapters.postgres import Transaction
from chalicelib.api.answers import error_answer, plain
from chalicelib.api.requests import InvalidJson, parse_body, parse_query
from chalicelib.errors import BadRequest, GliaError
from chalicelib.identity.models import Identity
from chalicelib.jobs.service import Answer, first_answer, once

log = logging.getLogger(__name__)
MAX_KEY = 200


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What one method of one path takes and answers."""

    method: str
    path: str
    tag: str
    summary: str
    description: str
    answers: dict[int, type[BaseModel] | str | None]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    is_open: bool = False
    is_idempotent: bool = False
    errors: tuple[int, ...] = ()
    media: tuple[str, ...] = ("application/json",)


class InvalidIdempotencyKey(BadRequest):
    """An Idempotency-Key has 1 to 200 visible ASCII characters."""

    code = "idempotency_key_invalid"


@dataclass
class Call:
    """One request, as a handler sees it."""

    request: Request
    endpoint: Endpoint
    path: dict[str, str]

    @property
    def services(self) -> wiring.Services:
        return wiring.services()

    @property
    def user_id(self) -> UUID:
        identity: Identity = vars(self.request)["identity"]  # put there by the middleware
        return identity.user_id

    @property
    def request_id(self) -> str:
        return str(vars(self.request)["request_id"])

    @property
    def prefix(self) -> str:
        """What stands before our paths in this deployment: `/api` on API Gateway, nothing locally."""
        path = str(self.request.context.get("path") or "")
        resource = self.endpoint.path
        return path[: -len(resource)] if path.endswith(resource) else ""

    @cached_property
    def body(self) -> Any:
        assert self.endpoint.body is not None
        return parse_body(self.endpoint.body, self.raw_body)

    @property
    def raw_body(self) -> bytes:
        try:
            raw = self.request.raw_body
            return raw if isinstance(raw, bytes) else raw.encode()
        except ValueError:  # lone surrogates
            raise InvalidJson() from None

    @cached_property
    def query(self) -> Any:
        assert self.endpoint.query is not None
        given = self.request.query_params
        return parse_query(self.endpoint.query, {name: given.getlist(name) for name in given} if given else {})

    def write(self, action: Callable[[Transaction], Answer]) -> Response:
        """Runs a write in one transaction, once per Idempotency-Key: a repeat gets the first answer."""
        key, asked = self._idempotency_key(), self._asked
        with self.services.db.user(self.user_id) as tx:
            status, body = once(tx, self.user_id, key, asked, lambda: action(tx))
        return plain(status, body)

    def first_answer(self) -> Response | None:
        """The answer to the first request under this Idempotency-Key; None if this is the first, or has no key. For
        handlers with work to do before their write."""
        key = self._idempotency_key()
        if key is None:
            return None
        with self.services.db.user(self.user_id) as tx:
            first = first_answer(tx, self.user_id, key, self._asked)
        return plain(*first) if first else None

    @property
    def _asked(self) -> bytes:
        return f"{self.endpoint.method} {self.endpoint.path} {sorted(self.path.items())} ".encode() + self.raw_body

    def _idempotency_key(self) -> str | None:
        key: str | None = self.request.headers.get("idempotency-key")
        if key is None:
            return None
        if not 1 <= len(key) <= MAX_KEY or not key.isascii() or not key.isprintable():
            raise InvalidIdempotencyKey()
        return key


Handler = Callable[[Call], Response]


@dataclass
class Resource:
    """A group of endpoints under one tag."""

    name: str
    tag: str
    endpoints: list[Endpoint] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.blueprint = Blueprint(self.name)

    def get(self, path: str, **spec: Any) -> Callable[[Handler], Handler]:
        return self.route("GET", path, **spec)

    def post(self, path: str, **spec: Any) -> Callable[[Handler], Handler]:
        return self.route("POST", path, **spec)

    def patch(self, path: str, **spec: Any) -> Callable[[Handler], Handler]:
        return self.route("PATCH", path, **spec)

    def delete(self, path: str, **spec: Any) -> Callable[[Handler], Handler]:
        return self.route("DELETE", path, **spec)

    def route(self, method: str, path: str, **spec: Any) -> Callable[[Handler], Handler]:
        """Registers a handler. Its docstring's first line is the summary, the rest the description."""

        def register(handler: Handler) -> Handler:
            summary, _, description = (handler.__doc__ or "").strip().partition("\n")
            endpoint = Endpoint(method, path, self.tag, summary.rstrip("."), _dedent(description), **spec)
            self.endpoints.append(endpoint)
            place = self.blueprint.route(
                path, methods=[method], name=handler.__name__, content_types=list(endpoint.media)
            )
            place(self._view(endpoint, handler))
            return handler

        return register

    def _view(self, endpoint: Endpoint, handler: Handler) -> Callable[..., Response]:
        def view(**path: str) -> Response:
            request = self.blueprint.current_request
            call = Call(request, endpoint, {name: unquote(value) for name, value in path.items()})
            try:
                _ = endpoint.query and call.query  # a wrong one is refused whether the handler looks at it or not
                return handler(call)
            except GliaError as error:
                if error.status >= 500:
                    log.warning("request failed", extra=describe(error))
                return error_answer(error, call.request_id)
            except Exception as error:  # noqa: BLE001 - whatever it is, the client gets the contract and no trace
                log.error("unexpected error", extra=describe(error))
                return error_answer(GliaError(), call.request_id)

        view.__name__ = handler.__name__
        return view


def _dedent(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())
