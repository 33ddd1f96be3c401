"""`/openapi.json`, and the same as pages: `/docs` (Swagger UI) and `/redoc`. All their files are served from here."""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path

from chalice.app import Response

from chalicelib.api.resource import Call, Endpoint, Resource
from chalicelib.errors import NotFound

resource = Resource("docs", "docs")
ASSETS = Path(__file__).resolve().parent.parent / "web" / "docs"  # filled by scripts/doc_assets.py
HTML = "text/html; charset=utf-8"
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "worker-src 'self' blob:; frame-ancestors 'none'"
)
_described: list[Endpoint] = []

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Glia API</title>
<link rel="icon" href="data:,">
{head}
</head>
<body>
{body}
</body>
</html>
"""
_SWAGGER = _PAGE.format(
    head='<link rel="stylesheet" href="docs/swagger-ui.min.css">\n<link rel="stylesheet" href="docs/glia.css">',
    body='<div id="swagger"></div>\n<script src="docs/swagger-ui-bundle.min.js"></script>\n'
    '<script src="docs/swagger-start.js"></script>',
)
_REDOC = _PAGE.format(
    head='<link rel="stylesheet" href="docs/glia.css">',
    body='<div id="redoc"></div>\n<script src="docs/redoc.standalone.js"></script>\n'
    '<script src="docs/redoc-start.js"></script>',
)
_OWN_ASSETS = {
    "swagger-start.js": 'SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger", deepLinking: true, '
    "persistAuthorization: true});\n",
    "redoc-start.js": 'Redoc.init("openapi.json", {disableSearch: false, hideDownloadButton: false}, '
    'document.getElementById("redoc"));\n',
    "glia.css": "body { margin: 0; }\n"
    "@media (prefers-color-scheme: dark) { #swagger { filter: invert(0.92) hue-rotate(180deg); } "
    "html { background: #141414; } }\n",
}
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


def describe(endpoints: list[Endpoint]) -> None:
    """Says what the application answers to. Called once, when the routes are registered."""
    _described[:] = endpoints


@cache
def _document() -> str:
    from chalicelib.api.openapi import document

    return json.dumps(document(_described))


@resource.get("/openapi.json", answers={200: "application/json"}, is_open=True)
def get_openapi(call: Call) -> Response:
    """This document."""
    return Response(_document(), {"Content-Type": "application/json"}, 200)


@resource.get("/docs", answers={200: "text/html"}, is_open=True)
def get_docs(call: Call) -> Response:
    """The API as a page to try things in (Swagger UI)."""
    return Response(_SWAGGER, {"Content-Type": HTML, "Content-Security-Policy": POLICY}, 200)


@resource.get("/redoc", answers={200: "text/html"}, is_open=True)
def get_redoc(call: Call) -> Response:
    """The API as a page to read (Redoc)."""
    return Response(_REDOC, {"Content-Type": HTML, "Content-Security-Policy": POLICY}, 200)


@resource.get("/docs/{asset}", answers={200: "text/javascript"}, is_open=True, errors=(404,))
def get_docs_asset(call: Call) -> Response:
    """A script or style of those pages."""
    name = call.path["asset"]
    content = _asset(name)
    if content is None:
        raise NotFound()
    content_type = _TYPES[Path(name).suffix]
    return Response(content, {"Content-Type": content_type, "Cache-Control": "public, max-age=3600"}, 200)


@cache
def _asset(name: str) -> str | None:
    if name in _OWN_ASSETS:
        return _OWN_ASSETS[name]
    for folder in (_swagger_folder(), ASSETS):
        if name in _listing(folder):
            return (folder / name).read_text(encoding="utf-8")
    return None


def _listing(folder: Path) -> set[str]:
    if not folder.is_dir():
        return set()
    return {path.name for path in folder.iterdir() if path.suffix in _TYPES}


def _swagger_folder() -> Path:
    """Swagger UI comes with Powertools; its package is found without being imported."""
    spec = importlib.util.find_spec("aws_lambda_powertools")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "event_handler" / "openapi" / "swagger_ui"
