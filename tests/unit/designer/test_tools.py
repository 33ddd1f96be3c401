"""The catalogue, tools for unknown wishes, and the user's own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.designer.checks import check_design
from chalicelib.designer.errors import InvalidTool
from chalicelib.designer.tools.catalogue import catalogue, common_tools, name_of
from chalicelib.designer.tools.models import Effect, Origin
from chalicelib.designer.tools.own import tool_of_schema, tools_of_openapi
from chalicelib.designer.tools.schema import problems, strict
from tests.support.design import Talk, ready

OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "paths": {
        "/parcels/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {"operationId": "trackParcel", "summary": "Where a parcel is"},
            "post": {
                "operationId": "movePParcel",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Move"}}},
                },
            },
        }
    },
    "components": {
        "schemas": {"Move": {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}},
        "securitySchemes": {"shopKey": {"type": "apiKey", "name": "key", "in": "header"}},
    },
}


def test_every_tool_of_the_catalogue_is_whole() -> None:
    """Description, schema, effects, synonyms; credentials are names of variables; no phrase means two tools."""
    phrases: list[str] = []
    assert len(common_tools()) >= 40
    for tool in common_tools():
        assert list(problems(tool.parameters)) == []
        assert tool.effects
        assert tool.covers
        assert all(name.isupper() for name in tool.credentials)
        assert tool.mcp is None or bool(tool.mcp.command) != bool(tool.mcp.url)
        phrases += [*tool.synonyms, *tool.hints]
    assert len(phrases) == len(set(phrases))


@pytest.mark.parametrize(("wish", "name"), [("Gmail", "email"), ("GitHub API", "github"), ("web_search", "web_search")])
def test_a_wish_is_resolved_by_name_and_synonym(wish: str, name: str) -> None:
    """Whatever its case; what means nothing is None."""
    tool = catalogue().resolve(wish)
    assert tool is not None
    assert tool.name == name
    assert catalogue().resolve("Frobnicator") is None


def test_an_unknown_wish_becomes_a_generic_tool_with_a_warning() -> None:
    """A function, or an HTTP call where it speaks of one; it asks before it writes; the catalogue stays closed."""
    talk = ready("go back to tools", "our Frobnicator 3000, our parcel API")
    made = {tool.title: tool for tool in talk.state.wishes}
    assert set(made) == {"Frobnicator 3000", "parcel API"}
    assert set(made["parcel API"].parameters["properties"]) >= {"method", "path"}
    assert all(talk.design.needs_approval(tool) and tool.origin is Origin.WISH for tool in made.values())
    assert talk.last is not None
    assert "The catalogue has no tool for 'Frobnicator 3000'" in talk.last.reply
    assert {f.about for f in check_design(talk.design) if f.code == "generic_tool"} == {t.name for t in made.values()}
    assert len(catalogue().by_name) == len(common_tools())


def test_own_tools_from_an_openapi_text_are_used_like_any_other() -> None:
    """One an operation: parameters and body inlined, GET only reads, credentials named, found by its words."""
    tools = tools_of_openapi(json.dumps(OPENAPI), catalogue().by_name)
    assert [tool.name for tool in tools] == ["track_parcel", "move_pparcel"]
    track, move = tools
    assert (track.effects, track.credentials) == ([Effect.READ], ["SHOPKEY"])
    assert track.parameters["required"] == ["id"]
    assert move.parameters["properties"]["body"]["properties"]["to"] == {"type": "string"}
    assert move.writes
    talk = Talk(tools)
    talk.say("a shop bot that tracks parcels", "friendly", "use track parcel and Slack")
    assert talk.value("tools") == ["track_parcel", "slack"]
    assert [tool.name for tool in talk.state.own_tools] == ["track_parcel"]
    assert talk.design.tools[0].origin is Origin.USER


@pytest.mark.parametrize(
    "text",
    [
        "openapi: 3.1.0",
        "[]",
        '{"swagger": "2.0"}',
        '{"openapi": "3.0.0", "paths": {}}',
        json.dumps(
            {"openapi": "3.0.0", "paths": {"/a": {"get": {"parameters": [{"$ref": "https://x.invalid/p.json"}]}}}}
        ),
        json.dumps({"openapi": "3.0.0", "paths": {"/a": {"get": {"parameters": [{"$ref": "#/nowhere"}]}}}}),
        json.dumps(
            {
                "openapi": "3.0.0",
                "paths": {"/a": {"get": {"parameters": [{"name": "x", "schema": {"$ref": "#/components/schemas/A"}}]}}},
                "components": {
                    "schemas": {"A": {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/A"}}}}
                },
            }
        ),
        '{"openapi": "3.0.0", "paths": ' + "[" * 100_000,
        " " * 500_001,
    ],
)
def test_a_document_that_cannot_be_used_is_refused_and_nothing_is_fetched(text: str) -> None:
    """Not JSON, no operations, references outside or in a circle, too large: each a clear 422."""
    with pytest.raises(InvalidTool) as refused:
        tools_of_openapi(text, ())
    assert (refused.value.status, refused.value.code) == (422, "invalid_tool")


def test_own_tools_from_a_schema_are_checked() -> None:
    """A name that is taken, no parameters, unknown effects: refused."""
    entry = {"name": "price_list", "description": "Prices", "parameters": {"type": "object", "properties": {}}}
    tool = tool_of_schema(entry, catalogue().by_name)
    assert (tool.origin, tool.writes) == (Origin.USER, True)
    wrong: list[Any] = [
        None,
        {**entry, "name": "email"},
        {**entry, "name": "Not a name"},
        {**entry, "parameters": {"type": "string"}},
        {**entry, "parameters": {"type": "object", "properties": {"a": {"$ref": "#/x"}}}},
        {**entry, "effects": ["explode"]},
        {**entry, "effects": []},
        {**entry, "description": ""},
    ]
    for entry in wrong:
        with pytest.raises(InvalidTool):
            tool_of_schema(entry, catalogue().by_name)


def test_names_are_identifiers_and_free() -> None:
    """Whatever a user calls it."""
    assert name_of("Foo CRM!") == "foo_crm"
    assert name_of("3D printer") == "tool_3d_printer"
    assert name_of("Übersicht 😀") == "bersicht"
    assert name_of("😀") == "tool"
    assert name_of("Foo CRM", ["foo_crm", "foo_crm_2"]) == "foo_crm_3"


def test_strict_schemas_require_everything_and_open_ones_stay_as_they_are() -> None:
    """What may be left out becomes nullable."""
    made, is_strict = strict(
        {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string", "enum": ["x"]}},
            "required": ["a"],
            "additionalProperties": False,
        }
    )
    assert is_strict
    assert made["required"] == ["a", "b"]
    assert made["properties"]["b"] == {"type": ["string", "null"], "enum": ["x", None]}
    assert strict({"type": "object"}) == ({"type": "object"}, False)


def test_mcp_suggestions_stand_in_the_tools_configuration() -> None:
    """Where there is a server; else null."""
    from chalicelib.designer.outputs import tools_config

    talk = ready("also add GitHub")
    configured = {tool["name"]: tool["mcp"] for tool in tools_config(talk.design)}
    assert configured["github"]["url"].startswith("https://")
    assert configured["calendar"] is None
