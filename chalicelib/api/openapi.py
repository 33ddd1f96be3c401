"""The OpenAPI 3.1 document, generated from the models the handlers use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from chalicelib.api.answers import ErrorView
from chalicelib.api.resource import Endpoint

VERSION = "0.3.0"
DESCRIPTION = """\
Long conversations, remembered: every message in one topic, each topic distilled into cards that cite the exact words
they rest on. Authenticate with `Authorization: Bearer`, a token of the configured issuer or an API key.
Lists answer `{items, next_cursor}`. Writes take an `Idempotency-Key`. Times are RFC 3339 in UTC."""
_REF = "#/components/schemas/{model}"
_ERRORS = {
    400: "Malformed.",
    401: "No valid credentials.",
    404: "There is nothing here, or it is not yours.",
    409: "Does not fit the present state.",
    410: "It has expired.",
    413: "Too large.",
    415: "Not JSON.",
    422: "Well-formed but invalid.",
    429: "Too much for now; see Retry-After.",
    503: "Not available right now; see Retry-After.",
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The whole document, ready to be served as JSON."""
    taken, shown = _models(endpoints)
    _, schemas = models_json_schema(
        [(model, "validation") for model in taken] + [(model, "serialization") for model in shown],
        ref_template=_REF,
    )
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Glia", "version": VERSION, "description": DESCRIPTION},
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"bearer": []}],
    }


def _models(endpoints: Iterable[Endpoint]) -> tuple[list[type[BaseModel]], list[type[BaseModel]]]:
    taken: dict[str, type[BaseModel]] = {}
    shown: dict[str, type[BaseModel]] = {"ErrorView": ErrorView}
    for endpoint in endpoints:
        if endpoint.body:
            taken[endpoint.body.__name__] = endpoint.body
        for model in endpoint.answers.values():
            if isinstance(model, type):
                shown[model.__name__] = model
    return list(taken.values()), list(shown.values())


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(endpoint),
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "responses": _responses(endpoint),
    }
    if endpoint.description:
        operation["description"] = endpoint.description
    if parameters := [*_path_parameters(endpoint), *_query_parameters(endpoint), *_header_parameters(endpoint)]:
        operation["parameters"] = parameters
    if endpoint.body:
        content = {kind: {"schema": _schema(kind, endpoint.body)} for kind in endpoint.media}
        operation["requestBody"] = {"required": True, "content": content}
    if endpoint.is_open:
        operation["security"] = []
    return operation


def _operation_id(endpoint: Endpoint) -> str:
    words = re.findall(r"[a-z]+", endpoint.path)
    return "_".join([endpoint.method.lower(), *words])


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _schema(media: str, model: type[BaseModel]) -> dict[str, Any]:
    """Of a body; lines of JSON are text as a whole."""
    return _ref(model) if media == "application/json" else {"type": "string"}


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    responses = {str(status): _response(status, model) for status, model in endpoint.answers.items()}
    errors = {503, *endpoint.errors}
    if not endpoint.is_open:
        errors.add(401)
    if endpoint.body or endpoint.query or endpoint.is_idempotent:
        errors |= {400, 422}
    if endpoint.body:
        errors |= {413, 415}
    if endpoint.is_idempotent:
        errors |= {409, 415}
    if endpoint.method != "GET" and not endpoint.body:
        errors.add(415)
    for status in sorted(errors - set(endpoint.answers)):
        responses[str(status)] = {"description": _ERRORS[status], "content": _json(ErrorView)}
    return responses


def _response(status: int, model: type[BaseModel] | str | None) -> dict[str, Any]:
    if model is None:
        return {"description": "Nothing more to say."}
    if isinstance(model, str):
        kind = "object" if model == "application/json" else "string"
        return {"description": "As the media type says.", "content": {model: {"schema": {"type": kind}}}}
    words = (model.__doc__ or "").strip().split("\n\n")[0]
    return {"description": words or _ERRORS.get(status, "Done."), "content": _json(model)}


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(model)}}


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]


def _query_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    schema = endpoint.query.model_json_schema()
    definitions = schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "required": False, "schema": _inlined(field, definitions)}
        for name, field in schema["properties"].items()
    ]


def _inlined(field: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A parameter's own schema; `null` is how a parameter is left out, so it is no value of it."""
    options = [option for option in field.get("anyOf", [field]) if option.get("type") != "null"]
    chosen = dict(options[0])
    if "$ref" in chosen:
        chosen = dict(definitions[chosen["$ref"].rpartition("/")[2]])
    kept = {key: value for key, value in field.items() if key in ("description",)}
    if field.get("default") is not None:
        kept["default"] = field["default"]
    return {**chosen, **kept}


def _header_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    if not endpoint.is_idempotent:
        return []
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "1 to 200 visible ASCII characters. A repeat gets the first answer.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 200},
        }
    ]
