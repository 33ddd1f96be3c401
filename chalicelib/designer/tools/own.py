"""Tools that users bring: from a JSON Schema, or from an OpenAPI document given as text. Nothing is fetched."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from pydantic import ValidationError

from chalicelib.designer.errors import InvalidTool
from chalicelib.designer.tools.catalogue import name_of
from chalicelib.designer.tools.models import Effect, Origin, Tool
from chalicelib.designer.tools.schema import Schema, problems

LONGEST_DOCUMENT = 500_000  # characters
MOST_OPERATIONS = 100
METHODS = ("get", "post", "put", "patch", "delete")
_DEEPEST_REFERENCE = 12


def tool_of_schema(entry: Any, taken: Collection[str]) -> Tool:
    """A tool as the user describes it: name, title, description, parameters, effects, credentials, synonyms.

    Raises:
        InvalidTool: something is wrong with it, or the name is taken.
    """
    if not isinstance(entry, dict):
        raise InvalidTool("A tool is an object.")
    if found := list(problems(entry.get("parameters"))):
        raise InvalidTool(found[0], problems=found)
    allowed = ("name", "title", "description", "parameters", "credentials", "effects", "synonyms")
    try:
        tool = Tool.model_validate(
            {
                "title": entry.get("name"),
                "effects": ["read", "write"],
                **{k: v for k, v in entry.items() if k in allowed},
            }
        )
    except ValidationError as error:
        fields = [".".join(str(part) for part in problem["loc"])[:60] for problem in error.errors()[:5]]
        raise InvalidTool(f"These are missing or of the wrong form: {', '.join(fields)}.", fields=fields) from None
    if tool.name in taken:
        raise InvalidTool(f"There is a tool {tool.name} already.", field="name")
    if not tool.effects:
        raise InvalidTool("`effects` names read, write or both.", field="effects")
    return tool.model_copy(update={"origin": Origin.USER})


def tools_of_openapi(text: str, taken: Collection[str]) -> list[Tool]:
    """One tool for each operation of an OpenAPI 3 document in JSON. Those that only read are GET operations.

    Raises:
        InvalidTool: it is no such document, is too large, has no operations, or refers to other documents.
    """
    document = _document(text)
    used = set(taken)
    found: list[Tool] = []
    for path, method, operation, shared in _operations(document):
        if len(found) >= MOST_OPERATIONS:
            raise InvalidTool(f"A document may have at most {MOST_OPERATIONS} operations.")
        tool = _tool(document, path, method, operation, shared, used)
        used.add(tool.name)
        found.append(tool)
    if not found:
        raise InvalidTool("The document has no operations.")
    return found


def _document(text: str) -> dict[str, Any]:
    if len(text) > LONGEST_DOCUMENT:
        raise InvalidTool(f"The document has more than {LONGEST_DOCUMENT} characters.")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidTool("The document is not JSON.") from None
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3."):
        raise InvalidTool("The document is not OpenAPI 3.")
    return document


Operation = dict[str, Any]


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, Operation, list[Any]]]:
    paths = document.get("paths")
    for path, item in (paths if isinstance(paths, dict) else {}).items():
        if not isinstance(item, dict):
            continue
        shared = item.get("parameters")
        for method in METHODS:
            operation = item.get(method)
            if isinstance(operation, dict):
                yield str(path), method, operation, shared if isinstance(shared, list) else []


def _tool(
    document: dict[str, Any], path: str, method: str, operation: Operation, shared: list[Any], taken: Collection[str]
) -> Tool:
    own = operation.get("parameters")
    parameters = _parameters(document, [*shared, *(own if isinstance(own, list) else [])], operation.get("requestBody"))
    if found := list(problems(parameters)):
        raise InvalidTool(f"{method.upper()} {path[:100]}: {found[0]}")
    said = str(operation.get("operationId") or f"{method} {path}")
    summary = str(operation.get("summary") or operation.get("description") or f"{method.upper()} {path}").strip()
    return Tool(
        name=name_of(_apart(said), taken),
        title=(summary or said)[:100],
        description=f"{summary} ({method.upper()} {path})"[:1_000],
        parameters=parameters,
        credentials=_credentials(document),
        effects=[Effect.READ] if method == "get" else [Effect.READ, Effect.WRITE],
        synonyms=[_apart(said).lower()[:100]],
        origin=Origin.USER,
    )


def _apart(name: str) -> str:
    """`listOpenOrders` as `list Open Orders`."""
    made = ""
    for before, letter in zip(f" {name}", name, strict=False):
        made += f" {letter}" if letter.isupper() and before.islower() else letter
    return made


def _parameters(document: dict[str, Any], entries: list[Any], body: Any) -> Schema:
    """All parameters as one object; a JSON body stands under `body`."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    for entry in entries:
        parameter = _resolved(document, entry)
        if not isinstance(parameter, dict) or not isinstance(parameter.get("name"), str):
            continue
        name = parameter["name"]
        schema = _inlined(document, parameter.get("schema", {"type": "string"}), 0)
        schema = schema if isinstance(schema, dict) else {}
        about = parameter.get("description")
        properties[name] = {**schema, "description": str(about)[:500]} if about else schema
        if parameter.get("required") or parameter.get("in") == "path":
            required.append(name)
    request = _resolved(document, body)
    content = request.get("content") if isinstance(request, dict) else None
    media = content.get("application/json") if isinstance(content, dict) else None
    if isinstance(media, dict) and isinstance(request, dict):
        properties["body"] = _inlined(document, media.get("schema", {"type": "object"}), 0)
        required += ["body"] if request.get("required") else []
    return {
        "type": "object",
        "properties": properties,
        "required": list(dict.fromkeys(required)),
        "additionalProperties": False,
    }


def _credentials(document: dict[str, Any]) -> list[str]:
    components = document.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    return [name_of(str(name)).upper() for name in list(schemes)[:10]] if isinstance(schemes, dict) else []


def _inlined(document: dict[str, Any], schema: Any, depth: int) -> Any:
    """The schema with references into the document put in place."""
    if depth > _DEEPEST_REFERENCE:
        raise InvalidTool("The document's schemas are too deep, or refer to themselves.")
    if isinstance(schema, list):
        return [_inlined(document, part, depth + 1) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(document, _resolved(document, schema), depth + 1)
    return {key: _inlined(document, part, depth + 1) for key, part in schema.items()}


def _resolved(document: dict[str, Any], entry: Any) -> Any:
    """What a reference points at, inside the document only."""
    for _ in range(_DEEPEST_REFERENCE):
        if not isinstance(entry, dict) or "$ref" not in entry:
            return entry
        reference = entry["$ref"]
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise InvalidTool("The document refers to another document; nothing is fetched.")
        entry = document
        for part in reference[2:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(entry, dict) or key not in entry:
                raise InvalidTool(f"The document has no {reference[:100]}.")
            entry = entry[key]
    raise InvalidTool("The document's references go around in a circle.")
