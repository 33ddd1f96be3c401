"""`glia design export` and `glia design validate`: designs as files."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from glia_sdk.cli import listing, options, surroundings
from glia_sdk.cli.design_dialogue import id_of
from glia_sdk.cli.listing import Column, Row, cell, path
from glia_sdk.cli.screen import harmless
from glia_sdk.cli.surroundings import FAILED, Surroundings
from glia_sdk.client import Client

EXPORT_EXAMPLE = "Example: glia design export ID --format agent-spec-json --output agent.json"
VALIDATE_EXAMPLE = "Example: glia design validate agent.json"
FINDINGS = (
    Column("SEVERITY", "severity"),
    Column("CODE", "code"),
    Column("ABOUT", "about"),
    Column("MESSAGE", "message", is_text=True),
)


class Format(StrEnum):
    AGENT_SPEC_JSON = "agent-spec-json"
    AGENT_SPEC_YAML = "agent-spec-yaml"
    OPENAI_AGENTS = "openai-agents"
    OPENAI_TOOLS = "openai-tools"
    LANGGRAPH = "langgraph"
    ADK = "adk"
    DIFY = "dify"
    MCP = "mcp"
    MERMAID = "mermaid"
    CLAUDE_SUBAGENT = "claude-subagent"
    GLIA = "glia"


def export(
    context: typer.Context,
    session_id: Annotated[str, typer.Argument(metavar="ID", help="The session's id.")],
    kind: Annotated[Format, typer.Option("--format", help="For which program.")] = Format.GLIA,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", dir_okay=False, help="Where to write it; else to stdout.")
    ] = None,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Write a design in another program's format; stderr says what that cannot express."""
    around = surroundings.of(context)
    with around.session(profile) as client:
        made = client.read(path("sessions", session_id, "export"), format=kind)
    artifact = str(made.get("artifact", ""))
    if output is not None:
        _write(around, output, artifact)
    if as_json:
        listing.show_json(around.screen, made)
        return
    if output is None:
        around.screen.line((harmless(artifact) if around.screen.is_live else artifact).removesuffix("\n"))
    for loss in made.get("losses") or []:
        around.screen.note(cell(loss))


def _write(around: Surroundings, output: Path, artifact: str) -> None:
    try:
        output.write_bytes(artifact.encode())
    except OSError as error:
        around.screen.error(f"cannot write {output}: {error.strerror}")
        raise typer.Exit(FAILED) from None


def validate(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="What to check.")],
    session_id: Annotated[
        str | None,
        typer.Option("--session", metavar="ID", help="The file is a workflow; check it against this design."),
    ] = None,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Check a design in Glia's own format, or a workflow. Exit code 1 if there is an error.

    A design is checked in a session of its own, which is given up at once.
    """
    text, around = text_of(file), surroundings.of(context)
    workflow = None if session_id is None else _workflow(text)
    with around.session(profile) as client:
        if session_id is None:
            found = _check_design(around, client, text)
        else:
            found = client.ask(path("sessions", session_id, "workflow", "validate"), {"workflow": workflow})
    if as_json:
        listing.show_json(around.screen, found)
    else:
        listing.as_table(FINDINGS)(around.screen, found.get("findings") or [])
        around.screen.note("valid" if found.get("is_valid") else "not valid")
    if not found.get("is_valid"):
        raise typer.Exit(FAILED)


def _check_design(around: Surroundings, client: Client, text: str) -> Row:
    begun = client.make("/sessions/create", {"design": text}, idempotency_key=around.new_id())
    session_id = id_of(begun)
    try:
        return client.ask(path("sessions", session_id, "workflow", "validate"), {})
    finally:
        client.remove(path("sessions", session_id))


def text_of(file: Path) -> str:
    """
    Raises:
        BadParameter: it is not UTF-8 text.
    """
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{file} is not UTF-8 text") from None


def _workflow(text: str) -> Row:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise typer.BadParameter("a workflow is a JSON object")
    return found
