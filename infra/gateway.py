"""What the gateway itself answers, before or instead of a function: in the error contract, like everything else."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.errors import BadRequest, Forbidden, GliaError, NotFound, RateLimited, TooLarge, UnsupportedMedia

# Kind of response -> status (None: the one it has), code, message.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
_TIMEOUT = "The request took too long."
RESPONSES: dict[str, tuple[int | None, str, str]] = {
    "DEFAULT_4XX": (None, BadRequest.code, str(BadRequest())),
    "DEFAULT_5XX": (None, GliaError.code, str(GliaError())),
    "ACCESS_DENIED": (403, Forbidden.code, str(Forbidden())),
    "INTEGRATION_TIMEOUT": (504, "gateway_timeout", _TIMEOUT),
    "MISSING_AUTHENTICATION_TOKEN": (404, NotFound.code, str(NotFound())),
    "REQUEST_TOO_LARGE": (413, TooLarge.code, str(TooLarge())),
    "RESOURCE_NOT_FOUND": (404, NotFound.code, str(NotFound())),
    "THROTTLED": (429, RateLimited.code, str(RateLimited())),
    "UNSUPPORTED_MEDIA_TYPE": (415, UnsupportedMedia.code, str(UnsupportedMedia())),
}


def responses() -> dict[str, Any]:
    """`x-amazon-apigateway-gateway-responses` of the API's definition."""
    return {kind: _response(*what) for kind, what in RESPONSES.items()}


def _response(status: int | None, code: str, message: str) -> dict[str, Any]:
    error = {"code": code, "message": message, "details": {}, "request_id": "$context.requestId"}
    response: dict[str, Any] = {
        "responseParameters": {"gatewayresponse.header.X-Request-Id": "context.requestId"},
        "responseTemplates": {"application/json": json.dumps({"error": error})},
    }
    return response if status is None else {"statusCode": str(status), **response}
