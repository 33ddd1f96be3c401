"""`/tools`: the catalogue that designs choose from, and the user's own; and `/models`."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from chalice.app import Response
from pydantic import Field, model_validator

from chalicelib.adapters.postgres import Transaction
from chalicelib.api.answers import Timestamp, View, answer, empty, page
from chalicelib.api.requests import Body, Page, cursor_parts, encode_cursor, path_uuid
from chalicelib.api.resource import Call, Resource
from chalicelib.designer.errors import ToolNotFound
from chalicelib.designer.store import OwnTool
from chalicelib.designer.tools.catalogue import common_tools
from chalicelib.designer.tools.models import Tool
from chalicelib.jobs.service import Answer

resource = Resource("tools", "tools")


class ToolView(View):
    tool_id: UUID | None = Field(description="Of a tool of your own; null for those of the catalogue.")
    name: str
    title: str
    description: str
    parameters: dict[str, Any] = Field(description="JSON Schema.")
    credentials: list[str]
    effects: list[Literal["read", "write"]]
    synonyms: list[str]
    mcp: dict[str, Any] | None
    origin: Literal["catalogue", "user"]
    created_at: Timestamp | None
    updated_at: Timestamp | None


class ToolPage(View):
    items: list[ToolView]
    next_cursor: str | None


class ToolsView(View):
    items: list[ToolView]


class ToolsQuery(Page):
    origin: Literal["catalogue", "user"] | None = None


class NewToolBody(Body):
    """One tool, or all operations of an OpenAPI 3 document."""

    tool: dict[str, Any] | None = Field(default=None, description="name, description, parameters (JSON Schema), …")
    openapi: str | None = Field(default=None, max_length=2_000_000, description="The document's text (JSON).")

    @model_validator(mode="after")
    def _is_one(self) -> NewToolBody:
        if (self.tool is None) == (self.openapi is None):
            raise ValueError("give either tool or openapi")
        return self


class ToolChanges(Body):
    tool: dict[str, Any] = Field(min_length=1, description="What is to change of it.")


class ModelView(View):
    use: str = Field(description="What it is used for: chat, extraction, design, …")
    provider: str
    model: str
    is_reachable: bool
    failure_class: str | None


class ModelsView(View):
    items: list[ModelView]
    names: list[str] = Field(description="Models that the endpoint names.")


@resource.get("/tools", query=ToolsQuery, answers={200: ToolPage})
def get_tools(call: Call) -> Response:
    """The tools a design may use, by name: the catalogue's and your own."""
    query: ToolsQuery = call.query
    own = [_own(tool) for tool in call.services.tools.tools(call.user_id)] if query.origin != "catalogue" else []
    common = [_common(tool) for tool in common_tools()] if query.origin != "user" else []
    after = cursor_parts("tools", query.cursor, r"([a-z0-9_]+)")[0] if query.cursor else ""
    found = sorted((tool for tool in own + common if tool.name > after), key=lambda tool: tool.name)
    return page(
        ToolPage, found[: query.limit + 1], query.limit, lambda tool: tool, lambda t: encode_cursor("tools", t.name)
    )  # fmt: skip


@resource.post("/tools", body=NewToolBody, answers={201: ToolsView}, errors=(409,), is_idempotent=True)
def post_tool(call: Call) -> Response:
    """Add tools of your own: one by its JSON Schema, or those of an OpenAPI document. Nothing is fetched."""
    body: NewToolBody = call.body

    def write(tx: Transaction) -> Answer:
        added = call.services.tools.add(tx, call.user_id, body.tool, body.openapi)
        return 201, ToolsView(items=[_own(tool) for tool in added]).model_dump(mode="json")

    return call.write(write)


@resource.get("/tools/{tool_id}", answers={200: ToolView}, errors=(404,))
def get_tool(call: Call) -> Response:
    """One tool of your own."""
    return answer(200, _own(call.services.tools.get(call.user_id, _tool_id(call))))


@resource.patch(
    "/tools/{tool_id}", body=ToolChanges, answers={200: ToolView}, errors=(404, 409), is_idempotent=True
)  # fmt: skip
def patch_tool(call: Call) -> Response:
    """Change a tool of your own. Sessions that use it keep it as it was when it was chosen."""

    def write(tx: Transaction) -> Answer:
        tool = call.services.tools.update(tx, call.user_id, _tool_id(call), call.body.tool)
        return 200, _own(tool).model_dump(mode="json")

    return call.write(write)


@resource.delete("/tools/{tool_id}", answers={204: None}, errors=(404,))
def delete_tool(call: Call) -> Response:
    """Delete a tool of your own."""
    call.services.tools.delete(call.user_id, _tool_id(call))
    return empty()


@resource.get("/models", answers={200: ModelsView})
def get_models(call: Call) -> Response:
    """Which models are configured for what, whether their endpoint answers, and what it offers."""
    found = call.services.models.models()
    return answer(200, ModelsView.model_validate(found))


def _tool_id(call: Call) -> UUID:
    return path_uuid(call.path["tool_id"], ToolNotFound)


def _own(own: OwnTool) -> ToolView:
    return _view(own.tool, own.tool_id, own.created_at, own.updated_at, "user")


def _common(tool: Tool) -> ToolView:
    return _view(tool, None, None, None, "catalogue")


def _view(tool: Tool, tool_id: UUID | None, created_at: Any, updated_at: Any, origin: Any) -> ToolView:
    shown = tool.model_dump(mode="json", include=set(ToolView.model_fields) - {"origin"})
    return ToolView(**shown, tool_id=tool_id, created_at=created_at, updated_at=updated_at, origin=origin)
