"""The user's own tools: from JSON schemas or an OpenAPI document, as text; nothing is fetched."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chalicelib.adapters.clock import NewId
from chalicelib.adapters.postgres import Database, Transaction
from chalicelib.designer import store
from chalicelib.designer.errors import ToolNameTaken, ToolNotFound, TooManyTools
from chalicelib.designer.store import OwnTool
from chalicelib.designer.tools.catalogue import common_tools
from chalicelib.designer.tools.models import Tool
from chalicelib.designer.tools.own import tool_of_schema, tools_of_openapi

MOST_TOOLS = 500  # of one user


class OwnTools:
    def __init__(self, db: Database, new_id: NewId) -> None:
        self._db = db
        self._new_id = new_id

    def tools(self, user_id: UUID) -> list[OwnTool]:
        """By name."""
        with self._db.user(user_id) as tx:
            return store.list_tools(tx, user_id)

    def get(self, user_id: UUID, tool_id: UUID) -> OwnTool:
        with self._db.user(user_id) as tx:
            return _found(store.get_tool(tx, user_id, tool_id))

    def add(self, tx: Transaction, user_id: UUID, tool: dict[str, Any] | None, openapi: str | None) -> list[OwnTool]:
        """Adds one tool, or one for each operation of an OpenAPI document. All or none.

        Raises:
            InvalidTool, ToolNameTaken, TooManyTools
        """
        taken = {own.tool.name for own in store.list_tools(tx, user_id)}
        reserved = {common.name for common in common_tools()} | (taken if openapi is not None else set())
        made = [tool_of_schema(tool, reserved)] if tool is not None else tools_of_openapi(openapi or "", reserved)
        if len(taken) + len(made) > MOST_TOOLS:
            raise TooManyTools(limit=MOST_TOOLS)
        added = store.insert_tools(tx, user_id, [(self._new_id(), one) for one in made])
        if len(added) < len(made):
            raise ToolNameTaken(names=sorted({one.name for one in made} & taken))
        return added

    def update(self, tx: Transaction, user_id: UUID, tool_id: UUID, changes: dict[str, Any]) -> OwnTool:
        """
        Raises:
            ToolNotFound, InvalidTool, ToolNameTaken
        """
        held = _found(store.get_tool(tx, user_id, tool_id))
        described = held.tool.model_dump(mode="json", include=set(DESCRIBED)) | changes
        updated = store.update_tool(tx, user_id, tool_id, _described(described))
        if updated is None:
            raise ToolNameTaken(names=[described["name"]])
        return updated

    def delete(self, user_id: UUID, tool_id: UUID) -> None:
        with self._db.user(user_id) as tx:
            if not store.delete_tool(tx, user_id, tool_id):
                raise ToolNotFound()


DESCRIBED = ("name", "title", "description", "parameters", "effects", "credentials", "synonyms")


def _described(entry: dict[str, Any]) -> Tool:
    return tool_of_schema(entry, {common.name for common in common_tools()})


def _found(tool: OwnTool | None) -> OwnTool:
    if tool is None:
        raise ToolNotFound()
    return tool
