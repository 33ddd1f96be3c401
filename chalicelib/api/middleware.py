"""What every request passes through: correlation, identity, the error contract, one log line."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from chalice.app import Request, Response

from chalicelib import wiring
from chalicelib.adapters.clock import new_id
from chalicelib.adapters.logs import describe, enter, make_logger
from chalicelib.api.answers import error_answer
from chalicelib.errors import (
    BadRequest,
    Forbidden,
    GliaError,
    MethodNotAllowed,
    NotFound,
    UnsupportedMedia,
)

SERVICE = "glia-api"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_CHALICE_ERRORS: dict[int, type[GliaError]] = {
    400: BadRequest,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    415: UnsupportedMedia,
}
GetResponse = Callable[[Request], Response]
logger = make_logger(SERVICE, wiring.settings().log_level)


class Pipeline:
    """The middleware. `open_paths` need no credentials; everything else does."""

    def __init__(self, open_paths: frozenset[str]) -> None:
        self._open_paths = open_paths

    def __call__(self, request: Request, get_response: GetResponse) -> Response:
        started = time.perf_counter()
        request_id = vars(request)["request_id"] = _request_id(request)
        enter(SERVICE, request_id)
        try:
            response = _in_contract(self._respond(request, get_response), request_id)
        except GliaError as error:
            response = error_answer(error, request_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets the contract and no trace
            logger.error("unexpected error", extra={"request_id": request_id, **describe(error)})
            response = error_answer(GliaError(), request_id)
        response.headers["X-Request-Id"] = request_id
        _log(request, response, request_id, started)
        return response

    def _respond(self, request: Request, get_response: GetResponse) -> Response:
        if request.path not in self._open_paths:
            identity = wiring.services().identity.authenticate(request.headers.get("authorization"))
            vars(request)["identity"] = identity
        return get_response(request)


def _request_id(request: Request) -> str:
    """The client's own, if it is fit to be logged; else one of ours."""
    given = request.headers.get("x-request-id") or ""
    return given if _REQUEST_ID.fullmatch(given) else str(new_id())


def _in_contract(response: Response, request_id: str) -> Response:
    """Chalice's own errors (`{"Code", "Message"}`), rewritten."""
    body: Any = response.body
    if response.status_code < 400 or not isinstance(body, dict) or "Code" not in body:
        return response
    error = _CHALICE_ERRORS.get(response.status_code, GliaError)()
    rewritten = error_answer(error, request_id)
    rewritten.headers.update({name: value for name, value in response.headers.items() if name == "Allow"})
    return rewritten


def _log(request: Request, response: Response, request_id: str, started: float) -> None:
    logger.info(
        "request",
        extra={
            "request_id": request_id,
            "method": request.method,
            "route": request.path,
            "status": response.status_code,
            "ms": round((time.perf_counter() - started) * 1000, 1),
        },
    )
