"""`glia routing`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from glia_sdk.cli import listing, options, surroundings
from glia_sdk.cli.listing import Column, Row

EXAMPLES = """\b
Examples:
  glia routing replay --policy v1          where v1 would have opened topics
  glia routing replay --policy never --limit 4000 --json
"""
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


class Policy(StrEnum):
    V0 = "v0"
    V1 = "v1"
    NEVER = "never"


def _decision(side: str) -> Column:
    """What was, or would be, decided."""

    def told(row: Row) -> str:
        decided: Any = row.get(side) or {}
        return f"{decided.get('rule')} ({'opens a topic' if decided.get('opens_topic') else 'goes on'})"

    return Column(side.upper(), told, is_text=True)


COLUMNS = (Column("MESSAGE", "message_id"), _decision("was"), _decision("would"))


@app.callback()
def routing() -> None:
    """How messages find their topics."""


@app.command("replay", epilog="Example: glia routing replay --policy v1")
def replay(
    context: typer.Context,
    policy: Annotated[Policy, typer.Option(help="The policy to replay.")],
    limit: Annotated[int, typer.Option(min=1, max=4_000, help="Messages to look at, the newest.")] = 1_000,
    up_to: Annotated[int | None, typer.Option(min=1, metavar="MESSAGE", help="The last message to look at.")] = None,
    as_json: options.JsonDocument = False,
    profile: options.Profile = None,
) -> None:
    """Show what a policy would have decided over your history; nothing is changed."""
    around = surroundings.of(context)
    asked = {"policy": policy.value, "limit": limit} | ({"up_to_message_id": up_to} if up_to else {})
    with around.session(profile) as client:
        report = client.ask("/routing/replays", asked)
    if as_json:
        listing.show_json(around.screen, report)
        return
    listing.show_fields(around.screen, _flat(report), as_json=False)
    if report.get("changes"):
        around.screen.line("")
        listing.as_table(COLUMNS)(around.screen, report["changes"])


def _flat(report: Row) -> Row:
    """The report with its figures each on a line of its own."""
    agreement: Any = report.get("agreement") or {}
    told = {name: value for name, value in report.items() if name != "agreement"}
    for name, value in agreement.items():
        figures = value if isinstance(value, dict) else {"messages": value}
        told |= {f"{name}_{figure}": number for figure, number in figures.items()}
    return told
