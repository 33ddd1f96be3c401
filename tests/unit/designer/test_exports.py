"""Exports: their form, their losses, and the way back. Other programs' own readers are in tests/validators."""

from __future__ import annotations

import ast
import json
from typing import Any, get_args

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.designer.errors import InvalidDesign
from chalicelib.designer.exports.formats import FORMATS, export, read_design, state_of
from chalicelib.designer.exports.models import Export, FormatId
from chalicelib.designer.exports.yaml_text import dump
from chalicelib.designer.stages import missing
from tests.support.design import Talk, ready

NASTY = 'write "quotes" \'\'\'and\'\'\' """more""" {{braces}} {one} \\back\\ @SPECS@ <tag> é 😀 #comment: --- end'


def nasty() -> Talk:
    talk = Talk()
    talk.say("a bot", NASTY, f"tone: {NASTY}", "Slack, our Frobnicator, web search")
    return talk


def exported(talk: Talk, name: FormatId) -> Export:
    return export(talk.design, name)


def test_every_format_has_an_exporter() -> None:
    """What a client may ask for is what there is."""
    assert set(FORMATS) == set(get_args(FormatId))


@pytest.mark.parametrize("name", FORMATS)
def test_every_export_says_what_it_is_loses_and_needs(name: FormatId) -> None:
    """Losses for every format but Glia's own; tools that write are among the confirmations, whatever the format."""
    made = exported(ready(), name)
    assert made.artifact
    assert made.filename
    assert made.target_version
    assert bool(made.losses) == (name != "glia")
    assert made.runnable.confirmations == ["slack", "calendar"]


@pytest.mark.parametrize("name", ["openai-agents", "langgraph"])
def test_code_is_python_in_which_users_words_are_literals_only(name: FormatId) -> None:
    """Quotes, braces and the template's own marks in a goal end no literal."""
    made = exported(nasty(), name)
    tree = ast.parse(made.artifact)
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    assert "ToolNotConfigured" in names
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert any(NASTY in text for text in texts)
    assert made.runnable.placeholders == ["slack", "web_search", "frobnicator"]


@pytest.mark.parametrize("name", ["agent-spec-yaml", "adk", "dify"])
def test_yaml_reads_back(name: FormatId) -> None:
    """By a YAML reader that is not ours."""
    assert isinstance(yaml.safe_load(exported(nasty(), name).artifact), dict)


def test_both_forms_of_the_agent_spec_say_the_same() -> None:
    """And no placeholder of a user's becomes an input."""
    talk = nasty()
    spec = json.loads(exported(talk, "agent-spec-json").artifact)
    assert yaml.safe_load(exported(talk, "agent-spec-yaml").artifact) == spec
    assert "{{" not in spec["system_prompt"]
    assert {tool["name"]: tool["requires_confirmation"] for tool in spec["tools"]}["slack"] is True


def check_dify(document: dict[str, Any]) -> None:
    """Our own reading of the format: edges join nodes by handles that they have; addresses name variables."""
    assert (document["kind"], document["app"]["mode"]) == ("app", "workflow")
    graph = document["workflow"]["graph"]
    nodes = {node["id"]: node["data"] for node in graph["nodes"]}
    assert len(nodes) == len(graph["nodes"])
    handles: dict[str, set[str]] = {}
    for node, data in nodes.items():
        assert data["title"]
        cases = {str(case["case_id"]) for case in data.get("cases", [])} | (
            {"false"} if data["type"] == "if-else" else set()
        )
        handles[node] = cases or {str(c["id"]) for c in data.get("classes", [])} or {"source"}
    for edge in graph["edges"]:
        assert edge["sourceHandle"] in handles[edge["source"]]
        assert edge["target"] in nodes
        assert edge["data"]["sourceType"] == nodes[edge["source"]]["type"]
        assert edge["data"]["targetType"] == nodes[edge["target"]]["type"]
        handles[edge["source"]].discard("source")
    left = {node: rest for node, rest in handles.items() if nodes[node]["type"] != "end" and rest == {"source"}}
    assert left == {}, "every way leads to an end"
    assert sum(data["type"] == "start" for data in nodes.values()) == 1
    variables = {entry["name"] for entry in document["workflow"]["environment_variables"]}
    for data in nodes.values():
        if data["type"] == "http-request":
            assert data["url"].removeprefix("{{#env.").removesuffix("#}}") in variables


def test_difys_file_is_a_whole_graph() -> None:
    """One goal or several, with tools or without."""
    several = Talk()
    several.say("a bot", "track orders, send emails", "formal", "Shopify, email")
    for talk in (ready(), nasty(), several, Talk()):
        check_dify(yaml.safe_load(exported(talk, "dify").artifact))


def test_mcp_names_servers_and_tools_without_one() -> None:
    """Credentials stand as variables."""
    talk = Talk()
    talk.say("a bot", "plan", "formal", "yes", "web search, Jira, Confluence, payroll")
    made = exported(talk, "mcp")
    servers = json.loads(made.artifact)["mcpServers"]
    assert servers["brave-search"]["env"] == {"BRAVE_API_KEY": "${BRAVE_API_KEY}"}
    assert set(servers["atlassian"]["env"]) == {"JIRA_URL", "JIRA_API_TOKEN", "CONFLUENCE_URL", "CONFLUENCE_API_TOKEN"}
    assert "No MCP server is suggested for payroll." in made.losses


def test_a_subagent_file_has_front_matter() -> None:
    """Name, description and the tools Claude Code knows; others are lost by name."""
    made = exported(ready("also add search"), "claude-subagent")
    _, front, body = made.artifact.split("---\n", 2)
    read = yaml.safe_load(front)
    assert read["name"] == "customer-support-bot"
    assert read["tools"] == "mcp__slack, WebSearch"
    assert "<goals>" in body
    assert any("calendar" in loss for loss in made.losses)


def test_a_draft_says_what_is_assumed() -> None:
    """An unfinished session exports too."""
    talk = Talk()
    talk.say("a sales bot")
    assert "goals, tone, use_tools" in exported(talk, "openai-agents").losses[-1]
    assert [name.value for name in talk.design.missing] == ["goals", "tone", "use_tools"]
    again = state_of(read_design(exported(talk, "glia").artifact))
    assert missing(again) == talk.design.missing


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": "other"}', '{"format": "glia-design", "version": 2}', "[" * 100_000]
)
def test_what_is_no_design_is_refused(text: str) -> None:
    """With a code, and without quoting it."""
    with pytest.raises(InvalidDesign):
        read_design(text)


def test_a_spoilt_design_names_its_fields() -> None:
    """The first few that do not fit."""
    document = json.loads(exported(ready(), "glia").artifact)
    document["design"]["goals"] = []
    with pytest.raises(InvalidDesign) as refused:
        read_design(json.dumps(document))
    assert refused.value.details["fields"] == ["goals"]


TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS.filter(bool), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS.filter(bool), DATA, max_size=5))
def test_our_yaml_reads_back_as_it_was(data: dict[str, Any]) -> None:
    """Any text, with any characters, under any key."""
    assert yaml.safe_load(dump(data)) == (data or {})
